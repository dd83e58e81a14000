/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled once per instruction set with -DFM_ISA=name -DFM_ISA_name and that set's flags;
 * exports one symbol, fm_kernels_<name>.
 */
#include "simd.h"

#include "matmul.h"

#include "optimizer.h"

#include "sparse.h"
#include "update.h"

#include "gather.h"
#include "math.h"

#include "elementwise.h"
#include "loss.h"

#define FM_CAT_(a, b) a##b
#define FM_CAT(a, b) FM_CAT_(a, b)
#define FM_STR_(a) #a
#define FM_STR(a) FM_STR_(a)

extern const fm_kernels FM_CAT(fm_kernels_, FM_ISA);

const fm_kernels FM_CAT(fm_kernels_, FM_ISA) = {.isa = FM_STR(FM_ISA),
#define X(result, name, parameters) .name = kernel_##name,
                                                FM_KERNELS(X)
#undef X
};
