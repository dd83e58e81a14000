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

cdef extern from "<stdbool.h>":
    ctypedef bint c_bool "bool"

cnp.import_array()


cdef extern from "fastmlp.h" nogil:
    ctypedef enum fm_status:
        FM_OK, FM_ERROR_ARGUMENT, FM_ERROR_MEMORY, FM_ERROR_SIZE, FM_ERROR_ISA
    const char *fm_status_message(fm_status status)

    enum: FM_MAX_OPTIONS
    ctypedef enum fm_family:
        FM_OPERATION_FAMILY, FM_LOSS_FAMILY, FM_REDUCTION_FAMILY, FM_OPTIMIZER_FAMILY
        FM_REGULARIZER_FAMILY, FM_CONSTRAINT_FAMILY
    int fm_find(fm_family family, const char *name)
    const char *fm_name(fm_family family, int kind)
    const char *fm_option_name(fm_family family, int kind, size_t index)
    double fm_option_default(fm_family family, int kind, size_t index)
    bint fm_loss_takes_labels(int kind)

    ctypedef enum fm_operation_kind:
        pass
    ctypedef struct fm_operation:
        fm_operation_kind kind
        double option[FM_MAX_OPTIONS]
        uint64_t seed
    ctypedef enum fm_loss_kind:
        pass
    ctypedef enum fm_reduction_kind:
        pass
    ctypedef struct fm_loss:
        fm_loss_kind kind
        double option[FM_MAX_OPTIONS]
        fm_reduction_kind reduction
        double weight
    ctypedef enum fm_optimizer_kind:
        pass
    ctypedef struct fm_optimizer:
        fm_optimizer_kind kind
        double option[FM_MAX_OPTIONS]
        double clip_norm, clip_value, clip_global_norm, weight_decay
        size_t accumulate
        bint average
        double average_momentum
        size_t average_every
        bint stored
    ctypedef enum fm_regularizer_kind:
        pass
    ctypedef struct fm_regularizer:
        fm_regularizer_kind kind
        double option[FM_MAX_OPTIONS]
    ctypedef enum fm_constraint_kind:
        pass
    ctypedef struct fm_constraint:
        fm_constraint_kind kind
        double option[FM_MAX_OPTIONS]
    ctypedef struct fm_network:
        pass
    fm_status fm_network_create(fm_network **network, const char *isa, size_t inputs,
                                const fm_operation *operations, size_t operation_count,
                                const fm_loss *loss, const fm_optimizer *optimizer)
    void fm_network_free(fm_network *network)
    ctypedef enum fm_role:
        FM_TRAINED, FM_STATE
    ctypedef struct fm_shape:
        fm_role role
        size_t rank
        size_t size[2]
    size_t fm_network_outputs(const fm_network *network)
    size_t fm_network_split(const fm_network *network)
    size_t fm_network_parameters(const fm_network *network)
    fm_status fm_network_shape(const fm_network *network, size_t parameter, fm_shape *shape)
    fm_status fm_network_slot_shape(const fm_network *network, size_t parameter, int slot,
                                    fm_shape *shape)
    fm_status fm_network_exempt(fm_network *network, size_t parameter)
    fm_status fm_network_read(fm_network *network, size_t parameter, int slot, double *values)
    fm_status fm_network_write(fm_network *network, size_t parameter, int slot,
                               const double *values)
    fm_status fm_network_regularize(fm_network *network, size_t parameter,
                                    const fm_regularizer *regularizer)
    fm_status fm_network_constrain(fm_network *network, size_t parameter,
                                   const fm_constraint *constraint)

    fm_status fm_network_tune(fm_network *network, const char *how)
    ctypedef struct fm_way:
        size_t batch
        double density
        bint by_lists
        size_t pass_rows
        size_t members
        double row_seconds
        bint chosen
    fm_status fm_network_way(fm_network *network, size_t index, fm_way *way)

    ctypedef enum fm_dtype:
        FM_FLOAT64, FM_FLOAT32, FM_UINT8
    ctypedef struct fm_coded
    ctypedef struct fm_data:
        const void *x
        fm_dtype dtype
        size_t rows
        const int32_t *labels
        const double *targets
        const double *sample_weight
        const int64_t *indptr
        const int32_t *indices
        const fm_coded *coded
    fm_status fm_code(fm_network *network, const fm_data *data, size_t most_bytes,
                      fm_coded **coded)
    void fm_coded_free(fm_coded *coded)
    fm_status fm_train(fm_network *network, const fm_data *data, const int64_t *order,
                       size_t epochs, size_t count, size_t batch, const double *rates,
                       int64_t *iterations, double *losses, double *outputs)
    size_t fm_network_gradient_size(const fm_network *network)
    fm_status fm_gradient(fm_network *network, const fm_data *data, const int64_t *order,
                          size_t count, int64_t iterations, double *loss, double *gradient)
    fm_status fm_apply(fm_network *network, const double *gradient, double rate,
                       int64_t *iterations)
    fm_status fm_pull(fm_network *network, const fm_data *data, bint graded, const double *seeds,
                      size_t count, double *parameters, double *inputs)
    fm_status fm_gauss_newton(fm_network *network, const fm_data *data, const double *seeds,
                              size_t count, double *matrix)
    fm_status fm_gauss_newton_product(fm_network *network, const fm_data *data,
                                      const double *seeds, size_t count, const double *v,
                                      double *product)
    fm_status fm_gauss_newton_diagonal(fm_network *network, const fm_data *data,
                                       const double *seeds, size_t count, double *diagonal)
    fm_status fm_evaluate(fm_network *network, const fm_data *data, double *losses,
                          double *outputs)
    fm_status fm_predict(fm_network *network, const fm_data *data, int64_t dropout_step,
                         double *outputs)
    size_t fm_network_activities(const fm_network *network)
    fm_status fm_penalties(fm_network *network, const fm_data *data, int64_t dropout_step,
                           double *parameters, double *activities)

    fm_status fm_matmul(double *y, const double *a, bint a_transposed, const double *b,
                        bint b_transposed, size_t m, size_t k, size_t n)
    fm_status fm_factor(double *lower, const double *matrix, size_t n, c_bool *positive)
    fm_status fm_solve(double *x, const double *lower, const double *b, size_t n)
    double fm_constant(const char *name)
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
    if (cnp.PyArray_TYPE(array) != type_number or not cnp.PyArray_ISCARRAY_RO(array)
            or (<object>array).shape != shape):
        raise ValueError(
            f"{name} must be a C-contiguous array of shape {shape} and the engine's dtype. "
            f"Received: dtype={array.dtype}, shape={(<object>array).shape}"
        )
    return cnp.PyArray_DATA(array)


cdef int matrix(str name, cnp.ndarray array) except -1:
    """Nothing, if an array has two axes."""
    if cnp.PyArray_NDIM(array) != 2:
        raise ValueError(f"{name} must have two axes. Received: shape={(<object>array).shape}")
    return 0


cdef int set_options(double *option, tuple options) except -1:
    """The options of a word, in the catalog's order."""
    if len(options) > FM_MAX_OPTIONS:
        raise ValueError(f"a word has at most {FM_MAX_OPTIONS} options. Received: {options}")
    for i in range(FM_MAX_OPTIONS):
        option[i] = options[i] if i < len(options) else 0.0
    return 0


cdef class Coded:
    """Samples by the codes of their values; of CNetwork.code."""

    cdef fm_coded *coded

    def __dealloc__(self):
        fm_coded_free(self.coded)


cdef class CNetwork:
    """A network of the C engine.

    operations: (kind, options, seed) each; loss: (kind, options, reduction, weight) and optimizer:
    (kind, options, clip_norm, clip_value, clip_global_norm, weight_decay, accumulate, average,
    average_momentum, average_every, stored), or both None. Kinds are numbers of the catalog,
    options tuples of floats in its order. exempt: parameters that weight decay leaves alone.
    """

    cdef fm_network *network
    cdef size_t inputs, outputs, split
    cdef bint labels

    def __cinit__(self, size_t inputs, list operations, tuple loss, tuple optimizer,
                  tuple exempt=()):
        cdef fm_loss c_loss
        cdef fm_optimizer c_optimizer
        cdef size_t count = len(operations)
        cdef fm_operation *c_operations = <fm_operation *>malloc((count + 1) * sizeof(fm_operation))
        cdef fm_status status
        if c_operations == NULL:
            raise MemoryError()
        # Python's copy of the environment, not the C library's: threads may change that one
        # while it is read.
        cdef bytes chosen = os.fsencode(os.environ.get("FASTMLP_ISA", best_isa()))
        cdef const char *isa = chosen
        try:
            for i in range(count):
                kind, options, seed = operations[i]
                c_operations[i].kind, c_operations[i].seed = kind, seed
                set_options(c_operations[i].option, options)
            if loss is None:
                status = fm_network_create(&self.network, isa, inputs, c_operations, count,
                                           NULL, NULL)
            else:
                kind, options, c_loss.reduction, c_loss.weight = loss
                c_loss.kind = kind
                set_options(c_loss.option, options)
                (kind, options, c_optimizer.clip_norm, c_optimizer.clip_value,
                 c_optimizer.clip_global_norm, c_optimizer.weight_decay, c_optimizer.accumulate,
                 c_optimizer.average, c_optimizer.average_momentum, c_optimizer.average_every,
                 c_optimizer.stored) = optimizer
                c_optimizer.kind = kind
                set_options(c_optimizer.option, options)
                status = fm_network_create(&self.network, isa, inputs, c_operations, count,
                                           &c_loss, &c_optimizer)
        finally:
            free(c_operations)
        check(status)
        cdef bytes how = os.fsencode(os.environ.get("FASTMLP_TUNE", "1"))
        if fm_network_tune(self.network, how) != FM_OK:
            raise ValueError(
                "environment variable FASTMLP_TUNE must be 1 (ways of training are chosen by "
                "measuring), 0 (by rule), lists, dense, whole or turns. "
                f"Received: FASTMLP_TUNE={os.environ.get('FASTMLP_TUNE')!r}"
            )
        for parameter in exempt:
            check(fm_network_exempt(self.network, parameter))
        self.labels = loss is not None and fm_loss_takes_labels(loss[0])
        self.inputs, self.outputs = inputs, fm_network_outputs(self.network)
        self.split = fm_network_split(self.network)

    def __dealloc__(self):
        fm_network_free(self.network)

    @property
    def isa(self):
        return fm_network_isa(self.network).decode()

    @property
    def ways(self):
        """What is known of ways of training, by batch size: a dict of each."""
        cdef fm_way way
        found = []
        while fm_network_way(self.network, len(found), &way) == FM_OK:
            found.append({
                "batch": way.batch, "density": way.density, "by_lists": way.by_lists,
                "pass_rows": way.pass_rows, "threads": way.members,
                "row_seconds": way.row_seconds, "chosen": way.chosen,
            })
        return found

    cdef tuple shape(self, size_t parameter):
        cdef fm_shape shape
        check(fm_network_shape(self.network, parameter, &shape))
        return tuple([shape.size[i] for i in range(shape.rank)])

    @property
    def roles(self):
        """The role of each parameter, "trained" or "state"."""
        cdef fm_shape shape
        roles = []
        for i in range(fm_network_parameters(self.network)):
            check(fm_network_shape(self.network, i, &shape))
            roles.append("trained" if shape.role == FM_TRAINED else "state")
        return roles

    @property
    def shapes(self):
        """Shapes of all parameters, in order."""
        return [self.shape(i) for i in range(fm_network_parameters(self.network))]

    cdef tuple slot_shape(self, size_t parameter, int slot):
        cdef fm_shape shape
        check(fm_network_slot_shape(self.network, parameter, slot, &shape))
        return tuple([shape.size[i] for i in range(shape.rank)])

    def regularize(self, size_t parameter, kind, tuple options):
        cdef fm_regularizer word
        word.kind = kind
        set_options(word.option, options)
        check(fm_network_regularize(self.network, parameter, &word))

    def constrain(self, size_t parameter, kind, tuple options):
        cdef fm_constraint word
        word.kind = kind
        set_options(word.option, options)
        check(fm_network_constrain(self.network, parameter, &word))

    def read(self, size_t parameter, int slot):
        cdef cnp.ndarray values = np.empty(self.slot_shape(parameter, slot))
        cdef double *c_values = <double *>cnp.PyArray_DATA(values)
        cdef fm_status status
        with nogil:  # it waits for a call that runs
            status = fm_network_read(self.network, parameter, slot, c_values)
        check(status)
        return values

    def write(self, size_t parameter, int slot, cnp.ndarray values not None):
        cdef double *c_values = <double *>data_of(
            values, cnp.NPY_FLOAT64, self.slot_shape(parameter, slot), "value")
        cdef fm_status status
        with nogil:
            status = fm_network_write(self.network, parameter, slot, c_values)
        check(status)

    cdef tuple by_row(self, Py_ssize_t n):
        """Shape of what there is one of for each row of the outputs of n samples."""
        cdef tuple rows = (n,)
        return rows if self.split == 1 else (n, self.split)

    cdef int sparse_rows(self, fm_data *data, tuple x) except -1:
        """The samples from (indptr, indices, values) of compressed sparse rows; indices are not
        looked at, since the engine leaves out what is not in order."""
        cdef cnp.ndarray indptr = x[0], indices = x[1], values = x[2]
        cdef Py_ssize_t n = indptr.size - 1, count = indices.size
        cdef int64_t *c_indptr = <int64_t *>data_of(indptr, cnp.NPY_INT64, (n + 1,), "indptr")
        if n < 0 or indptr.min() < 0 or indptr.max() > count:
            raise ValueError(f"indptr must lie in [0, {count}]")
        data.rows, data.dtype, data.indptr = n, FM_FLOAT64, c_indptr
        data.indices = <int32_t *>data_of(indices, cnp.NPY_INT32, (count,), "indices")
        data.x = data_of(values, cnp.NPY_FLOAT64, (count,), "values")
        return 0

    cdef int dense_rows(self, fm_data *data, cnp.ndarray x) except -1:
        """The samples from an array (N, F)."""
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
        data.rows, data.indptr, data.indices = n, NULL, NULL
        return 0

    cdef fm_data data(self, x, targets, sample_weight) except *:
        """x: (N, F), or (indptr, indices, values) of compressed sparse rows."""
        cdef fm_data data
        if isinstance(x, tuple):
            self.sparse_rows(&data, x)
        else:
            self.dense_rows(&data, x)
        cdef Py_ssize_t n = data.rows
        data.coded = NULL
        data.labels = NULL
        data.targets = NULL
        data.sample_weight = NULL
        if targets is not None and self.labels:
            data.labels = <int32_t *>data_of(targets, cnp.NPY_INT32, self.by_row(n), "targets")
        elif targets is not None:
            data.targets = <double *>data_of(
                targets, cnp.NPY_FLOAT64, (n, self.split * self.outputs), "targets")
        if sample_weight is not None:
            data.sample_weight = <double *>data_of(
                sample_weight, cnp.NPY_FLOAT64, self.by_row(n), "sample_weight")
        return data

    def code(self, cnp.ndarray x not None, size_t most_bytes):
        """What training may keep of x (N, F) in at most so many bytes, or None."""
        cdef fm_data data = self.data(x, None, None)
        cdef Coded kept = Coded()
        cdef fm_status status
        with nogil:
            status = fm_code(self.network, &data, most_bytes, &kept.coded)
        check(status)
        return None if kept.coded == NULL else kept

    def train(self, x not None, targets, sample_weight, cnp.ndarray order not None,
              size_t batch_size, cnp.ndarray learning_rates not None,
              cnp.ndarray iterations not None, bint record_outputs, Coded coded=None):
        cdef fm_data data = self.data(x, targets, sample_weight)
        if coded is not None:
            data.coded = coded.coded
        matrix("order", order)
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
            outputs = np.empty((epochs * count * self.split, self.outputs))
            c_outputs = <double *>cnp.PyArray_DATA(outputs)
        cdef fm_status status
        with nogil:
            status = fm_train(self.network, &data, c_order, epochs, count, batch_size, rates,
                              c_iterations, c_losses, c_outputs)
        check(status)
        return losses, outputs

    def gradient(self, x not None, targets, sample_weight,
                 cnp.ndarray order not None, int64_t iterations):
        cdef fm_data data = self.data(x, targets, sample_weight)
        cdef size_t count = order.size
        cdef int64_t *c_order = <int64_t *>data_of(order, cnp.NPY_INT64, (count,), "order")
        cdef cnp.ndarray gradient = np.empty(fm_network_gradient_size(self.network))
        cdef double *c_gradient = <double *>cnp.PyArray_DATA(gradient)
        cdef double loss = 0
        cdef fm_status status
        with nogil:
            status = fm_gradient(self.network, &data, c_order, count, iterations, &loss,
                                 c_gradient)
        check(status)
        return loss, gradient

    def apply(self, cnp.ndarray gradient not None, double rate, cnp.ndarray iterations not None):
        cdef double *c_gradient = <double *>data_of(
            gradient, cnp.NPY_FLOAT64, (fm_network_gradient_size(self.network),), "gradient")
        cdef int64_t *c_iterations = <int64_t *>data_of(
            iterations, cnp.NPY_INT64, (), "iterations")
        cdef fm_status status
        with nogil:
            status = fm_apply(self.network, c_gradient, rate, c_iterations)
        check(status)

    def pull(self, x not None, bint graded, seeds, bint by_inputs):
        """Rows (N S, count, P or F) of Jacobians; seeds (N S, count, K) or None: unit vectors."""
        cdef fm_data data = self.data(x, None, None)
        cdef size_t rows = data.rows * self.split, count = self.outputs
        cdef double *c_seeds = NULL
        if seeds is not None:
            count = seeds.shape[1]
            c_seeds = <double *>data_of(
                seeds, cnp.NPY_FLOAT64, (rows, count, self.outputs), "seeds")
        cdef size_t width = self.inputs if by_inputs else fm_network_gradient_size(self.network)
        cdef cnp.ndarray pulled = np.empty((rows, count, width))
        cdef double *c_pulled = <double *>cnp.PyArray_DATA(pulled)
        cdef double *parameters = NULL if by_inputs else c_pulled
        cdef double *inputs = c_pulled if by_inputs else NULL
        cdef fm_status status
        with nogil:
            status = fm_pull(self.network, &data, graded, c_seeds, count, parameters, inputs)
        check(status)
        return pulled

    cdef double *seeds(self, const fm_data *data, cnp.ndarray seeds, size_t *count) except NULL:
        """Those of each row of outputs (N S, count, K)."""
        count[0] = seeds.shape[1] if cnp.PyArray_NDIM(seeds) == 3 else 0
        return <double *>data_of(seeds, cnp.NPY_FLOAT64,
                                 (data.rows * self.split, count[0], self.outputs), "seeds")

    def gauss_newton(self, x not None, cnp.ndarray seeds not None, cnp.ndarray matrix not None):
        """matrix (P, P) += R^T R for the rows R that pull gives of seeds (N S, count, K) and of
        the outputs that the loss is of."""
        cdef fm_data data = self.data(x, None, None)
        cdef size_t count
        cdef double *c_seeds = self.seeds(&data, seeds, &count)
        cdef size_t size = fm_network_gradient_size(self.network)
        cdef double *c_matrix = <double *>data_of(
            matrix, cnp.NPY_FLOAT64, (size, size), "matrix")
        cdef fm_status status
        with nogil:
            status = fm_gauss_newton(self.network, &data, c_seeds, count, c_matrix)
        check(status)

    def gauss_newton_product(self, x not None, cnp.ndarray seeds not None,
                             cnp.ndarray v not None):
        """R^T R v (P,) for the rows R that gauss_newton takes and v (P,)."""
        cdef fm_data data = self.data(x, None, None)
        cdef size_t count
        cdef double *c_seeds = self.seeds(&data, seeds, &count)
        cdef size_t size = fm_network_gradient_size(self.network)
        cdef double *c_v = <double *>data_of(v, cnp.NPY_FLOAT64, (size,), "v")
        cdef cnp.ndarray product = np.empty(size)
        cdef double *c_product = <double *>cnp.PyArray_DATA(product)
        cdef fm_status status
        with nogil:
            status = fm_gauss_newton_product(self.network, &data, c_seeds, count, c_v, c_product)
        check(status)
        return product

    def gauss_newton_diagonal(self, x not None, cnp.ndarray seeds not None):
        """The diagonal (P,) of R^T R for the rows R that gauss_newton takes."""
        cdef fm_data data = self.data(x, None, None)
        cdef size_t count
        cdef double *c_seeds = self.seeds(&data, seeds, &count)
        cdef cnp.ndarray diagonal = np.empty(fm_network_gradient_size(self.network))
        cdef double *c_diagonal = <double *>cnp.PyArray_DATA(diagonal)
        cdef fm_status status
        with nogil:
            status = fm_gauss_newton_diagonal(self.network, &data, c_seeds, count, c_diagonal)
        check(status)
        return diagonal

    def evaluate(self, x not None, targets):
        cdef fm_data data = self.data(x, targets, None)
        cdef cnp.ndarray losses = np.empty(data.rows * self.split)
        cdef cnp.ndarray outputs = np.empty((data.rows * self.split, self.outputs))
        cdef double *c_losses = <double *>cnp.PyArray_DATA(losses)
        cdef double *c_outputs = <double *>cnp.PyArray_DATA(outputs)
        cdef fm_status status
        with nogil:
            status = fm_evaluate(self.network, &data, c_losses, c_outputs)
        check(status)
        return losses, outputs

    def predict(self, x not None, int64_t dropout_step):
        cdef fm_data data = self.data(x, None, None)
        cdef cnp.ndarray outputs = np.empty((data.rows * self.split, self.outputs))
        cdef double *c_outputs = <double *>cnp.PyArray_DATA(outputs)
        cdef fm_status status
        with nogil:
            status = fm_predict(self.network, &data, dropout_step, c_outputs)
        check(status)
        return outputs

    def call(self, x, type kind not None):
        """predict, as an array of that kind, if x is a C-contiguous float64 array (N, F) and all
        outputs are finite; else None. For a few rows, where each look at an array shows."""
        if not cnp.PyArray_CheckExact(x):
            return None
        cdef cnp.ndarray array = <cnp.ndarray>x
        if (cnp.PyArray_NDIM(array) != 2 or cnp.PyArray_TYPE(array) != cnp.NPY_FLOAT64
                or not cnp.PyArray_ISCARRAY_RO(array)
                or <size_t>cnp.PyArray_DIM(array, 1) != self.inputs):
            return None
        cdef fm_data data
        data.x, data.dtype = cnp.PyArray_DATA(array), FM_FLOAT64
        data.rows = cnp.PyArray_DIM(array, 0)
        data.labels = NULL
        data.targets = data.sample_weight = NULL
        data.indptr, data.indices, data.coded = NULL, NULL, NULL
        cdef cnp.npy_intp[2] shape
        shape[0], shape[1] = data.rows * self.split, self.outputs
        cdef cnp.ndarray outputs = cnp.PyArray_New(
            kind, 2, shape, cnp.NPY_FLOAT64, NULL, NULL, 0, 0, None)
        cdef double *y = <double *>cnp.PyArray_DATA(outputs)
        cdef double differences = 0  # of each output from itself: 0, or NaN
        cdef size_t i, count = data.rows * self.split * self.outputs
        cdef fm_status status
        with nogil:
            status = fm_predict(self.network, &data, -1, y)
            for i in range(count):
                differences += y[i] - y[i]
        check(status)
        return outputs if differences == 0 else None

    def penalties(self, x not None, int64_t dropout_step):
        cdef fm_data data = self.data(x, None, None)
        cdef cnp.ndarray activities = np.empty((fm_network_activities(self.network), data.rows))
        cdef double *c_activities = <double *>cnp.PyArray_DATA(activities)
        cdef double parameters = 0
        cdef fm_status status
        with nogil:
            status = fm_penalties(self.network, &data, dropout_step, &parameters, c_activities)
        check(status)
        return parameters, activities


_FAMILIES = {"operation": FM_OPERATION_FAMILY, "loss": FM_LOSS_FAMILY,
             "reduction": FM_REDUCTION_FAMILY, "optimizer": FM_OPTIMIZER_FAMILY,
             "regularizer": FM_REGULARIZER_FAMILY, "constraint": FM_CONSTRAINT_FAMILY}


def catalog(str family):
    """Name -> (kind, {option: default}) of all words of a family: "operation", "loss",
    "reduction", "optimizer", "regularizer" or "constraint"."""
    words = {}
    cdef fm_family number = _FAMILIES[family]
    while fm_name(number, len(words)) != NULL:
        kind = len(words)
        options = {}
        while fm_option_name(number, kind, len(options)) != NULL:
            default = fm_option_default(number, kind, len(options))
            options[fm_option_name(number, kind, len(options)).decode()] = default
        words[fm_name(number, kind).decode()] = (kind, options)
    return words


def constant(str name):
    """A number that users of the engine may rely on, see fm_constant; NaN for others."""
    return fm_constant(name.encode())


def permutation(uint64_t seed, uint64_t step, size_t n):
    """The order of the epoch that begins at ``step``: fastmlp.random.permutation, in C."""
    cdef cnp.ndarray order = np.empty(n, np.int64)
    cdef int64_t *c_order = <int64_t *>cnp.PyArray_DATA(order)
    with nogil:
        c_permutation(seed, step, n, c_order)
    return order


cdef bint is_transposed(cnp.ndarray x):
    return cnp.PyArray_IS_F_CONTIGUOUS(x) and not cnp.PyArray_IS_C_CONTIGUOUS(x)


def factor(cnp.ndarray matrix not None):
    """Cholesky's lower factor of a symmetric (n, n), or None."""
    cdef size_t n = matrix.shape[0] if cnp.PyArray_NDIM(matrix) == 2 else 0
    cdef double *c_matrix = <double *>data_of(matrix, cnp.NPY_FLOAT64, (n, n), "matrix")
    cdef cnp.ndarray lower = np.empty((n, n))
    cdef double *c_lower = <double *>cnp.PyArray_DATA(lower)
    cdef c_bool positive = False
    cdef fm_status status
    with nogil:
        status = fm_factor(c_lower, c_matrix, n, &positive)
    check(status)
    return lower if positive else None


def solve(cnp.ndarray lower not None, cnp.ndarray b not None):
    """x (n,) with lower @ lower.T @ x = b."""
    cdef size_t n = b.size
    cdef double *c_lower = <double *>data_of(lower, cnp.NPY_FLOAT64, (n, n), "lower")
    cdef double *c_b = <double *>data_of(b, cnp.NPY_FLOAT64, (n,), "b")
    cdef cnp.ndarray x = np.empty(n)
    cdef double *c_x = <double *>cnp.PyArray_DATA(x)
    cdef fm_status status
    with nogil:
        status = fm_solve(c_x, c_lower, c_b, n)
    check(status)
    return x


def matmul(cnp.ndarray a not None, cnp.ndarray b not None):
    """a (m, k) @ b (k, n) by the engine's kernels, to compare them with a BLAS. Either may be
    the transpose of a C-contiguous array."""
    matrix("a", a)
    matrix("b", b)
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


cdef str best_isa():
    """The best instruction set that this CPU runs."""
    return next(name for name in isas() if isa_usable(name))


def build_info():
    """What was built and what runs: isa (in use), isas (compiled in), compiler, flags."""
    flags = [build_type.decode(), "-ffp-contract=off", build_sanitizers.decode()]
    return {
        "isa": CNetwork(1, [], None, None).isa,
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
