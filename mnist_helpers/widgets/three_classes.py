"""Chapter 12: points of three classes to drag, and the straight borders that softmax regression finds for them."""

import numpy as np
import traitlets

from mnist_helpers.functional import softmax, softmax_jacobian
from mnist_helpers.models import logits, loss_and_grads, predict
from mnist_helpers.plotting import plot_regions
from mnist_helpers.widgets._base import Interactive, check_finite

__all__ = ["ThreeClasses"]

NUM_CLASSES = 3
MAX_NEWTON_STEPS = 200
EDGE = 3.0  # the figure shows the plane from -EDGE to EDGE
SURE = 1e-9  # what is smaller may be rounding: a logit above the others, the length of a normal
FARTHEST, PENALTIES = 20.0, (1e-4, 100.0)  # within these the Newton steps have been tested to arrive
ARRIVED = 1e-9  # what changes no difference of two logits by more is the last step
PARALLEL = 1e-6  # sine of the angle below which two lines count as parallel

PER_CLASS = 6
ARRANGEMENTS = {
    "three corners": [
        *([-1.9, -1.2], [-1.2, -1.8], [-1.4, -0.6], [-2.3, -0.5], [-0.7, -1.1], [-1.7, -2.2]),
        *([1.8, -1.4], [1.1, -0.9], [2.2, -0.6], [1.5, -2.0], [0.8, -1.7], [2.4, -1.5]),
        *([0.1, 1.6], [-0.7, 1.9], [0.6, 1.1], [0.9, 2.1], [-0.3, 0.9], [0.2, 2.4]),
    ],
    "in a row": [
        *([-2.1, -1.3], [-2.4, 0.4], [-1.8, 1.5], [-1.6, -0.4], [-2.5, -0.7], [-1.9, 2.2]),
        *([-0.2, -1.9], [0.3, -0.6], [-0.4, 0.5], [0.2, 1.4], [0.1, 2.3], [0.4, -1.2]),
        *([2.0, -1.6], [1.7, 0.2], [2.3, 1.1], [1.9, 2.0], [2.5, -0.5], [1.6, -2.2]),
    ],
    "ring": [
        *([-0.6, -0.5], [-1.0, -0.8], [-0.3, -0.9], [-0.8, -0.1], [-0.2, -0.3], [-0.7, -1.2]),
        *([1.3, -0.6], [0.4, 0.9], [-1.5, 1.0], [-2.5, -0.6], [-1.6, -2.2], [0.4, -2.2]),
        *([2.1, 1.7], [2.5, 2.3], [1.8, 2.4], [2.6, 1.5], [1.4, 2.0], [2.2, 2.7]),
    ],
    "XOR": [
        *([-2.2, -1.5], [-1.6, -1.9], [-1.8, -1.1], [0.5, 1.3], [0.1, 1.8], [0.7, 1.9]),
        *([-2.1, 1.4], [-1.5, 1.8], [-1.9, 2.1], [0.3, -1.2], [0.6, -1.8], [0.0, -1.6]),
        *([2.4, 0.9], [2.1, 0.3], [2.6, -0.3], [2.2, -0.9], [2.7, 0.5], [1.9, -0.2]),
    ],
}


def fit_newton(x, labels, l2):
    """Return the parameters of lowest loss with an L2 penalty on the weights, by Newton steps.

    The steps start at zero and are shortened to log(1 + d) / d, where d bounds by how much the step changes a
    difference of two logits. The third derivative of the loss is at most d times the second, so no step can fail.

    Parameters
    ----------
    x : ndarray of float64, shape (N, 2)
        The points; coordinates up to 20 in size.
    labels : ndarray of int, shape (N,)
        The classes 0, 1 and 2, each at least once.
    l2 : float
        Strength of the penalty on the weights, 1e-4 to 100, as in `mnist_helpers.models.loss_and_grads`.

    Returns
    -------
    dict of ndarray
        `weights`, shape (2, 3), and `bias`, shape (3,), whose sum is 0, in float64.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the numbers are so large that the Hessian cannot be inverted.

    Notes
    -----
    Chapter 12. T. Sun and Q. Tran-Dinh, "Generalized self-concordant functions", Math. Program. 178 (2019).
    """
    ones = np.column_stack([x, np.ones(len(x))])
    params = {"weights": np.zeros((2, NUM_CLASSES)), "bias": np.zeros(NUM_CLASSES)}
    # The loss does not notice a number common to all biases. A one in each entry of their block keeps it at zero.
    added = np.diag(np.repeat([l2, l2, 0.0], NUM_CLASSES))
    added[-NUM_CLASSES:, -NUM_CLASSES:] += 1
    for _ in range(MAX_NEWTON_STEPS):
        grads = loss_and_grads(params, x, labels, l2=l2)[1]
        jacobians = softmax_jacobian(softmax(logits(params, x)))
        hessian = np.einsum("ni,nj,nkl->ikjl", ones, ones, jacobians).reshape(added.shape) / len(x)
        step = -np.linalg.solve(hessian + added, np.vstack([grads["weights"], grads["bias"]]).ravel())
        step = step.reshape(-1, NUM_CLASSES)
        change = np.ptp(ones @ step, axis=1).max()
        step *= np.log1p(change) / change if change > 0 else 1.0
        params = {"weights": params["weights"] + step[:2], "bias": params["bias"] + step[2]}
        if change <= ARRIVED:
            break
    return params


def meeting_point(params):
    """Return where the three lines, on each of which two logits are equal, meet (12.2).

    Takes parameters with `weights`, shape (2, 3), and `bias`, shape (3,), and returns ndarray of float64, shape (2,):
    NaN if the lines are parallel, or if two classes have the same logits everywhere, so that one of them is missing.
    """
    weights, bias = params["weights"], params["bias"]
    normals = np.array([weights[:, 0] - weights[:, 1], weights[:, 1] - weights[:, 2]])
    offsets = np.array([bias[0] - bias[1], bias[1] - bias[2]])
    determinant = normals[0, 0] * normals[1, 1] - normals[0, 1] * normals[1, 0]
    lengths = np.linalg.norm(normals, axis=1)
    if lengths.min() < SURE or abs(determinant) <= PARALLEL * lengths.prod():
        return np.full(2, np.nan)
    return np.linalg.solve(normals, -offsets)


def check_farthest(name, points):
    """Raise ValueError if a coordinate is NaN or larger in size than 20."""
    largest = np.abs(check_finite(name, points)).max()
    if largest > FARTHEST:
        raise ValueError(f"{name} must lie between {-FARTHEST:g} and {FARTHEST:g}, got a size of {largest:g}")


class ThreeClasses(Interactive):
    """Points of three classes in the plane, and softmax regression trained on them again after every move.

    Parameters
    ----------
    points : str or list of N [float, float]
        The name of an arrangement, "three corners" (the default), "in a row", "ring" or "XOR", of 18 points; or the
        points, coordinates from -20 to 20. The page shows the plane from -3 to 3 and keeps dragged points inside.
    labels : list of N int, optional
        The classes 0, 1 and 2, each at least once. By default six of each, in this order.
    l2 : float
        Strength of the penalty on the weights, 1e-4 to 100, as in `mnist_helpers.models.loss_and_grads`. Without it the
        weights of separable points would grow for ever. The default is 0.003.
    arrangements : list of [str, list of N [float, float]], optional
        What the page's buttons offer: a name, then as many points of class 0 as of class 1 and of class 2. By default
        the four named above.

    Raises
    ------
    traitlets.TraitError, ValueError
        If a number is of the wrong kind or out of range, a class is missing, or there are not as many labels as points.
        To change the number of points set both within ``with figure.hold_trait_notifications():``.

    Notes
    -----
    See chapter 12. The Newton steps are those of `fit_newton`.
    """

    module = "three_classes"
    points = traitlets.List(traitlets.List(traitlets.Float(), minlen=2, maxlen=2), minlen=NUM_CLASSES).tag(sync=True)
    labels = traitlets.List(traitlets.Int(), minlen=NUM_CLASSES).tag(sync=True)
    l2 = traitlets.Float(0.003).tag(sync=True)
    arrangements = traitlets.List().tag(sync=True)

    def __init__(self, points="three corners", labels=None, **state):
        if isinstance(points, str):
            if points not in ARRANGEMENTS:
                raise ValueError(f"points must be a list or one of {list(ARRANGEMENTS)}, got {points!r}")
            points = ARRANGEMENTS[points]
        labels = np.repeat(range(NUM_CLASSES), PER_CLASS).tolist() if labels is None else labels
        state.setdefault("arrangements", [[name, offered] for name, offered in ARRANGEMENTS.items()])
        super().__init__(points=[list(point) for point in points], labels=list(labels), **state)

    @traitlets.validate("points")
    def _check_points(self, proposal):
        check_farthest("points", proposal.value)
        self._check_lengths(proposal.value, self.labels)
        return proposal.value

    @traitlets.validate("labels")
    def _check_labels(self, proposal):
        if set(proposal.value) != set(range(NUM_CLASSES)):
            raise ValueError(f"labels must be 0, 1 and 2, each at least once, got {proposal.value}")
        self._check_lengths(self.points, proposal.value)
        return proposal.value

    @staticmethod
    def _check_lengths(points, labels):
        if len(points) != len(labels):
            raise ValueError(f"each point needs one label, got {len(points)} points and {len(labels)} labels")

    @traitlets.validate("arrangements")
    def _check_arrangements(self, proposal):
        for offered in proposal.value:
            if len(offered) != 2 or not isinstance(offered[0], str):
                raise ValueError(f"an arrangement must be a name and a list of points, got {offered!r}")
            name, points = offered
            shape = np.shape(points)
            if len(shape) != 2 or shape[1] != 2 or shape[0] == 0 or shape[0] % NUM_CLASSES:
                raise ValueError(f"arrangement {name!r} must have shape (N, 2) with N = 3, 6, 9, …, got {shape}")
            check_farthest(f"arrangement {name!r}", points)
        return proposal.value

    @traitlets.validate("l2")
    def _check_l2(self, proposal):
        low, high = PENALTIES
        if not low <= proposal.value <= high:
            raise ValueError(f"l2 must be between {low} and {high}, got {proposal.value}")
        return proposal.value

    def params(self):
        """Return the trained parameters, as every function of `mnist_helpers.models` takes them."""
        return fit_newton(np.array(self.points), np.array(self.labels), self.l2)

    def results(self):
        """Return `weights` (2, 3), `bias` (3,), `meeting` (2,) and `correct` (N,), which is 0 or 1.

        `meeting` is NaN where `meeting_point` says so. A point is right if the logit of its class is above the others
        by more than rounding, 1e-9.
        """
        params = self.params()
        z = logits(params, np.array(self.points))
        own = np.arange(len(z)), np.array(self.labels)
        others = z.copy()
        others[own] = -np.inf
        correct = z[own] - others.max(axis=1) > SURE
        return {**params, "meeting": meeting_point(params), "correct": correct.astype(float)}

    def draw_still(self, figure):
        """Draw the regions, the points and the lines."""
        ax = figure.subplots()
        params, results = self.params(), self.results()
        limits = (-EDGE, EDGE, -EDGE, EDGE)
        points, labels = np.array(self.points), np.array(self.labels)
        plot_regions(lambda plane: predict(params, plane), ax, points=points, labels=labels, limits=limits)
        wrong = results["correct"] == 0
        if wrong.any():
            ax.plot(*points[wrong].T, "o", color="none", markeredgecolor="black", markersize=12, label="wrong")
        for i, j in ((0, 1), (1, 2), (2, 0)):
            normal = params["weights"][:, i] - params["weights"][:, j]
            if np.linalg.norm(normal) > SURE:
                foot = -(params["bias"][i] - params["bias"][j]) * normal / (normal @ normal)
                ax.axline(foot, (foot[0] - normal[1], foot[1] + normal[0]), color="black", linestyle=":", linewidth=1)
        ax.plot(*results["meeting"], "o", color="white", markeredgecolor="black", markersize=8)
        title = f"{int(results['correct'].sum())} of {len(points)} right"
        ax.set(xlabel="$x_0$", ylabel="$x_1$", aspect="equal", title=title)
        figure.legend(*ax.get_legend_handles_labels(), loc="outside right upper")
