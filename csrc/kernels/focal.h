/* SPDX-License-Identifier: Apache-2.0
 *
 * Crossentropies that look less at what is easy: focal ones (Lin et al., "Focal loss for dense
 * object detection") and the generalized one (Zhang and Sabuncu, "Generalized cross entropy
 * loss for training deep neural networks with noisy labels").
 */
#include "simd.h"

/* x^gamma; the usual small powers without a logarithm. Below 0, where outputs that are no
 * probabilities lead, only whole powers are numbers. */
INLINE vec power_of(vec x, double gamma)
{
    if (gamma == 0)
        return v_set1(1.0);
    if (gamma == 1)
        return x;
    if (gamma == 2)
        return x * x;
    const double even = 9007199254740992.0; /* 2^53: from here on every double is */
    const bool whole = gamma >= even || gamma == (double)(int64_t)gamma;
    if (!whole)
        return v_exp(v_set1(gamma) * v_log(x));
    const vec size = v_exp(v_set1(gamma) * v_log(v_abs(x)));
    const bool odd = gamma < even && (int64_t)gamma % 2 != 0;
    return odd ? v_select(x < (vec){0}, -size, size) : size;
}

/* d x^gamma / dx; that of a constant is 0 at 0, too. */
INLINE vec power_slope(vec x, double gamma)
{
    return gamma == 0 ? (vec){0} : v_set1(gamma) * power_of(x, gamma - 1);
}

/* y is the probability, or its logit. */
INLINE fm_loss_term binary_focal_crossentropy_term(vec sum, vec y, vec t, const double *option)
{
    const fm_binary_focal_crossentropy_options o = fm_binary_focal_crossentropy_of(option);
    const vec one = v_set1(1.0), zero = {0};
    const vec low = v_set1(o.epsilon), high = v_set1(1.0 - o.epsilon);
    vec p = y, slope = one;
    if (o.from_logits != 0) {
        const vec e = v_exp(-v_abs(y)), above = one / (one + e);
        p = v_select(y < zero, e * above, above);
        slope = e * above * above;
    }
    vec q = v_select(p < low, low, p);
    q = v_select(q > high, high, q);
    const vec rest = one - t, other = one - q;
    const vec cost = v_fnma(t, v_log(q), -(rest * v_log(other)));
    const vec cost_slope = v_keep((p >= low) & (p <= high), rest / other - t / q);
    const vec far = one - v_fma(t, p, rest * (one - p));
    vec weight = one;
    if (o.apply_class_balancing != 0)
        weight = v_fma(t, v_set1(o.alpha), rest * v_set1(1.0 - o.alpha));
    const vec factor = power_of(far, o.gamma);
    const vec factor_slope = power_slope(far, o.gamma) * (rest - t);
    return (fm_loss_term){v_fma(weight * factor, cost, sum),
                          weight * slope * v_fma(factor_slope, cost, factor * cost_slope)};
}

static void kernel_loss_binary_focal_crossentropy(const double *option, fm_loss_rows rows)
{
    const double s = fm_binary_focal_crossentropy_of(option).label_smoothing;
    for (size_t b = 0; b < rows.rows; b++)
        rows.losses[b] = mean_row(binary_focal_crossentropy_term, option,
                                  (fm_smoothing){s, s / 2}, &rows, b);
}

/* p = y / sum y, or softmax(y), clipped to q: loss = -sum_j alpha (1 - q_j)^gamma t_j log q_j.
 */
static void kernel_loss_categorical_focal_crossentropy(const double *option, fm_loss_rows rows)
{
    const fm_categorical_focal_crossentropy_options o =
        fm_categorical_focal_crossentropy_of(option);
    const fm_smoothing smoothing = {o.label_smoothing,
                                    o.label_smoothing / (double)rows.outputs};
    const vec low = v_set1(o.epsilon), high = v_set1(1.0 - o.epsilon), one = v_set1(1.0);
    for (size_t b = 0; b < rows.rows; b++) {
        const double *y = rows.y + b * rows.stride, *p = y;
        double *dy = rows.dy + b * rows.stride;
        vec sum[VECS] = {0}, value[VECS] = {0}, mean[VECS] = {0};
        double total, largest = 0;
        if (o.from_logits != 0) {
            largest = row_max(y, rows.outputs);
            total = exp_row(dy, y, largest, rows.outputs);
            p = dy;
        } else {
            for (size_t c = 0; c < rows.outputs; c += FM_PANEL)
                for (int v = 0; v < VECS; v++)
                    sum[v] += v_keep(real_lanes(c + (size_t)v * VL, rows.outputs),
                                     v_load(y + c + (size_t)v * VL));
            total = sum_lanes(sum);
        }
        const vec divisor = v_set1(total);
        for (size_t c = 0; c < rows.outputs; c += FM_PANEL)
            for (int v = 0; v < VECS; v++) {
                const size_t j = c + (size_t)v * VL;
                const veci real = real_lanes(j, rows.outputs);
                const vec t = target_lanes(smoothing, &rows, b, j) * v_set1(o.alpha);
                const vec share = v_load(p + j) / divisor;
                vec q = v_select(share < low, low, share);
                q = v_select(q > high, high, q);
                const vec far = one - q, logarithm = v_log(q), weight = power_of(far, o.gamma);
                const vec cost = t * (weight * logarithm);
                value[v] = v_select(real, value[v] - cost, value[v]);
                const vec slope =
                    t * v_fnma(weight, one / q, power_slope(far, o.gamma) * logarithm);
                const veci inside = (share >= low) & (share <= high) & real;
                const vec gradient = v_keep(inside, slope);
                mean[v] = v_fma(gradient, v_keep(inside, share), mean[v]);
                /* with logits dy holds the shares that are still to be read: p times it */
                v_store(dy + j, o.from_logits != 0 ? share * gradient : gradient);
            }
        rows.losses[b] = sum_lanes(value);
        if (rows.scale == NULL)
            continue;
        const vec average = v_set1(sum_lanes(mean)), scale = v_set1(rows.scale[b]);
        for (size_t j = 0; j < padded(rows.outputs); j += VL) {
            vec d = (v_load(dy + j) - average) / divisor;
            if (o.from_logits != 0) {
                const vec share = v_exp(v_load(y + j) - v_set1(largest)) / divisor;
                d = v_fnma(share, average, v_load(dy + j));
            }
            v_store(dy + j, v_keep(real_lanes(j, rows.outputs), scale * d));
        }
    }
}

static void kernel_loss_categorical_generalized_cross_entropy(const double *option,
                                                              fm_loss_rows rows)
{
    const double q = fm_categorical_generalized_cross_entropy_of(option).q;
    for (size_t b = 0; b < rows.rows; b++) {
        const double *y = rows.y + b * rows.stride;
        double *dy = rows.dy + b * rows.stride;
        double p = 0;
        for (size_t j = 0; j < padded(rows.outputs); j++) {
            const bool is_label = (int64_t)j == rows.labels[b];
            p = is_label ? y[j] : p;
        }
        rows.losses[b] = (1.0 - power_of(v_set1(p), q)[0]) / q;
        const double slope =
            rows.scale != NULL ? -rows.scale[b] * power_of(v_set1(p), q - 1)[0] : 0;
        for (size_t j = 0; j < padded(rows.outputs); j++)
            dy[j] = (int64_t)j == rows.labels[b] ? slope : 0;
    }
}
