"""Kernel cases: what the tests check and the benchmarks time, stated once.

header.py reads the kernels' prototypes from csrc/kernels.h, memory.py calls one between guards,
exact.py computes chains of fused multiply-adds exactly, products.py, updates.py and rows.py
build calls with what is expected of them, cases.py lists the sizes.
"""
