"""Chapter 5: the loss and its slope, true and clipped, as the logit of the label moves."""

import numpy as np
import traitlets

from mnist_helpers.functional import log_softmax, softmax
from mnist_helpers.widgets._base import Interactive

__all__ = ["Clipping"]

NUM_OTHERS = 9
RANGE = (-50.0, 10.0)
MAX_LOGIT = 1e4


class Clipping(Interactive):
    """The cross-entropy and its derivative by the label's logit, with and without clipping of the probability.

    There are ten classes. The nine others have the logit 0.

    Parameters
    ----------
    label_logit : float
        Between -50 and 10 on the page's slider; from -1e4 to 1e4 from Python.
    epsilon : float
        The probability is clipped to [epsilon, 1 - epsilon]. Positive, below one half; powers of ten from 1e-15 to
        1e-1 on the page's slider.

    Raises
    ------
    traitlets.TraitError, ValueError
        If a number is of the wrong kind, label_logit is outside its range, or epsilon is not between 0 and one half.

    Notes
    -----
    Formulas (5.7), (5.8) and (5.9) of chapter 5, computed in float64. Losses are in nats.
    """

    module = "clipping"
    label_logit = traitlets.Float(-30.0).tag(sync=True)
    epsilon = traitlets.Float(1e-10).tag(sync=True)

    @traitlets.validate("label_logit")
    def _check_logit(self, proposal):
        if not abs(proposal.value) <= MAX_LOGIT:
            raise ValueError(f"label_logit must be from {-MAX_LOGIT:g} to {MAX_LOGIT:g}, got {proposal.value}")
        return proposal.value

    @traitlets.validate("epsilon")
    def _check_epsilon(self, proposal):
        if not 0 < proposal.value < 0.5:
            raise ValueError(f"epsilon must be between 0 and 0.5, got {proposal.value}")
        return proposal.value

    def curves(self, label_logits):
        """Return losses and slopes at some logits of the label.

        Parameters
        ----------
        label_logits : array_like of shape (N,)

        Returns
        -------
        dict of ndarray
            float64. `label_prob`, shape (N,), and `losses` (nats) and `slopes` (nats per unit of the logit), shape
            (2, N): true, clipped. At a border of the clip, where the slope jumps, the clipped one is 0.
        """
        logits = np.zeros((len(label_logits), NUM_OTHERS + 1))
        logits[:, 0] = label_logits
        probs, epsilon = softmax(logits)[:, 0], self.epsilon
        inside = (epsilon < probs) & (probs < 1 - epsilon)
        return {
            "label_prob": probs,
            "losses": np.stack([-log_softmax(logits)[:, 0], -np.log(np.clip(probs, epsilon, 1 - epsilon))]),
            "slopes": np.stack([probs - 1, np.where(inside, probs - 1, 0)]),
        }

    def edges(self):
        """Return the two logits of the label between which the clip does nothing, shape (2,), float64."""
        odds = NUM_OTHERS * self.epsilon / (1 - self.epsilon)
        return np.array([np.log(odds), 2 * np.log(NUM_OTHERS) - np.log(odds)])

    def results(self):
        """Return what the page shows.

        Returns
        -------
        dict of ndarray
            float64. `label_prob` and `cap` (the largest clipped loss, in nats), shape (1,); `losses` and `slopes`
            (true, clipped) and `edges`, shape (2,).
        """
        at = self.curves([self.label_logit])
        at = {name: values[..., 0] for name, values in at.items()}
        return {
            **at,
            "label_prob": np.array([at["label_prob"]]),
            "cap": np.array([-np.log(self.epsilon)]),
            "edges": self.edges(),
        }

    def draw_still(self, figure):
        """Draw loss and slope against the logit, and where the clip is active."""
        low, high = self.edges()
        # A step at each edge, drawn upright.
        label_logits = np.union1d(
            np.linspace(*RANGE, 401), np.clip([low - 1e-9, low + 1e-9, high - 1e-9, high], *RANGE)
        )
        curves, at = self.curves(label_logits), self.results()
        panels = (("losses", "loss (nats)"), ("slopes", r"slope $\partial J/\partial z_y$"))
        for ax, (name, text) in zip(figure.subplots(1, 2), panels, strict=True):
            for values, label, color, style in zip(
                curves[name], ("true", "clipped"), ("#0072B2", "#D55E00"), ("-", "--"), strict=True
            ):
                ax.plot(label_logits, values, style, color=color, label=label)
            ax.plot(2 * [self.label_logit], at[name], "k:")
            for value, marker, color in zip(at[name], "os", ("#0072B2", "#D55E00"), strict=True):
                ax.plot(self.label_logit, value, marker, color=color)
            for start, end in ((RANGE[0], low), (high, RANGE[1])):
                if RANGE[0] <= start < end <= RANGE[1]:
                    ax.axvspan(start, end, color="black", alpha=0.08, linewidth=0)
            ax.set(xlabel="logit of the label", ylabel=text, xlim=RANGE)
        ax.figure.axes[0].legend(title=f"clipped at {self.epsilon:.0e}")
