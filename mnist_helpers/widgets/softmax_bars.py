"""Chapter 2 and 5: drag logits, see their softmax, and see the naive one overflow."""

import numpy as np
import traitlets

from mnist_helpers.widgets._base import Interactive, check_finite, finite_list

__all__ = ["SoftmaxBars"]


class SoftmaxBars(Interactive):
    """Bars of softmax probabilities that follow the logits, a shift common to all, and a temperature.

    Parameters
    ----------
    logits : list of K float
        Between -5 and 5 on the page's sliders; any finite numbers from Python.
    shift : float
        Added to every logit. Softmax should not notice.
    temperature : float
        Positive. The shifted logits are divided by it.

    Raises
    ------
    traitlets.TraitError, ValueError
        If a number is of the wrong kind, not finite, or the temperature is not positive.

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
    def _check(self, proposal):
        return check_finite(proposal.trait.name, proposal.value)

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal):
        if check_finite("temperature", proposal.value) <= 0:
            raise ValueError(f"temperature must be positive, got {proposal.value}")
        return proposal.value

    def results(self):
        """Return `exponentials`, `naive` and `stable`, each of shape (K,), float32; NaN where the naive one fails."""
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
