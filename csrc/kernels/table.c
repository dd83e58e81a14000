/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled once per instruction set with -DFM_ISA=name -DFM_ISA_name and that set's flags;
 * exports one symbol, fm_kernels_<name>.
 */
#include "simd.h"

#include "matmul.h"

#include "optimizers.h"

#include "sparse.h"

#include "gradient.h"

#include "update.h"

#include "factor.h"
#include "source.h"

#include "coded.h"
#include "gather.h"
#include "math.h"

#include "elementwise.h"

#include "activations.h"
#include "losses.h"

#include "errors.h"
#include "focal.h"

#include "noise.h"
#include "normalization.h"
#include "prelu.h"
#include "rows.h"
#include "rules.h"
#include "stored.h"

#include "directions.h"

#define FM_CAT_(a, b) a##b
#define FM_CAT(a, b) FM_CAT_(a, b)
#define FM_STR_(a) #a
#define FM_STR(a) FM_STR_(a)

extern const fm_kernels FM_CAT(fm_kernels_, FM_ISA);

/* What the table holds for an optimizer whose kernels are fused, or not. */
#define FUSED_KERNEL(kernel) kernel
#define STORED_KERNEL(kernel) NULL
#define SCALED_KERNEL(kernel) NULL

/* clang-format off */
const fm_kernels FM_CAT(fm_kernels_, FM_ISA) = {
    .isa = FM_STR(FM_ISA),
    .strip = NP,
#define X(result, name, parameters) .name = kernel_##name,
    FM_KERNELS(X)
#undef X
#define X(name, ...) kernel_activation_##name,
    .activation = {FM_ACTIVATIONS(X, FM_NO_OPTION)},
#undef X
#define X(name, ...) kernel_loss_##name,
    .loss = {FM_LOSSES(X, FM_NO_OPTION)},
#undef X
#define X(name, ...) kernel_prepare_##name,
    .prepare = {FM_OPTIMIZERS(X, FM_NO_OPTION)},
#undef X
#define X(name, ...) kernel_apply_##name,
    .apply = {FM_OPTIMIZERS(X, FM_NO_OPTION)},
#undef X
#define X(name, options, slots, still, way) way##_KERNEL(kernel_update_##name),
    .update = {FM_OPTIMIZERS(X, FM_NO_OPTION)},
#undef X
#define X(name, options, slots, still, way) way##_KERNEL(kernel_sparse_update_##name),
    .sparse_update = {FM_OPTIMIZERS(X, FM_NO_OPTION)},
#undef X
};
/* clang-format on */
