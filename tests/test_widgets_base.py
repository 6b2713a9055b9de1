"""What all interactives have in common: how they are displayed, stored, and put into a page."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from mnist_helpers import widgets
from mnist_helpers.widgets._base import MIME_TYPE, Interactive, box_html

VIEW = "application/vnd.jupyter.widget-view+json"
INTERACTIVES = [cls for name in widgets.__all__ if issubclass(cls := getattr(widgets, name), Interactive)]


@pytest.mark.parametrize("cls", INTERACTIVES)
def test_displayed_it_is_stored_three_times(cls):
    data, _ = DisplayFormatter().format(cls())
    assert set(data) == {VIEW, MIME_TYPE, "image/png", "text/plain"}
    assert data[MIME_TYPE] == {"module": cls.module, "state": cls().state()}
    assert "\n" not in data["text/plain"]


@pytest.mark.parametrize("cls", INTERACTIVES)
def test_an_unknown_setting_is_refused(cls):
    with pytest.raises(TypeError, match="temprature"):
        cls(temprature=3)


def test_colab_is_told_where_its_widget_manager_is(monkeypatch):
    colab = SimpleNamespace(_widgets=SimpleNamespace(_installed_url="https://x/"), enable_custom_widget_manager=list)
    monkeypatch.setitem(sys.modules, "google.colab.output", colab)
    _, metadata = widgets.Clipping()._repr_mimebundle_()
    assert metadata == {VIEW: {"colab": {"custom_widget_manager": {"url": "https://x/"}}}}


def test_state_cannot_leave_its_script_element():
    state = {"names": ["</script><script>alert(1)</script>", "<!--<script>"]}
    html = box_html("jacobian", state)
    text = html.split('<script type="application/json">')[1].split("</script>")[0]
    assert "<" not in text
    assert json.loads(text) == state


def test_state_with_nan_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        box_html("jacobian", {"logits": [np.nan]})
