"""Kernel cases: what the tests check and the benchmarks time, stated once.

header.py reads the kernels' prototypes from csrc/kernels.h, words.py their options from the
catalog, memory.py calls one between guards, exact.py computes chains of fused multiply-adds
exactly, products.py, updates.py, elementwise.py, rows.py and normalization.py build calls with
what is expected of them, cases.py lists the sizes.
"""
