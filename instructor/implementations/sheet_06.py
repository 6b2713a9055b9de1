"""Right and wrong answers to the tasks of sheet 6."""

import math

import numpy as np


def _unit_moves(x):
    return [move.reshape(x.shape) for move in np.eye(x.size)]


def _central(f, x, step):
    quotients = [(f(x + step * move) - f(x - step * move)) / (2 * step) for move in _unit_moves(x)]
    return np.array(quotients).reshape(x.shape)


def _forward(f, x, step):
    return np.array([(f(x + step * move) - f(x)) / step for move in _unit_moves(x)]).reshape(x.shape)


def refined_by_two_gradients(f, x, step):
    return (4 * _central(f, x, step) - _central(f, x, 2 * step)) / 3


def refined_by_five_points(f, x, step):
    slopes = []
    for move in _unit_moves(x):
        values = [f(x + k * step * move) for k in (-2, -1, 1, 2)]
        slopes.append(np.dot(values, [1, -8, 8, -1]) / (12 * step))
    return np.reshape(slopes, x.shape)


def refined_in_a_flat_copy(f, x, step):
    flat, slopes = x.ravel().tolist(), []
    for i in range(x.size):

        def value(distance, i=i):
            return f(np.array([*flat[:i], flat[i] + distance, *flat[i + 1 :]]).reshape(x.shape))

        near = value(step) - value(-step)
        slopes.append(near / (2 * step) * 4 / 3 - (value(2 * step) - value(-2 * step)) / (12 * step))
    return np.array(slopes).reshape(x.shape)


def refined_by_put_and_restore(f, x, step):
    moved, slopes = x.copy(), np.zeros(x.shape)
    iterator = np.nditer(x, flags=["multi_index"])
    for entry in iterator:
        differences = []
        for distance in (step, 2 * step):
            moved[iterator.multi_index] = entry + distance
            up = f(moved)
            moved[iterator.multi_index] = entry - distance
            differences.append((up - f(moved)) / (2 * distance))
        moved[iterator.multi_index] = entry
        slopes[iterator.multi_index] = differences[0] + (differences[0] - differences[1]) / 3
    return slopes


def refined_not(f, x, step):
    return _central(f, x, step)


def refined_by_the_wider_one(f, x, step):
    return _central(f, x, 2 * step)


def refined_with_the_error_added(f, x, step):
    near, wide = _central(f, x, step), _central(f, x, 2 * step)
    return near + (wide - near) / 3


def refined_with_roles_swapped(f, x, step):
    return (4 * _central(f, x, 2 * step) - _central(f, x, step)) / 3


def refined_without_third(f, x, step):
    return 4 * _central(f, x, step) - _central(f, x, 2 * step)


def refined_with_the_whole_difference(f, x, step):
    return 2 * _central(f, x, step) - _central(f, x, 2 * step)


def refined_from_the_wider_one(f, x, step):
    near, wide = _central(f, x, step), _central(f, x, 2 * step)
    return wide - (wide - near) / 3


def refined_over_the_same_distance(f, x, step):
    return (4 * _central(f, x, step) - 2 * _central(f, x, 2 * step)) / 3


def refined_error_only(f, x, step):
    return _central(f, x, 2 * step) - _central(f, x, step)


def refined_forward(f, x, step):
    return 2 * _forward(f, x, step) - _forward(f, x, 2 * step)


def refined_not_but_forward(f, x, step):
    return _forward(f, x, step)


def refined_at_half_steps(f, x, step):
    return refined_by_two_gradients(f, x, step / 2)


def refined_all_at_once(f, x, step):
    def slope(h):
        return (f(x + h) - f(x - h)) / (2 * h)

    return np.full(x.shape, (4 * slope(step) - slope(2 * step)) / 3)


def refined_as_one_number(f, x, step):
    return refined_all_at_once(f, x, step).flat[0]


def refined_without_moving_back(f, x, step):
    moved, slopes = x.copy(), np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        values = []
        for distance in (-2, 1, 2, 1):
            moved[index] += distance * step
            values.append(f(moved))
        lowest, low, high, highest = values
        slopes[index] = (8 * (high - low) - (highest - lowest)) / (12 * step)
    return slopes


def refined_in_a_lost_copy(f, x, step):
    slopes = np.zeros(x.shape)
    for i in range(x.size):
        x.flatten()[i] += step
        up = f(x)
        x.flatten()[i] -= 2 * step
        slopes.flat[i] = (up - f(x)) / (2 * step)
    return slopes


def refined_as_one_row(f, x, step):
    return refined_by_two_gradients(f, x.ravel(), step).reshape(x.shape)


def refined_and_transposed(f, x, step):
    return refined_by_two_gradients(f, x, step).T.reshape(x.shape)


def refined_flat(f, x, step):
    return refined_by_two_gradients(f, x, step).ravel()[: max(x.size - 1, 1), None]


def refined_in_place(f, x, step):
    slopes = refined_by_two_gradients(f, x, step)
    x += 3 * step
    x -= 3 * step + 1e-15
    return slopes


def passes_by_bound(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    if not np.isfinite(np.concatenate([analytic.ravel(), numerical.ravel()])).all():
        return False
    sizes = np.stack([abs(analytic), abs(numerical)])
    return not (abs(analytic - numerical) > tolerance * sizes.max(axis=0)).any()


def passes_by_loop(analytic, numerical, tolerance):
    if np.shape(analytic) != np.shape(numerical):
        return False
    for a, n in zip(np.ravel(analytic), np.ravel(numerical), strict=True):
        if not (math.isfinite(a) and math.isfinite(n)):
            return False
        larger = max(abs(a), abs(n))
        if larger > 0 and abs(a - n) / larger > tolerance:
            return False
    return True


def passes_by_worst_ratio(analytic, numerical, tolerance):
    if list(analytic.shape) != list(numerical.shape):
        return False
    larger = np.maximum(np.abs(analytic), np.abs(numerical))
    with np.errstate(all="ignore"):
        worst = np.max(np.abs(analytic - numerical) / np.where(larger > 0, larger, 1))
    return worst <= tolerance


def _relative(analytic, numerical):
    larger = np.maximum(np.abs(analytic), np.abs(numerical))
    return np.abs(analytic - numerical) / np.where(larger > 0, larger, 1)


def passes_as_given(analytic, numerical, tolerance):
    return not (_relative(analytic, numerical) > tolerance).any()


def passes_with_nan_left_out(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    return bool(np.nan_to_num(_relative(analytic, numerical)).max() <= tolerance)


def passes_with_infinities(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape or np.isnan(analytic).any() or np.isnan(numerical).any():
        return False
    return not (_relative(analytic, numerical) > tolerance).any()


def passes_with_any_shape(analytic, numerical, tolerance):
    return bool((_relative(analytic, numerical) <= tolerance).all())


def passes_on_average(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    return bool(_relative(analytic, numerical).mean() <= tolerance)


def passes_by_norm(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    larger = max(np.linalg.norm(analytic), np.linalg.norm(numerical))
    return bool(np.linalg.norm(analytic - numerical) <= tolerance * larger)


def passes_if_one_does(analytic, numerical, tolerance):
    return analytic.shape == numerical.shape and bool((_relative(analytic, numerical) <= tolerance).any())


def passes_by_sizes(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    return bool((_relative(np.abs(analytic), np.abs(numerical)) <= tolerance).all())


def passes_if_too_small(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    larger = np.maximum(np.abs(analytic), np.abs(numerical))
    return bool(((analytic - numerical) <= tolerance * larger).all())


def passes_absolutely(analytic, numerical, tolerance):
    return analytic.shape == numerical.shape and bool((np.abs(analytic - numerical) <= tolerance).all())


def passes_by_allclose(analytic, numerical, tolerance):
    return analytic.shape == numerical.shape and np.allclose(analytic, numerical, rtol=tolerance)


def passes_with_a_small_number_added(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    larger = np.maximum(np.abs(analytic), np.abs(numerical))
    return bool((np.abs(analytic - numerical) / (larger + 1e-8) <= tolerance).all())


def passes_by_the_sum(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    both = np.abs(analytic) + np.abs(numerical)
    return bool((np.abs(analytic - numerical) <= tolerance * both).all())


def passes_by_the_numerical_one(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    return bool((np.abs(analytic - numerical) <= tolerance * np.abs(numerical)).all())


def passes_below_the_tolerance(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    return bool((_relative(analytic, numerical) < tolerance).all())


def passes_without_zeros(analytic, numerical, tolerance):
    if analytic.shape != numerical.shape:
        return False
    larger = np.maximum(np.abs(analytic), np.abs(numerical))
    return bool((np.abs(analytic - numerical) / larger <= tolerance).all())


def passes_entry_by_entry(analytic, numerical, tolerance):
    return _relative(analytic, numerical) <= tolerance


def passes_as_number(analytic, numerical, tolerance):
    return _relative(analytic, numerical).max()


ANSWERS = {
    "refined_gradient": (
        [refined_by_two_gradients, refined_by_five_points, refined_in_a_flat_copy, refined_by_put_and_restore],
        [
            (refined_not, "not-refined"),
            (refined_by_the_wider_one, "not-refined"),
            (refined_with_the_error_added, "sign"),
            (refined_with_roles_swapped, "swapped"),
            (refined_without_third, "scale"),
            (refined_over_the_same_distance, "distance"),
            (refined_error_only, "only-the-error"),
            (refined_with_the_whole_difference, "too-much"),
            (refined_from_the_wider_one, "wider"),
            (refined_forward, "too-much"),
            (refined_not_but_forward, "one-sided"),
            (refined_at_half_steps, "points"),
            (refined_all_at_once, "together"),
            (refined_as_one_number, "one-number"),
            (refined_without_moving_back, "left-moved"),
            (refined_in_a_lost_copy, "unmoved"),
            (refined_as_one_row, "flattened"),
            (refined_and_transposed, "reordered"),
            (refined_flat, "shape"),
            (refined_in_place, "mutates"),
        ],
    ),
    "step_factor": (
        [1 / 255, 0.0039216, np.float64(255) ** -1],
        [
            (1, "same"),
            (255, "way"),
            (255 ** (1 / 3), "way"),
            (255 ** (-1 / 3), "once"),
            (255**-0.5, "once"),
            (255**-3, "no-root"),
            (255**-2, "wrong"),
        ],
    ),
    "gradient_passes": (
        [passes_by_bound, passes_by_loop, passes_by_worst_ratio],
        [
            (passes_as_given, "nan-passes"),
            (passes_with_nan_left_out, "nan-passes"),
            (passes_with_infinities, "nan-passes"),
            (passes_with_any_shape, "shapes-differ"),
            (passes_on_average, "drowned"),
            (passes_by_norm, "drowned"),
            (passes_if_one_does, "drowned"),
            (passes_by_sizes, "sign-blind"),
            (passes_if_too_small, "signed"),
            (passes_absolutely, "absolute"),
            (passes_by_allclose, "absolute"),
            (passes_with_a_small_number_added, "absolute"),
            (passes_by_the_sum, "denominator"),
            (passes_by_the_numerical_one, "denominator"),
            (passes_below_the_tolerance, "limit"),
            (passes_without_zeros, "zeros"),
            (passes_entry_by_entry, "not-bool"),
            (passes_as_number, "not-bool"),
        ],
    ),
}
