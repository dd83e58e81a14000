# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=False
# cython: freethreading_compatible=True
"""The C engine's calls: check arrays, release the GIL, one call, map the status.

No arithmetic happens here; csrc/fastmlp.h says what each call does. The checks repeat what
the face has promised, so that a wrong call can never read out of bounds.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc

import os

import numpy as np

cimport numpy as cnp

cnp.import_array()


cdef extern from "fastmlp.h" nogil:
    ctypedef enum fm_status:
        FM_OK, FM_ERROR_ARGUMENT, FM_ERROR_MEMORY, FM_ERROR_SIZE, FM_ERROR_ISA
    const char *fm_status_message(fm_status status)

    ctypedef enum fm_operation_kind:
        pass
    ctypedef struct fm_operation:
        fm_operation_kind kind
        size_t outputs
        bint use_bias, trainable
        double negative_slope, max_value, threshold, rate
        uint64_t seed
        double scale, offset
    ctypedef enum fm_loss_kind:
        FM_SPARSE_CATEGORICAL_CROSSENTROPY
    ctypedef enum fm_reduction:
        pass
    ctypedef struct fm_loss:
        fm_loss_kind kind
        bint from_logits
        double label_smoothing, epsilon
        fm_reduction reduction
    ctypedef enum fm_optimizer_kind:
        pass
    ctypedef struct fm_optimizer:
        fm_optimizer_kind kind
        double beta_1, beta_2, epsilon, momentum
        bint nesterov
    ctypedef struct fm_network:
        pass
    fm_status fm_network_create(fm_network **network, const char *isa, size_t inputs,
                                const fm_operation *operations, size_t operation_count,
                                const fm_loss *loss, const fm_optimizer *optimizer)
    void fm_network_free(fm_network *network)
    fm_status fm_network_read(fm_network *network, size_t parameter, int slot, double *values)
    fm_status fm_network_write(fm_network *network, size_t parameter, int slot,
                               const double *values)

    ctypedef enum fm_dtype:
        FM_FLOAT64, FM_FLOAT32, FM_UINT8
    ctypedef struct fm_data:
        const void *x
        fm_dtype dtype
        size_t rows
        const int32_t *labels
        const double *targets
        const double *sample_weight
    fm_status fm_train(fm_network *network, const fm_data *data, const int64_t *order,
                       size_t epochs, size_t count, size_t batch, const double *rates,
                       int64_t *iterations, double *losses, double *outputs)
    fm_status fm_evaluate(fm_network *network, const fm_data *data, double *losses,
                          double *outputs)
    fm_status fm_predict(fm_network *network, const fm_data *data, int64_t dropout_step,
                         double *outputs)

    fm_status fm_matmul(double *y, const double *a, bint a_transposed, const double *b,
                        bint b_transposed, size_t m, size_t k, size_t n)
    void c_permutation "fm_permutation"(uint64_t seed, uint64_t step, size_t n, int64_t *order)
    const char *fm_isa_name(size_t index)
    bint fm_isa_usable(const char *name)
    const char *fm_network_isa(const fm_network *network)
    size_t fm_get_num_threads()
    void fm_set_num_threads(size_t count)
    size_t fm_usable_cpus()


cdef extern from "kernels.h" nogil:
    const void *fm_kernel_address(const char *isa, const char *name)


cdef extern from *:
    """
    static const char build_compiler[] = FASTMLP_COMPILER;
    static const char build_type[] = FASTMLP_BUILD_TYPE;
    static const char build_sanitizers[] = FASTMLP_SANITIZERS;
    """
    const char build_compiler[]
    const char build_type[]
    const char build_sanitizers[]


cdef int check(fm_status status) except -1:
    if status == FM_OK:
        return 0
    message = fm_status_message(status).decode()
    if status == FM_ERROR_ISA:
        raise ValueError(
            "environment variable FASTMLP_ISA must name an instruction set that this CPU can "
            f"run, one of {[name for name in isas() if isa_usable(name)]}. "
            f"Received: FASTMLP_ISA={os.environ.get('FASTMLP_ISA')!r}"
        )
    if status == FM_ERROR_MEMORY:
        raise MemoryError(message)
    raise ValueError(message)


cdef void *data_of(cnp.ndarray array, int type_number, tuple shape, str name) except NULL:
    """The pointer of an array after checking its dtype, layout and shape."""
    if (cnp.PyArray_TYPE(array) != type_number or not cnp.PyArray_IS_C_CONTIGUOUS(array)
            or not cnp.PyArray_ISALIGNED(array) or (<object>array).shape != shape):
        raise ValueError(
            f"{name} must be a C-contiguous array of shape {shape} and the engine's dtype. "
            f"Received: dtype={array.dtype}, shape={(<object>array).shape}"
        )
    return cnp.PyArray_DATA(array)


cdef class CNetwork:
    """A network of the C engine; see fm_network_create for the meaning of the tuples.

    operations: (kind, outputs, use_bias, trainable, negative_slope, max_value, threshold,
    rate, seed, scale, offset) each; loss: (kind, from_logits, label_smoothing, epsilon,
    reduction) and optimizer: (kind, beta_1, beta_2, epsilon, momentum, nesterov), or both None.
    """

    cdef fm_network *network
    cdef size_t inputs, outputs
    cdef bint sparse_labels
    cdef list shapes

    def __cinit__(self, size_t inputs, size_t outputs, list operations, list shapes, loss,
                  optimizer):
        cdef fm_loss c_loss
        cdef fm_optimizer c_optimizer
        cdef size_t count = len(operations)
        cdef fm_operation *c_operations = <fm_operation *>malloc((count + 1) * sizeof(fm_operation))
        cdef fm_status status
        if c_operations == NULL:
            raise MemoryError()
        self.inputs, self.outputs, self.shapes = inputs, outputs, shapes
        try:
            for i in range(count):
                (c_operations[i].kind, c_operations[i].outputs, c_operations[i].use_bias,
                 c_operations[i].trainable, c_operations[i].negative_slope,
                 c_operations[i].max_value, c_operations[i].threshold, c_operations[i].rate,
                 c_operations[i].seed, c_operations[i].scale,
                 c_operations[i].offset) = operations[i]
            if loss is None:
                status = fm_network_create(&self.network, NULL, inputs, c_operations, count,
                                           NULL, NULL)
            else:
                (c_loss.kind, c_loss.from_logits, c_loss.label_smoothing, c_loss.epsilon,
                 c_loss.reduction) = loss
                (c_optimizer.kind, c_optimizer.beta_1, c_optimizer.beta_2, c_optimizer.epsilon,
                 c_optimizer.momentum, c_optimizer.nesterov) = optimizer
                self.sparse_labels = c_loss.kind == FM_SPARSE_CATEGORICAL_CROSSENTROPY
                status = fm_network_create(&self.network, NULL, inputs, c_operations, count,
                                           &c_loss, &c_optimizer)
        finally:
            free(c_operations)
        check(status)

    def __dealloc__(self):
        fm_network_free(self.network)

    @property
    def isa(self):
        return fm_network_isa(self.network).decode()

    def read(self, size_t parameter, int slot):
        shape = self.shapes[parameter]
        cdef cnp.ndarray values = np.empty(shape)
        cdef double *c_values = <double *>cnp.PyArray_DATA(values)
        cdef fm_status status
        with nogil:  # it may wait for the end of another thread's call
            status = fm_network_read(self.network, parameter, slot, c_values)
        check(status)
        return values

    def write(self, size_t parameter, int slot, cnp.ndarray values):
        cdef double *c_values = <double *>data_of(
            values, cnp.NPY_FLOAT64, self.shapes[parameter], "value")
        cdef fm_status status
        with nogil:
            status = fm_network_write(self.network, parameter, slot, c_values)
        check(status)

    cdef fm_data data(self, cnp.ndarray x, targets, sample_weight) except *:
        cdef fm_data data
        cdef int type_number = cnp.PyArray_TYPE(x)
        cdef Py_ssize_t n = x.shape[0] if cnp.PyArray_NDIM(x) == 2 else -1
        if type_number == cnp.NPY_FLOAT32:
            data.dtype = FM_FLOAT32
        elif type_number == cnp.NPY_UINT8:
            data.dtype = FM_UINT8
        else:
            type_number = cnp.NPY_FLOAT64
            data.dtype = FM_FLOAT64
        data.x = data_of(x, type_number, (n, self.inputs), "x")
        data.rows = n
        data.labels = NULL
        data.targets = NULL
        data.sample_weight = NULL
        if targets is not None and self.sparse_labels:
            data.labels = <int32_t *>data_of(targets, cnp.NPY_INT32, (n,), "targets")
        elif targets is not None:
            data.targets = <double *>data_of(targets, cnp.NPY_FLOAT64, (n, self.outputs), "targets")
        if sample_weight is not None:
            data.sample_weight = <double *>data_of(
                sample_weight, cnp.NPY_FLOAT64, (n,), "sample_weight")
        return data

    def train(self, x, targets, sample_weight, cnp.ndarray order, size_t batch_size,
              cnp.ndarray learning_rates, cnp.ndarray iterations, bint record_outputs):
        cdef fm_data data = self.data(x, targets, sample_weight)
        cdef size_t epochs = order.shape[0], count = order.shape[1]
        steps = epochs * ((count + batch_size - 1) // batch_size) if batch_size > 0 else 0
        cdef int64_t *c_order = <int64_t *>data_of(
            order, cnp.NPY_INT64, (epochs, count), "order")
        cdef double *rates = <double *>data_of(
            learning_rates, cnp.NPY_FLOAT64, (steps,), "learning_rates")
        cdef int64_t *c_iterations = <int64_t *>data_of(
            iterations, cnp.NPY_INT64, (), "iterations")
        cdef cnp.ndarray losses = np.empty(steps)
        cdef double *c_losses = <double *>cnp.PyArray_DATA(losses)
        cdef double *c_outputs = NULL
        outputs = None
        if record_outputs:
            outputs = np.empty((epochs * count, self.outputs))
            c_outputs = <double *>cnp.PyArray_DATA(outputs)
        cdef fm_status status
        with nogil:
            status = fm_train(self.network, &data, c_order, epochs, count, batch_size, rates,
                              c_iterations, c_losses, c_outputs)
        check(status)
        return losses, outputs

    def evaluate(self, x, targets):
        cdef fm_data data = self.data(x, targets, None)
        cdef cnp.ndarray losses = np.empty(data.rows)
        cdef cnp.ndarray outputs = np.empty((data.rows, self.outputs))
        cdef double *c_losses = <double *>cnp.PyArray_DATA(losses)
        cdef double *c_outputs = <double *>cnp.PyArray_DATA(outputs)
        cdef fm_status status
        with nogil:
            status = fm_evaluate(self.network, &data, c_losses, c_outputs)
        check(status)
        return losses, outputs

    def predict(self, x, int64_t dropout_step):
        cdef fm_data data = self.data(x, None, None)
        cdef cnp.ndarray outputs = np.empty((data.rows, self.outputs))
        cdef double *c_outputs = <double *>cnp.PyArray_DATA(outputs)
        cdef fm_status status
        with nogil:
            status = fm_predict(self.network, &data, dropout_step, c_outputs)
        check(status)
        return outputs


def permutation(uint64_t seed, uint64_t step, size_t n):
    """The order of the epoch that begins at ``step``: fastmlp.random.permutation, in C."""
    cdef cnp.ndarray order = np.empty(n, np.int64)
    cdef int64_t *c_order = <int64_t *>cnp.PyArray_DATA(order)
    with nogil:
        c_permutation(seed, step, n, c_order)
    return order


cdef bint is_transposed(cnp.ndarray x):
    return cnp.PyArray_IS_F_CONTIGUOUS(x) and not cnp.PyArray_IS_C_CONTIGUOUS(x)


def matmul(cnp.ndarray a, cnp.ndarray b):
    """a (m, k) @ b (k, n) by the engine's kernels, to compare them with a BLAS. Either may be
    the transpose of a C-contiguous array."""
    cdef size_t m = a.shape[0], k = a.shape[1], n = b.shape[1]
    cdef bint a_transposed = is_transposed(a), b_transposed = is_transposed(b)
    cdef double *c_a = <double *>(data_of(a.T, cnp.NPY_FLOAT64, (k, m), "a.T") if a_transposed
                                  else data_of(a, cnp.NPY_FLOAT64, (m, k), "a"))
    cdef double *c_b = <double *>(data_of(b.T, cnp.NPY_FLOAT64, (n, k), "b.T") if b_transposed
                                  else data_of(b, cnp.NPY_FLOAT64, (k, n), "b"))
    cdef cnp.ndarray y = np.empty((m, n))
    cdef double *c_y = <double *>cnp.PyArray_DATA(y)
    cdef fm_status status
    with nogil:
        status = fm_matmul(c_y, c_a, a_transposed, c_b, b_transposed, m, k, n)
    check(status)
    return y


def isas():
    """Names of the instruction sets compiled in, best first."""
    names = []
    while fm_isa_name(len(names)) != NULL:
        names.append(fm_isa_name(len(names)).decode())
    return names


def isa_usable(str name):
    """Whether ``name`` is compiled in and this CPU runs it."""
    return fm_isa_usable(name.encode())


def build_info():
    """What was built and what runs: isa (in use), isas (compiled in), compiler, flags."""
    flags = [build_type.decode(), "-ffp-contract=off", build_sanitizers.decode()]
    return {
        "isa": CNetwork(1, 1, [], [], None, None).isa,
        "isas": isas(),
        "usable": [name for name in isas() if isa_usable(name)],
        "compiler": build_compiler.decode(),
        "flags": " ".join(flag for flag in flags if flag),
    }


def kernel_address(str isa, str name):
    """Address of a kernel of csrc/kernels.h, for tests and benchmarks to call through ctypes."""
    cdef const void *address = fm_kernel_address(isa.encode(), name.encode())
    if address == NULL:
        raise ValueError(f"no kernel {name!r} for instruction set {isa!r}")
    return <uintptr_t>address


def get_num_threads():
    return fm_get_num_threads()


def set_num_threads(size_t count):
    fm_set_num_threads(count)


def usable_cpus():
    return fm_usable_cpus()
