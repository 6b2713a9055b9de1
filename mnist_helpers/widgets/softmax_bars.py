"""Chapter 2 and 5: drag logits, see their softmax, and see the naive one overflow."""

import numpy as np
import traitlets

from mnist_helpers.widgets._base import Interactive, check_finite, finite_list

__all__ = ["SoftmaxBars"]

MAX_SCORE = 1e4
TEMPERATURES = (1e-3, 1e3)


class SoftmaxBars(Interactive):
    """Bars of softmax probabilities that follow the logits, a shift common to all, and a temperature.

    Parameters
    ----------
    logits : list of K float
        At least one. Between -5 and 5 on the page's sliders; from -1e4 to 1e4 from Python.
    shift : float
        Added to every logit. Softmax should not notice. Between -120 and 120 on the page's slider; from -1e4 to 1e4
        from Python.
    temperature : float
        The shifted logits are divided by it. Between 0.1 and 10 on the page's slider; from 1e-3 to 1e3 from Python.

    Raises
    ------
    traitlets.TraitError, ValueError
        If a number is of the wrong kind, not finite, or outside its range.

    Notes
    -----
    Both ways compute in float32: the naive one as the formula is printed, the stable one with the maximum subtracted
    first. See chapters 2 and 5.
    """

    module = "softmax_bars"
    logits = finite_list().tag(sync=True)
    shift = traitlets.Float(0.0).tag(sync=True)
    temperature = traitlets.Float(1.0).tag(sync=True)

    def __init__(self, logits=(2.0, 1.0, 0.1), **state):
        super().__init__(logits=list(logits), **state)

    @traitlets.validate("logits", "shift")
    def _check_scores(self, proposal):
        name, value = proposal.trait.name, proposal.value
        if np.abs(check_finite(name, value)).max() > MAX_SCORE:
            raise ValueError(f"{name} must be from {-MAX_SCORE:g} to {MAX_SCORE:g}, got {value}")
        return value

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal):
        low, high = TEMPERATURES
        if not low <= proposal.value <= high:
            raise ValueError(f"temperature must be from {low:g} to {high:g}, got {proposal.value}")
        return proposal.value

    def results(self):
        """Return what the page shows.

        Returns
        -------
        dict of ndarray
            `exponentials` of the scores, and the probabilities `naive` and `stable`, each of shape (K,), float32. Where
            the exponentials overflow or all underflow, `naive` has NaN; `stable` never has.
        """
        scores = np.float32(np.float32(np.add(self.logits, self.shift)) / np.float32(self.temperature))
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            exponentials = np.exp(scores)
            naive = exponentials / exponentials.sum()
            stable = np.exp(scores - scores.max())
        return {"exponentials": exponentials, "naive": naive, "stable": stable / stable.sum()}

    def draw_still(self, figure):
        """Draw both sets of bars side by side."""
        results = self.results()
        for ax, name in zip(figure.subplots(1, 2, sharey=True), ("naive", "stable"), strict=True):
            ax.barh(range(len(self.logits)), np.nan_to_num(results[name]), color="#0072B2")
            for row, p in enumerate(results[name]):
                ax.text(np.nan_to_num(p) + 0.02, row, f"{p:.3f}", va="center")
            ax.set(title=f"{name}, float32", xlim=(0, 1.25), xlabel="probability")
            ax.set_yticks(range(len(self.logits)), [f"z = {z:g}" for z in self.logits])
        ax.invert_yaxis()
