/* SPDX-License-Identifier: Apache-2.0
 *
 * Activations: the formula of each on one vector, value and slope. At a kink the slope is that
 * of Keras on JAX; NaN and infinities give what they give there.
 */
#include "simd.h"

INLINE fm_value_slope relu_formula(vec x, const double *option)
{
    const fm_relu_options o = fm_relu_of(option);
    const vec slope = v_set1(o.negative_slope), top = v_set1(o.max_value);
    const vec edge = v_set1(o.threshold);
    const veci above = x > edge, cut = x >= top;
    /* NaN passes; minus infinity gives 0, not NaN, if the slope is 0 */
    const vec below = o.negative_slope == 0 ? v_keep(x != x, x) : slope * (x - edge);
    return (fm_value_slope){v_select(cut, top, v_select(above, x, below)),
                            v_drop(cut, v_select(above, v_set1(1.0), slope))};
}
ACTIVATION(relu)

INLINE fm_value_slope leaky_relu_formula(vec x, const double *option)
{
    const vec slope = v_set1(fm_leaky_relu_of(option).negative_slope);
    const veci above = x >= (vec){0};
    return (fm_value_slope){v_select(above, x, slope * x), v_select(above, v_set1(1.0), slope)};
}
ACTIVATION(leaky_relu)

/* -- exponential below 0 -- */

INLINE fm_value_slope elu_formula(vec x, const double *option)
{
    const fm_elu_options o = fm_elu_of(option);
    const vec scale = v_set1(o.scale);
    const veci above = x > (vec){0};
    vec less_one;
    const vec inside = v_select(above, (vec){0}, x) * v_set1(1 / o.width);
    const vec e = v_exp_expm1(inside, &less_one);
    return (fm_value_slope){v_select(above, scale * x, v_set1(o.scale * o.alpha) * less_one),
                            v_select(above, scale, v_set1(o.scale * o.alpha / o.width) * e)};
}
ACTIVATION(elu)

INLINE fm_value_slope exponential_formula(vec x, const double *option)
{
    (void)option;
    const vec e = v_exp(x);
    return (fm_value_slope){e, e};
}
ACTIVATION(exponential)

/* -- of tanh -- */

INLINE fm_value_slope tanh_formula(vec x, const double *option)
{
    (void)option;
    const vec y = v_tanh(x);
    return (fm_value_slope){y, v_fnma(y, y, v_set1(1.0))};
}
ACTIVATION(tanh)

/* Near 0 by the continued fraction tanh x = x / (1 + x^2 / (3 + x^2 / (5 + ...))): with v = 3 +
 * x^2 / (5 + ...) it is x^3 / (v + x^2), in which nothing cancels. Ten levels reach 2^-60 at 1.
 */
INLINE fm_value_slope tanh_shrink_formula(vec x, const double *option)
{
    (void)option;
    const vec y = v_tanh(x), square = x * x;
    vec above = v_set1(21.0), below = v_set1(1.0); /* v = above / below */
#pragma GCC unroll 16
    for (int odd = 19; odd >= 3; odd -= 2) {
        const vec next = v_fma(v_set1(odd), above, square * below);
        below = above;
        above = next;
    }
    const vec small = x * square * below / v_fma(square, below, above);
    const veci near = square < v_set1(1.0);
    return (fm_value_slope){v_select(near, small, x - y), y * y};
}
ACTIVATION(tanh_shrink)

/* -- of the logistic function -- */

/* e = exp(-|x|), which does not overflow. */
INLINE vec exp_of_minus_size(vec x)
{
    return v_exp(v_of_bits(v_bits(x) | v_bits(v_set1(-0.0))));
}

/* e / (1 + e) keeps small values accurate. */
INLINE fm_value_slope sigmoid_formula(vec x, const double *option)
{
    (void)option;
    const vec one = v_set1(1.0), e = exp_of_minus_size(x);
    const vec above = one / (one + e);
    const vec y = v_select(x < (vec){0}, e * above, above);
    return (fm_value_slope){y, e * above * above};
}
ACTIVATION(sigmoid)

INLINE fm_value_slope silu_formula(vec x, const double *option)
{
    const fm_value_slope s = sigmoid_formula(x, option);
    return (fm_value_slope){x * s.y, v_fma(x, s.slope, s.y)};
}
ACTIVATION(silu)

INLINE fm_value_slope softplus_formula(vec x, const double *option)
{
    (void)option;
    const vec zero = {0}, one = v_set1(1.0), e = exp_of_minus_size(x);
    const vec above = one / (one + e);
    return (fm_value_slope){v_select(x < zero, zero, x) + v_log1p(e),
                            v_select(x < zero, e * above, above)};
}
ACTIVATION(softplus)

INLINE fm_value_slope log_sigmoid_formula(vec x, const double *option)
{
    const fm_value_slope s = softplus_formula(-x, option);
    return (fm_value_slope){-s.y, s.slope};
}
ACTIVATION(log_sigmoid)

/* tanh(log(1 + exp(x))) = n / (n + 2), n = e (e + 2), e = exp(x); above 0 both times exp(-2x).
 */
INLINE fm_value_slope mish_formula(vec x, const double *option)
{
    (void)option;
    const vec one = v_set1(1.0), two = v_set1(2.0), e = exp_of_minus_size(x), square = e * e;
    const veci negative = x < (vec){0};
    const vec n = v_select(negative, v_fma(e, e, two * e), v_fma(two, e, one));
    const vec d = n + v_select(negative, two, two * square);
    const vec w = n / d;
    const vec dw = v_set1(4.0) * v_select(negative, e, square) * (one + e) / (d * d);
    return (fm_value_slope){x * w, v_fma(x, dw, w)};
}
ACTIVATION(mish)

/* -- of the normal distribution -- */

INLINE fm_value_slope gelu_formula(vec x, const double *option)
{
    (void)option;
    const normal_values n = v_normal(x);
    return (fm_value_slope){x * n.below, v_fma(x, n.density, n.below)};
}

/* x (1 + tanh u) / 2 = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3); from |x| = 22 on the
 * sigmoid is 0 or 1 and its slope 0, which an infinite u' would make NaN. */
INLINE fm_value_slope gelu_by_tanh_formula(vec x, const double *option)
{
    const vec one = v_set1(1.0), twice = v_set1(1.5957691216057307118);
    const vec bounded = v_max(v_set1(-64.0), v_min(v_set1(64.0), x));
    const vec cubic = v_set1(0.044715) * bounded * bounded;
    const fm_value_slope s = sigmoid_formula(twice * v_fma(cubic, bounded, bounded), option);
    const vec du = twice * v_fma(v_set1(3.0), cubic, one);
    return (fm_value_slope){x * s.y, v_fma(x, s.slope * du, s.y)};
}

static void kernel_activation_gelu(fm_block block, const double *option)
{
    if (fm_gelu_of(option).approximate != 0)
        activate(gelu_by_tanh_formula, block, option);
    else
        activate(gelu_formula, block, option);
}

/* -- piecewise linear or rational -- */

/* t cut to [0, 6], NaN kept, and 1 inside. */
INLINE fm_value_slope relu6_of(vec t)
{
    const vec zero = {0}, six = v_set1(6.0);
    const vec above = v_select(t < zero, zero, t);
    return (fm_value_slope){v_select(above > six, six, above),
                            v_keep((t > zero) & (t < six), v_set1(1.0))};
}

INLINE fm_value_slope hard_sigmoid_formula(vec x, const double *option)
{
    (void)option;
    const fm_value_slope cut = relu6_of(x + v_set1(3.0));
    return (fm_value_slope){cut.y / v_set1(6.0), cut.slope / v_set1(6.0)};
}
ACTIVATION(hard_sigmoid)

INLINE fm_value_slope hard_silu_formula(vec x, const double *option)
{
    const fm_value_slope h = hard_sigmoid_formula(x, option);
    return (fm_value_slope){x * h.y, h.y + x * h.slope};
}
ACTIVATION(hard_silu)

INLINE fm_value_slope hard_tanh_formula(vec x, const double *option)
{
    (void)option;
    const vec one = v_set1(1.0);
    const veci above = x > one, below = x < -one;
    return (fm_value_slope){v_select(above, one, v_select(below, -one, x)),
                            v_drop(above | below, one)};
}
ACTIVATION(hard_tanh)

INLINE fm_value_slope hard_shrink_formula(vec x, const double *option)
{
    const vec edge = v_set1(fm_hard_shrink_of(option).threshold);
    const veci kept = v_abs(x) > edge;
    return (fm_value_slope){v_keep(kept, x), v_keep(kept, v_set1(1.0))};
}
ACTIVATION(hard_shrink)

INLINE fm_value_slope soft_shrink_formula(vec x, const double *option)
{
    const vec edge = v_set1(fm_soft_shrink_of(option).threshold);
    const veci above = x > edge, below = x < -edge;
    return (fm_value_slope){v_select(above, x - edge, v_keep(below, x + edge)),
                            v_keep(above | below, v_set1(1.0))};
}
ACTIVATION(soft_shrink)

INLINE fm_value_slope threshold_formula(vec x, const double *option)
{
    const fm_threshold_options o = fm_threshold_of(option);
    const veci above = x > v_set1(o.threshold);
    return (fm_value_slope){v_select(above, x, v_set1(o.default_value)),
                            v_keep(above, v_set1(1.0))};
}
ACTIVATION(threshold)

INLINE fm_value_slope softsign_formula(vec x, const double *option)
{
    (void)option;
    const vec one = v_set1(1.0), d = one + v_abs(x);
    return (fm_value_slope){x / d, one / (d * d)};
}
ACTIVATION(softsign)

/* (x + r) / 2, r = sqrt(x^2 + b); below 0, where that cancels, b / 2 / (r - x). The square of a
 * large x would overflow, and r is |x| there. */
INLINE fm_value_slope squareplus_formula(vec x, const double *option)
{
    const double b = fm_squareplus_of(option).b;
    const vec size = v_abs(x), half = v_set1(0.5);
    const vec root = v_sqrt(v_fma(x, x, v_set1(b)));
    const vec r = v_select(size > v_set1(0x1p500), size, root);
    const vec y = v_select(x < (vec){0}, v_set1(b / 2) / (r - x), half * (x + r));
    return (fm_value_slope){y, y / r};
}
ACTIVATION(squareplus)

INLINE fm_value_slope sparse_plus_formula(vec x, const double *option)
{
    (void)option;
    const vec zero = {0}, one = v_set1(1.0), half = v_set1(0.5), middle = half * (x + one);
    const veci above = x >= one, below = x <= -one;
    return (fm_value_slope){v_select(above, x, v_select(below, zero, middle * middle)),
                            v_select(above, one, v_select(below, zero, middle))};
}
ACTIVATION(sparse_plus)

/* Both kinks take half of the slope. */
INLINE fm_value_slope sparse_sigmoid_formula(vec x, const double *option)
{
    (void)option;
    const vec zero = {0}, one = v_set1(1.0), half = v_set1(0.5), middle = half * (x + one);
    const veci above = x >= one, below = x <= -one;
    const veci inside = (x > -one) & (x < one), kink = (x == one) | (x == -one);
    return (fm_value_slope){v_select(above, one, v_select(below, zero, middle)),
                            v_select(inside, half, v_keep(kink, v_set1(0.25)))};
}
ACTIVATION(sparse_sigmoid)

INLINE fm_value_slope rescaling_formula(vec x, const double *option)
{
    const fm_rescaling_options o = fm_rescaling_of(option);
    return (fm_value_slope){x * v_set1(o.scale) + v_set1(o.offset), v_set1(o.scale)};
}
ACTIVATION(rescaling)
