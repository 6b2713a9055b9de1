"""The Python side of the interactives: what they refuse, and their numbers against independent references."""

import numpy as np
import pytest
import traitlets

from mnist_helpers import widgets
from mnist_helpers.functional import cross_entropy, softmax


def slopes(f, x, step=1e-6):
    """Central differences of f; the last axis says which entry of x was nudged."""
    nudges = step * np.eye(len(x))
    return np.stack([(f(x + n) - f(x - n)) / (2 * step) for n in nudges], axis=-1)


# ---------------------------------------------------------------- Jacobian


@pytest.mark.parametrize("label", [0, 1, 3])
def test_jacobian_is_the_slope_of_softmax_and_of_the_loss(label):
    logits = np.array([1.5, -0.3, 0.2, 2.0])
    results = widgets.Jacobian(logits, label).results()
    assert np.allclose(results["jacobian"], slopes(softmax, logits), atol=1e-9)
    measured = slopes(lambda z: cross_entropy(z[None], [label]), logits)
    assert np.allclose(results["gradient"], measured, atol=1e-9)
    assert np.allclose(results["through_probs"], measured, atol=1e-9)
    assert np.allclose(results["row_sums"], 0, atol=1e-15)


def test_jacobian_shows_where_the_way_through_the_probabilities_fails():
    results = widgets.Jacobian([0.0, -800.0], label=1).results()
    assert np.isnan(results["through_probs"]).all()
    assert np.array_equal(results["gradient"], [1.0, -1.0])


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"logits": [0.0, np.nan], "label": 0}, "finite"),
        ({"logits": [0.0] * 7}, "at most 6"),
        ({"logits": [0.0, 0.0], "label": 2}, "0 to 1, got 2"),
        ({"logits": [0.0, 0.0], "label": -1}, "0 to 1, got -1"),
        ({"logits": [0.0], "label": 0}, "length"),
    ],
)
def test_jacobian_refuses(state, message):
    with pytest.raises((ValueError, traitlets.TraitError), match=message):
        widgets.Jacobian(**state)


def test_jacobian_refuses_logits_that_leave_the_label_out():
    widget = widgets.Jacobian()
    with pytest.raises(ValueError, match="got 2"):
        widget.logits = [1.0, 2.0]
    assert widget.logits == [2.0, 1.0, 0.0, -1.0]
