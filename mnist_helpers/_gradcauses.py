"""What a wrong gradient looks like beside the right one: the patterns that `check_gradient` names."""

import numpy as np

SLACK = 1e-3  # a pattern need only be told from the other patterns


def likely_cause(analytic, numerical, tolerance, x=None):
    """Return what the pattern of all entries of one parameter suggests, "" if nothing simple fits.

    Parameters
    ----------
    analytic, numerical, tolerance : ndarray of float, all of one shape
    x : ndarray of the same shape, optional
        The parameter itself; without it penalties cannot be recognised.

    Returns
    -------
    str
    """
    if analytic.size == 1:
        return ""
    for pattern in (_zero, _digits, _ratio, _constant, _order, _missing):
        if cause := pattern(analytic, numerical, tolerance):
            return cause
    difference = analytic - numerical
    return _offset(difference, tolerance) or (_penalty(difference, x, tolerance) if x is not None else "")


def _fit(candidate, target, tolerance):
    """Whether all entries agree, to their tolerances and to one part in a thousand of their own size."""
    return bool((np.abs(candidate - target) <= tolerance + SLACK * np.abs(target)).all())


def _zero(analytic, numerical, tolerance):
    if (np.abs(analytic) <= tolerance).all():
        return "the gradient is zero everywhere: a term is missing, or it was summed over the classes"
    return ""


def _digits(analytic, numerical, tolerance):
    share = (np.abs(analytic - numerical) / np.maximum(np.abs(numerical), tolerance)).max()
    if share < 1e-6:
        return f"it is right to {-np.log10(share):.0f} digits: was something rounded, or computed in a lower precision?"
    return ""


def _ratio(analytic, numerical, tolerance):
    ratio = float((analytic * numerical).sum() / max((numerical**2).sum(), np.finfo(float).tiny))
    if abs(ratio - 1) < 2 * SLACK or not ratio or not _fit(analytic / ratio, numerical, tolerance / abs(ratio)):
        return ""
    if abs(ratio + 1) < SLACK:
        return "the sign: the gradient points the other way"
    if min(abs(ratio - 2), abs(ratio - 0.5)) < SLACK:
        return f"a factor 2 (ratio {ratio:.4g}): the derivative of w**2 is 2w, that of w**2 / 2 is w"
    for value, name in {np.log(2): "ln 2", 1 / np.log(2): "1 / ln 2"}.items():
        if abs(ratio - value) < SLACK:
            return f"a factor {name} (ratio {ratio:.4g}): one counts in nats, the other in bits"
    whole = max(abs(ratio), 1 / abs(ratio))
    if abs(whole - round(whole)) < min(SLACK * whole, 0.05):
        sign = "" if ratio > 0 else "-"
        over = "" if abs(ratio) > 1 else "1 / "
        number = f"{sign}{over}{round(whole)}"
        return f"a factor {number}: the number of examples or of classes? one sums where the other averages"
    return f"the constant factor {ratio:.4g}"


def _constant(analytic, numerical, tolerance):
    if _same(analytic, tolerance) and not _same(numerical, tolerance):
        return "all entries are the same number: a sum over all axes instead of one?"
    return ""


def _same(array, tolerance):
    return _fit(array, np.full_like(array, array.mean()), tolerance)


def _order(analytic, numerical, tolerance):
    if analytic.ndim != 2 or min(analytic.shape) == 1 or _fit(analytic, numerical, tolerance):
        return ""
    if analytic.shape[0] == analytic.shape[1] and _fit(analytic.T, numerical, tolerance.max()):
        return "the gradient is transposed"
    if _fit(analytic.reshape(analytic.shape[::-1]).T, numerical, tolerance.max()):
        return "the entries are right but in the wrong order: reshape where a transpose is needed?"
    return ""


def _missing(analytic, numerical, tolerance):
    zero = (np.abs(analytic) <= tolerance) & (np.abs(numerical) > tolerance)
    if zero.any() and (np.abs(analytic - numerical) <= tolerance)[~zero].all():
        return f"{zero.sum()} values are zero and the others right: a loop that ends early, or a mask?"
    return ""


def _penalty(difference, x, tolerance):
    for shape, name in ((x, "the parameter"), (np.sign(x), "its sign")):
        factor = float((difference * shape).sum() / max((shape**2).sum(), np.finfo(float).tiny))
        if factor and _fit(difference, factor * shape, tolerance):
            kind = "L2" if shape is x else "L1"
            return (
                f"analytic minus numerical is {factor:.4g} times {name}: an {kind} penalty that only one of loss and "
                "gradient has, or with another factor"
            )
    return ""


def _offset(difference, tolerance):
    mean = difference.mean()
    if _fit(difference, np.full_like(difference, mean), tolerance):
        return f"analytic minus numerical is {mean:.4g} everywhere: a constant that belongs to one of them only"
    return ""
