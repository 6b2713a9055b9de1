"""Chapter 4: the Jacobian of softmax, and the gradient that one of its rows gives."""

import numpy as np
import traitlets

from mnist_helpers.functional import one_hot, softmax, softmax_jacobian
from mnist_helpers.widgets._base import Interactive, check_finite, finite_list

__all__ = ["Jacobian"]

MAX_CLASSES = 6
MAX_LOGIT = 1e4


class Jacobian(Interactive):
    """The matrix diag(p) - p p^T of logits that you drag, and the gradient p - t for a label that you choose.

    Parameters
    ----------
    logits : list of K float
        Two to six classes. Between -10 and 10 on the page's sliders; from -1e4 to 1e4 from Python.
    label : int
        The class of the one-hot target t, 0 .. K - 1. To change the number of classes together with the label, set both
        inside ``hold_trait_notifications()``.

    Raises
    ------
    traitlets.TraitError, ValueError
        If a number is of the wrong kind, not finite or too large, there are too few or too many logits, or the label is
        no class.

    Notes
    -----
    With a one-hot target the chain rule through the probabilities needs one row of the matrix, that of the label,
    times -1/p[label]. See chapter 4, formulas (4.3), (4.9) and (4.10). The page computes in float64.
    """

    module = "jacobian"
    logits = finite_list(minimum_length=2).tag(sync=True)
    label = traitlets.Int(0).tag(sync=True)

    def __init__(self, logits=(2.0, 1.0, 0.0, -1.0), label=2, **state):
        super().__init__(logits=list(logits), label=label, **state)

    @traitlets.validate("logits")
    def _check_logits(self, proposal):
        if len(proposal.value) > MAX_CLASSES:
            raise ValueError(f"logits must be at most {MAX_CLASSES} numbers, got {len(proposal.value)}")
        self._check_pair(self.label, proposal.value)
        if np.abs(check_finite("logits", proposal.value)).max() > MAX_LOGIT:
            raise ValueError(f"logits must be from {-MAX_LOGIT:g} to {MAX_LOGIT:g}, got {proposal.value}")
        return proposal.value

    @traitlets.validate("label")
    def _check_label(self, proposal):
        self._check_pair(proposal.value, self.logits)
        return proposal.value

    @staticmethod
    def _check_pair(label, logits):
        if not 0 <= label < len(logits):
            raise ValueError(f"label must be one of the {len(logits)} classes 0 to {len(logits) - 1}, got {label}")

    def results(self):
        """Return what the page shows.

        Returns
        -------
        dict of ndarray
            float64. `probs`, `row_sums` (of the matrix), `gradient` (p - t) and `through_probs` (row of the label times
            -1/p[label]), shape (K,); `gradient_sum`, shape (1,); `jacobian`, shape (K, K), row i the slopes of p[i].
            Where p[label] underflows, `through_probs` is NaN or infinite.
        """
        probs = softmax(self.logits)
        jacobian = softmax_jacobian(probs)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            through_probs = -1 / probs[self.label] * jacobian[self.label]
        gradient = probs - one_hot([self.label], len(probs))[0]
        return {
            "probs": probs,
            "jacobian": jacobian,
            "row_sums": jacobian.sum(axis=1),
            "gradient": gradient,
            "gradient_sum": np.array([gradient.sum()]),
            "through_probs": through_probs,
        }

    def draw_still(self, figure):
        """Draw the matrix with its numbers, and the gradient as bars below its columns."""
        results = self.results()
        classes = range(len(self.logits))
        left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
        left.imshow(results["jacobian"], cmap="RdBu", vmin=-0.25, vmax=0.25)
        for (i, j), value in np.ndenumerate(results["jacobian"]):
            color = "white" if abs(value) > 0.17 else "black"
            left.text(j, i, f"{value:+.3f}", ha="center", va="center", color=color, fontsize=9)
        left.set(title=r"Jacobian $\partial p_i/\partial z_j$")
        left.set_xticks(classes, [f"$z_{j}$" for j in classes])
        left.set_yticks(classes, [f"$p_{i}$ = {p:.3f}" for i, p in enumerate(results["probs"])])
        bars = right.bar(classes, results["gradient"], color="#0072B2")
        right.bar_label(bars, fmt="%+.3f", padding=2)
        right.axhline(0, color="grey", linewidth=1)
        right.set(title=f"gradient p − t, label {self.label}", ylim=(-1.25, 1.25))
        right.set_xticks(classes, [f"$z_{j}$" for j in classes])
