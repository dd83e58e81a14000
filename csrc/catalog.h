/* SPDX-License-Identifier: Apache-2.0
 *
 * The one list of everything with a name: layers, activations, losses, reductions, optimizers,
 * regularizers, constraints and their options. From it come the enumerations, the structures in
 * which formulas read their options, the arrays of kernels, the checks of options, and the
 * names that fm_find serves.
 *
 * O(option, default, range) is one option; what an X takes besides them is said above each
 * list. A word is {kind, option[]}, its options in the order of the list.
 */
#ifndef FM_CATALOG_H
#define FM_CATALOG_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What an option may be; NaN never. */
typedef enum fm_range_kind {
    FM_ANY,      /* finite */
    FM_LEAST_0,  /* finite, not negative */
    FM_POSITIVE, /* greater than 0, infinity too */
    FM_MOST_0,   /* finite, not positive */
    FM_RATE,     /* in [0, 1) */
    FM_SHARE,    /* in (0, 1] */
    FM_MARGIN,   /* in [0, 1/2) */
    FM_FLAG,     /* 0 or 1 */
    FM_SIZE,     /* a whole number from 1 to 2^52 */
    FM_AXIS,     /* 0, 1, or 2 for both axes */
    FM_FEW,      /* a whole number from 1 to 9 */
} fm_range_kind;

/* clang-format off */

/* Layers open a stage and may have parameters. X(name, options).
 *   dense: y = x w + bias; w (inputs, outputs), bias (outputs).
 *   softmax: by row, exp(x - max) / sum exp(x - max). log_softmax: its logarithm. sparsemax:
 *     max(x - tau, 0), tau by row so that the sum is 1.
 *   glu: a sigmoid(g), a and g the halves of a row: (outputs) from (2 outputs).
 *   prelu: x above 0, else alpha x. Columns as (outer, shared, inner); alpha (outer * inner), which
 *     those of equal outer and inner share.
 *   batch_normalization: y = gamma (x - mean) / sqrt(variance + epsilon) + beta by column. While
 *     training, mean and (biased) variance are the batch's, and the moving ones become momentum
 *     times themselves plus the rest of the batch's; else, and where not trainable, they are the
 *     moving ones. Parameters, each (outputs): gamma if scale, beta if center (trained), moving
 *     mean, moving variance (state).
 *   row_normalization: by row (x - mean) / sqrt(variance + epsilon) if center, else
 *     x / sqrt(mean of squares + epsilon); if unit x / sqrt(sum of squares), at least epsilon.
 *   scaling: y = x gamma + beta by column. Parameters, each (outputs): gamma if scale, beta if
 *     center (trained).
 *   standardization: (x - mean) / d by column, d = max(sqrt(variance), 1e-7), or if invert
 *     x d + mean. Parameters, each (outputs): mean, variance (state; training changes neither).
 *   reshape: a sample's numbers, in their order, in rows of that width.
 *   transpose: a sample's numbers as (.., first, second, inner) become (.., second, first,
 *     inner), in rows of the same width.
 *   repeat: each row so many times.
 *   embedding: each number x becomes row x of w (entries, outputs), the one parameter.
 *   category_encoding: a row of numbers below `tokens` becomes a row of tokens: how often, or if
 *     not count whether, each is there.
 *   discretization: how many of the `boundaries` of its column are not above x, all for a NaN.
 *     The one parameter is these (boundaries, outputs; state, which training leaves as it is).
 *   activity_regularization: y = x; the mean over a batch of l1 sum |x| + l2 sum x^2 by sample is
 *     added to its loss. */
#define FM_LAYERS(X, O)                                                                        \
    X(dense, O(outputs, 1, FM_SIZE) O(use_bias, 1, FM_FLAG) O(trainable, 1, FM_FLAG))          \
    X(softmax, )                                                                               \
    X(log_softmax, )                                                                           \
    X(sparsemax, )                                                                             \
    X(glu, )                                                                                   \
    X(prelu, O(shared, 1, FM_SIZE) O(inner, 1, FM_SIZE) O(trainable, 1, FM_FLAG))              \
    X(batch_normalization, O(momentum, 0.99, FM_RATE) O(epsilon, 1e-3, FM_LEAST_0)             \
      O(center, 1, FM_FLAG) O(scale, 1, FM_FLAG) O(trainable, 1, FM_FLAG))                     \
    X(row_normalization, O(epsilon, 1e-3, FM_LEAST_0) O(center, 1, FM_FLAG)                    \
      O(unit, 0, FM_FLAG))                                                                     \
    X(scaling, O(scale, 1, FM_FLAG) O(center, 1, FM_FLAG) O(trainable, 1, FM_FLAG))            \
    X(standardization, O(invert, 0, FM_FLAG))                                                  \
    X(reshape, O(width, 1, FM_SIZE))                                                           \
    X(transpose, O(first, 1, FM_SIZE) O(second, 1, FM_SIZE) O(inner, 1, FM_SIZE))              \
    X(repeat, O(times, 1, FM_SIZE))                                                            \
    X(embedding, O(entries, 1, FM_SIZE) O(outputs, 1, FM_SIZE) O(trainable, 1, FM_FLAG))       \
    X(category_encoding, O(tokens, 1, FM_SIZE) O(count, 0, FM_FLAG))          \
    X(discretization, O(boundaries, 1, FM_SIZE))                                               \
    X(activity_regularization, O(l1, 0, FM_LEAST_0) O(l2, 0, FM_LEAST_0))

/* Activations work element by element, in place, on what a layer put out. X(name, options, noise):
 * whether it is there while training only and draws random numbers.
 *   relu: x >= max_value: max_value; x > threshold: x; else negative_slope (x - threshold).
 *   leaky_relu: x >= 0: x; else negative_slope x.
 *   elu: scale x above 0, else scale alpha (exp(x / width) - 1).
 *   exponential: exp(x). sigmoid: 1 / (1 + exp(-x)). log_sigmoid: its logarithm. softplus:
 *     log(1 + exp(x)). silu: x sigmoid(x). mish: x tanh(softplus(x)). tanh_shrink: x - tanh(x).
 *   gelu: x Phi(x), Phi the normal distribution; approximate: x (1 + tanh(u)) / 2,
 *     u = sqrt(2 / pi) (x + 0.044715 x^3).
 *   hard_sigmoid: x + 3 cut to [0, 6], / 6. hard_silu: x hard_sigmoid(x). hard_tanh: x cut to
 *     [-1, 1].
 *   hard_shrink: x where |x| > threshold, else 0. soft_shrink: x less threshold above it, x plus it
 *     below its negative, else 0. threshold: x above threshold, else default_value.
 *   softsign: x / (1 + |x|). squareplus: (x + sqrt(x^2 + b)) / 2.
 *   sparse_plus: 0 to -1, x from 1 on, between (x + 1)^2 / 4. sparse_sigmoid: its slope.
 *   rescaling: y = x * scale + offset, two roundings.
 *   dropout: keep with probability 1 - rate, scaled by 1 / (1 - rate). one_row: all rows have one
 *     mask; columns as (outer, shared, inner): those of equal outer and inner have one.
 *   alpha_dropout: likewise a x + b of what is kept, else a m + b, m the lower limit of selu.
 *   gaussian_noise: x + n, n normal with mean 0 and deviation stddev. gaussian_dropout: x (1 + n),
 *     of deviation sqrt(rate / (1 - rate)). */
#define FM_ACTIVATIONS(X, O)                                                                   \
    X(relu, O(negative_slope, 0, FM_ANY) O(max_value, INFINITY, FM_POSITIVE)                   \
      O(threshold, 0, FM_ANY), false)                                                          \
    X(leaky_relu, O(negative_slope, 0.2, FM_ANY), false)                                       \
    X(elu, O(alpha, 1, FM_ANY) O(scale, 1, FM_ANY) O(width, 1, FM_POSITIVE), false)            \
    X(exponential, , false)                                                                    \
    X(tanh, , false)                                                                           \
    X(tanh_shrink, , false)                                                                    \
    X(sigmoid, , false)                                                                        \
    X(log_sigmoid, , false)                                                                    \
    X(silu, , false)                                                                           \
    X(softplus, , false)                                                                       \
    X(mish, , false)                                                                           \
    X(gelu, O(approximate, 0, FM_FLAG), false)                                                 \
    X(hard_sigmoid, , false)                                                                   \
    X(hard_silu, , false)                                                                      \
    X(hard_tanh, , false)                                                                      \
    X(hard_shrink, O(threshold, 0.5, FM_ANY), false)                                           \
    X(soft_shrink, O(threshold, 0.5, FM_ANY), false)                                           \
    X(threshold, O(threshold, 0, FM_ANY) O(default_value, 0, FM_ANY), false)                   \
    X(softsign, , false)                                                                       \
    X(squareplus, O(b, 4, FM_POSITIVE), false)                                                 \
    X(sparse_plus, , false)                                                                    \
    X(sparse_sigmoid, , false)                                                                 \
    X(rescaling, O(scale, 1, FM_ANY) O(offset, 0, FM_ANY), false)                              \
    X(dropout, O(rate, 0.5, FM_RATE) O(one_row, 0, FM_FLAG) O(shared, 1, FM_SIZE)              \
      O(inner, 1, FM_SIZE), true)                                                              \
    X(alpha_dropout, O(rate, 0.5, FM_RATE) O(one_row, 0, FM_FLAG) O(shared, 1, FM_SIZE)        \
      O(inner, 1, FM_SIZE), true)                                                              \
    X(gaussian_noise, O(stddev, 0.1, FM_LEAST_0), true)                                        \
    X(gaussian_dropout, O(rate, 0.5, FM_RATE), true)

#define FM_OPERATIONS(X, O) FM_LAYERS(X, O) FM_ACTIVATIONS(X, O)

/* What no label is. */
#define FM_NO_CLASS (-2147483648.0)

/* Losses of one row of outputs y (K) with targets t. X(name, options, labels): whether targets
 * are class indices. Probabilities are clipped to [epsilon, 1 - epsilon]; mean and sum over the
 * K outputs; e = y - t.
 *   categorical_crossentropy: -sum t log p, p = softmax of y or y / sum y; t (1 - s) + s / K. The
 *     sparse one costs nothing, and a row does not count in a mean, where the label is ignore_class.
 *   binary_crossentropy: mean of -t log p - (1 - t) log(1 - p), p = sigmoid of y or y;
 *     t (1 - s) + s / 2.
 *   categorical_focal_crossentropy: -sum alpha (1 - p)^gamma t log p.
 *   binary_focal_crossentropy: mean of c (1 - r)^gamma times the binary crossentropy, with
 *     r = t p + (1 - t) (1 - p), p not clipped, and c = t alpha + (1 - t) (1 - alpha) if
 *     apply_class_balancing, else 1.
 *   categorical_generalized_cross_entropy: (1 - p^q) / q, p = y of the label.
 *   mean_squared_error, mean_absolute_error: mean of e^2, |e|.
 *   mean_absolute_percentage_error: mean of 100 |e| / max(|t|, epsilon).
 *   mean_squared_logarithmic_error: mean of (log(1 + max(t, epsilon)) - log(1 + max(y, epsilon)))^2.
 *   huber: mean of e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2.
 *   log_cosh: mean of log cosh e. poisson: mean of y - t log(y + epsilon).
 *   hinge, squared_hinge: mean of h, h^2, h = max(1 - t y, 0); a target +0 means -1.
 *   categorical_hinge: max(max (1 - t) y - sum t y + 1, 0).
 *   kl_divergence: sum of t log(t / y), both clipped to [epsilon, 1].
 *   cosine_similarity: -sum a b, a and b being y and t times min(1 / norm, 1 / epsilon).
 *   pinball: mean of max(-r e, (1 - r) e); column j has r = quantile_i, i = j mod quantiles + 1.
 *   gaussian_nll: y holds K / 2 means m, then as many v (log variances if log_variance); t each
 *     target twice. Mean of (log v + (m - t)^2 / v + full log 2 pi) / 2 with max(v, epsilon) in
 *     place of v, through which the gradient goes unchanged.
 *   given_gradient: 0, with the gradient t: for losses that are computed outside. */
#define FM_LOSSES(X, O)                                                                        \
    X(sparse_categorical_crossentropy,                                                         \
      O(from_logits, 0, FM_FLAG) O(ignore_class, FM_NO_CLASS, FM_ANY) O(epsilon, 1e-7, FM_MARGIN),      \
      true)                                                                                    \
    X(categorical_crossentropy,                                                                \
      O(from_logits, 0, FM_FLAG) O(epsilon, 1e-7, FM_MARGIN) O(label_smoothing, 0, FM_RATE),   \
      false)                                                                                   \
    X(binary_crossentropy,                                                                     \
      O(from_logits, 0, FM_FLAG) O(epsilon, 1e-7, FM_MARGIN) O(label_smoothing, 0, FM_RATE),   \
      false)                                                                                   \
    X(categorical_focal_crossentropy,                                                          \
      O(alpha, 0.25, FM_ANY) O(gamma, 2, FM_LEAST_0) O(from_logits, 0, FM_FLAG)                \
      O(epsilon, 1e-7, FM_MARGIN) O(label_smoothing, 0, FM_RATE), false)                       \
    X(binary_focal_crossentropy,                                                               \
      O(apply_class_balancing, 0, FM_FLAG) O(alpha, 0.25, FM_ANY) O(gamma, 2, FM_LEAST_0)      \
      O(from_logits, 0, FM_FLAG) O(epsilon, 1e-7, FM_MARGIN) O(label_smoothing, 0, FM_RATE),   \
      false)                                                                                   \
    X(categorical_generalized_cross_entropy, O(q, 0.5, FM_RATE), true)                         \
    X(mean_squared_error, , false)                                                             \
    X(mean_absolute_error, , false)                                                            \
    X(mean_absolute_percentage_error, O(epsilon, 1e-7, FM_LEAST_0), false)                     \
    X(mean_squared_logarithmic_error, O(epsilon, 1e-7, FM_LEAST_0), false)                     \
    X(huber, O(delta, 1, FM_LEAST_0), false)                                                   \
    X(log_cosh, , false)                                                                       \
    X(poisson, O(epsilon, 1e-7, FM_LEAST_0), false)                                            \
    X(hinge, , false)                                                                          \
    X(squared_hinge, , false)                                                                  \
    X(categorical_hinge, , false)                                                              \
    X(kl_divergence, O(epsilon, 1e-7, FM_MARGIN), false)                                       \
    X(cosine_similarity, O(epsilon, 1e-7, FM_MARGIN), false)                                   \
    X(pinball, O(quantiles, 1, FM_FEW) O(quantile_1, 0.5, FM_RATE) O(quantile_2, 0.5, FM_RATE) \
      O(quantile_3, 0.5, FM_RATE) O(quantile_4, 0.5, FM_RATE) O(quantile_5, 0.5, FM_RATE)      \
      O(quantile_6, 0.5, FM_RATE) O(quantile_7, 0.5, FM_RATE) O(quantile_8, 0.5, FM_RATE)      \
      O(quantile_9, 0.5, FM_RATE), false)                                                      \
    X(gaussian_nll, O(log_variance, 1, FM_FLAG) O(full, 0, FM_FLAG)                            \
      O(epsilon, 1e-6, FM_LEAST_0), false)                                                     \
    X(given_gradient, , false)

/* How the losses l of a batch of B rows with weights w become one: sum l w / B, sum l w,
 * sum l w / sum w. X(name, options). */
#define FM_REDUCTIONS(X, O)                                                                    \
    X(sum_over_batch_size, ) X(sum, ) X(mean_with_sample_weight, )

/* Optimizers. X(name, options, slots, still, way). slots and still in terms of o, the options:
 * how many arrays of its shape it keeps for a parameter, and whether a zero gradient with zero
 * slots changes nothing. way: FUSED if there are kernels that apply it to gradients in registers;
 * STORED; or SCALED: its kernel makes a direction u of a stored gradient, and w -= f u with f
 * from norms of all of w and u (csrc/step/scaled.c). Slots start at 0; who uses adagrad, ftrl
 * or schedule_free_adamw writes the values that they start from.
 * Step t >= 1 with gradient g and learning rate r; for the last m = momentum, v = velocity:
 *   adam: a = r sqrt(1 - beta_2^t) / (1 - beta_1^t); m += (g - m)(1 - beta_1);
 *     v += (g g - v)(1 - beta_2); w -= m a / (sqrt(v) + epsilon). Slots m, v.
 *   sgd: w -= r g; with momentum m = momentum m - r g; w += m, with nesterov
 *     w += momentum m - r g. Slot m if momentum is not 0.
 *   rmsprop: v = rho v + (1 - rho) g g; d = v, or centered a = rho a + (1 - rho) g and
 *     d = v - a a; i = r g / sqrt(d + epsilon); w -= i, or with momentum m = momentum m + i and
 *     w -= m. Slots v, then m if momentum is not 0, then a if centered.
 *   amsgrad: adam with the largest v so far in place of v. Slots m, v, that largest.
 *   nadam: m and v as adam; b(t) = beta_1 (1 - 0.96^t / 2), p(t) = b(1) ... b(t);
 *     w -= r (b(t + 1) m / (1 - p(t + 1)) + (1 - b(t)) g / (1 - p(t)))
 *          / (sqrt(v / (1 - beta_2^t)) + epsilon). Slots m, v.
 *   adamax: m as adam; u = max(beta_2 u, |g|); w -= r m / ((1 - beta_1^t) (u + epsilon)).
 *     Slots m, u.
 *   adagrad: a += g g; w -= r g / sqrt(a + epsilon). Slot a.
 *   adadelta: a = rho a + (1 - rho) g g; i = g sqrt(d + epsilon) / sqrt(a + epsilon);
 *     d = rho d + (1 - rho) i i; w -= r i. Slots a, d.
 *   lion: w -= r sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g. Slot m.
 *   ftrl: n = a + g g; q(x) = x^-learning_rate_power; L = l1_regularization_strength;
 *     l += g + 2 l2_shrinkage_regularization_strength w - (q(n) - q(a)) / r w; a = n;
 *     w = (clip(l, -L, L) - l) / (q(n) / r + 2 l2_regularization_strength + beta / r).
 *     Slots a, l.
 *   schedule_free_adamw: s = r min(t / warmup_steps, 1); v as adam;
 *     x = (w - (1 - beta_1) z) / beta_1; z -= s g / (sqrt(v / (1 - beta_2^t)) + epsilon);
 *     x += (z - x) / t; w = (1 - beta_1) z + beta_1 x. Slots z, v.
 *   lamb: m and v as adam; u = (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon);
 *     f = r |w| / |u|, r where a norm is 0. Slots m, v.
 *   adafactor: b = 1 - t^beta_2_decay; s = g g + epsilon_1; of a matrix R = b R + (1 - b) times
 *     the means of s along its rows, C likewise along its columns, v = R C / mean R; of a vector
 *     v = b v + (1 - b) s; u = g / sqrt(v); f = min(r, 1 / sqrt(t)) max(epsilon_2, rms(w))
 *     / max(1, rms(u) / clip_threshold). Slots R (rows) and C (columns) of a matrix, then v. */
#define FM_OPTIMIZERS(X, O)                                                                    \
    X(adam, O(beta_1, 0.9, FM_RATE) O(beta_2, 0.999, FM_RATE) O(epsilon, 1e-7, FM_LEAST_0),    \
      2, o.epsilon > 0, FUSED)                                                                        \
    X(sgd, O(momentum, 0, FM_RATE) O(nesterov, 0, FM_FLAG), o.momentum != 0, true, FUSED)             \
    X(rmsprop, O(rho, 0.9, FM_RATE) O(momentum, 0, FM_RATE) O(epsilon, 1e-7, FM_LEAST_0)       \
      O(centered, 0, FM_FLAG), 1 + (o.momentum != 0) + (o.centered != 0), o.epsilon > 0,      \
      STORED)                                                                                  \
    X(amsgrad, O(beta_1, 0.9, FM_RATE) O(beta_2, 0.999, FM_RATE) O(epsilon, 1e-7, FM_LEAST_0), \
      3, o.epsilon > 0, STORED)                                                                \
    X(nadam, O(beta_1, 0.9, FM_RATE) O(beta_2, 0.999, FM_RATE) O(epsilon, 1e-7, FM_LEAST_0),   \
      2, o.epsilon > 0, STORED)                                                                \
    X(adamax, O(beta_1, 0.9, FM_RATE) O(beta_2, 0.999, FM_RATE) O(epsilon, 1e-7, FM_LEAST_0),  \
      2, o.epsilon > 0, STORED)                                                                \
    X(adagrad, O(epsilon, 1e-7, FM_LEAST_0), 1, o.epsilon > 0, STORED)                         \
    X(adadelta, O(rho, 0.95, FM_RATE) O(epsilon, 1e-7, FM_LEAST_0), 2, o.epsilon > 0, STORED)  \
    X(lion, O(beta_1, 0.9, FM_SHARE) O(beta_2, 0.99, FM_RATE), 1, true, STORED)                \
    X(ftrl, O(learning_rate_power, -0.5, FM_MOST_0)                                            \
      O(l1_regularization_strength, 0, FM_LEAST_0)                                             \
      O(l2_regularization_strength, 0, FM_LEAST_0)                                             \
      O(l2_shrinkage_regularization_strength, 0, FM_LEAST_0) O(beta, 0, FM_LEAST_0),           \
      2, false, STORED)                                                                        \
    X(schedule_free_adamw, O(beta_1, 0.9, FM_SHARE) O(beta_2, 0.999, FM_RATE)                  \
      O(epsilon, 1e-8, FM_LEAST_0) O(warmup_steps, 0, FM_LEAST_0), 2, false, STORED)           \
    X(lamb, O(beta_1, 0.9, FM_RATE) O(beta_2, 0.999, FM_RATE) O(epsilon, 1e-7, FM_LEAST_0),    \
      2, o.epsilon > 0, SCALED)                                                                \
    X(adafactor, O(beta_2_decay, -0.8, FM_ANY) O(epsilon_1, 1e-30, FM_LEAST_0)                 \
      O(epsilon_2, 1e-3, FM_LEAST_0) O(clip_threshold, 1, FM_POSITIVE), 1, false, SCALED)

/* Regularizers of a parameter w: a penalty, added to the loss, whose slope is added to the
 * gradient before that is clipped. X(name, options).
 *   l1_l2: l1 sum |w| + l2 sum w^2.
 *   orthogonal: factor / (n (n - 1)) sum over i != j of |v_i v_j|, where the v_i are the n >= 2
 *     rows of a matrix, or columns, each over the larger of its norm and epsilon; 0 / 0 is 0. */
#define FM_REGULARIZERS(X, O)                                                                  \
    X(l1_l2, O(l1, 0, FM_LEAST_0) O(l2, 0, FM_LEAST_0))                                        \
    X(orthogonal, O(factor, 0.01, FM_LEAST_0) O(columns, 0, FM_FLAG)                           \
      O(epsilon, 1e-7, FM_LEAST_0))

/* Constraints of a parameter w, met after each step. X(name, options).
 *   non_neg: w = max(w, 0).
 *   norm: w *= d / (epsilon + n), n = sqrt(sum w^2) along an axis, or both,
 *     d = rate min(max(n, min_value), max_value) + (1 - rate) n; 0 / 0 is 0. A vector has axis 0 only. */
#define FM_CONSTRAINTS(X, O)                                                                   \
    X(non_neg, )                                                                               \
    X(norm, O(min_value, 0, FM_LEAST_0) O(max_value, 1, FM_LEAST_0) O(rate, 1, FM_ANY)         \
      O(axis, 0, FM_AXIS) O(epsilon, 1e-7, FM_LEAST_0))

/* clang-format on */

#define FM_MAX_OPTIONS 10
#define FM_MAX_SLOTS 3

/* -- enumerations: fm_dense, fm_relu, ... -- */

#define FM_NO_OPTION(...)
#define FM_ENUMERATOR(name, ...) fm_##name,

/* A network is a row of layers and activations, so they count on. */
typedef enum fm_operation_kind {
    FM_LAYERS(FM_ENUMERATOR, FM_NO_OPTION) FM_LAYER_COUNT,
    FM_BEFORE_ACTIVATIONS = FM_LAYER_COUNT - 1,
    FM_ACTIVATIONS(FM_ENUMERATOR, FM_NO_OPTION) FM_OPERATION_COUNT,
} fm_operation_kind;
typedef enum fm_loss_kind { FM_LOSSES(FM_ENUMERATOR, FM_NO_OPTION) FM_LOSS_COUNT } fm_loss_kind;
typedef enum fm_reduction_kind {
    FM_REDUCTIONS(FM_ENUMERATOR, FM_NO_OPTION) FM_REDUCTION_COUNT
} fm_reduction_kind;
typedef enum fm_optimizer_kind {
    FM_OPTIMIZERS(FM_ENUMERATOR, FM_NO_OPTION) FM_OPTIMIZER_COUNT
} fm_optimizer_kind;
typedef enum fm_regularizer_kind {
    FM_REGULARIZERS(FM_ENUMERATOR, FM_NO_OPTION) FM_REGULARIZER_COUNT
} fm_regularizer_kind;
typedef enum fm_constraint_kind {
    FM_CONSTRAINTS(FM_ENUMERATOR, FM_NO_OPTION) FM_CONSTRAINT_COUNT
} fm_constraint_kind;

#define FM_ACTIVATION_COUNT (FM_OPERATION_COUNT - FM_LAYER_COUNT)

/* -- options by name: fm_relu_of(option).max_value -- */

#define FM_MEMBER(option, ...) double option;
#define FM_OPTIONS_OF(name, members, ...)                                                      \
    typedef struct fm_##name##_options {                                                       \
        members                                                                                \
    } fm_##name##_options;                                                                     \
    static inline fm_##name##_options fm_##name##_of(const double option[FM_MAX_OPTIONS])      \
    {                                                                                          \
        fm_##name##_options options;                                                           \
        memcpy(&options, option, sizeof options);                                              \
        return options;                                                                        \
    }
FM_OPERATIONS(FM_OPTIONS_OF, FM_MEMBER)
FM_LOSSES(FM_OPTIONS_OF, FM_MEMBER)
FM_OPTIMIZERS(FM_OPTIONS_OF, FM_MEMBER)
FM_REGULARIZERS(FM_OPTIONS_OF, FM_MEMBER)
FM_CONSTRAINTS(FM_OPTIONS_OF, FM_MEMBER)
#undef FM_OPTIONS_OF
#undef FM_MEMBER

/* -- the same as data -- */

typedef enum fm_family {
    FM_OPERATION_FAMILY,
    FM_LOSS_FAMILY,
    FM_REDUCTION_FAMILY,
    FM_OPTIMIZER_FAMILY,
    FM_REGULARIZER_FAMILY,
    FM_CONSTRAINT_FAMILY,
    FM_FAMILY_COUNT
} fm_family;

/* The kind of that name in a family, or -1. */
int fm_find(fm_family family, const char *name);

/* The name of a kind, or NULL past the last. */
const char *fm_name(fm_family family, int kind);

/* Name and default of an option of a kind, in the order of option[]; NULL past the last. */
const char *fm_option_name(fm_family family, int kind, size_t index);
double fm_option_default(fm_family family, int kind, size_t index);

/* The place in option[] of an option that the kind has. */
size_t fm_option_index(fm_family family, int kind, const char *name);

/* Whether a kind is one of the family's and its options are in their ranges. */
bool fm_word_is_valid(fm_family family, int kind, const double option[FM_MAX_OPTIONS]);

/* Whether an operation is there while training only. */
bool fm_operation_is_noise(int kind);

/* Whether a loss takes class indices. */
bool fm_loss_takes_labels(int kind);

/* Arrays of its shape that an optimizer keeps for each parameter, whether it is still and
 * whether it goes the scaled way: see above. */
size_t fm_optimizer_slots(int kind, const double option[FM_MAX_OPTIONS]);
bool fm_optimizer_is_still(int kind, const double option[FM_MAX_OPTIONS]);
bool fm_optimizer_is_scaled(int kind);

#endif
