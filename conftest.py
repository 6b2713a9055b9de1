"""What `pytest --nbval` needs to know about the data; see CONTRIBUTING.md."""

import contextlib
import os
import warnings
from pathlib import Path

import pytest

from mnist_helpers._files import NotAvailable
from mnist_helpers.data import load_fashion_mnist, load_mnist

# Kernels start in the folder of their notebook, so a relative path has to be made absolute here.
if os.environ.get("MNIST_HELPERS_DATA"):
    os.environ["MNIST_HELPERS_DATA"] = str(Path(os.environ["MNIST_HELPERS_DATA"]).resolve())


def pytest_configure(config):
    """Look for the data once, before any notebook does."""
    config.mnist = config.fashion = None
    if config.option.nbval or config.option.nbval_lax:
        os.environ["TQDM_DISABLE"] = "1"  # strict nbval compares stderr, and bars are never the same twice
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # these products are too small to share between cores
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config.mnist = load_mnist()
        if config.mnist.is_stand_in:
            os.environ["MNIST_HELPERS_DOWNLOAD"] = "0"  # neither Fashion-MNIST nor a notebook need try again
        with contextlib.suppress(NotAvailable):
            config.fashion = load_fashion_mnist()


def pytest_report_header(config):
    if config.mnist is None:
        return "notebooks: not run (use --nbval)"
    if config.mnist.is_stand_in:
        first = (
            "notebooks: MNIST was NOT found. All cells run on the stand-in digits, "
            "and cells tagged needs-mnist run WITHOUT comparison of their outputs"
        )
    else:
        first = f"notebooks: MNIST from {config.mnist.source}; every output is compared"
    if config.fashion is None:
        return [first, "notebooks: Fashion-MNIST was NOT found. Cells tagged needs-fashion are SKIPPED"]
    return [first, f"notebooks: Fashion-MNIST from {config.fashion.source}"]


def pytest_collection_modifyitems(config, items):
    if config.mnist is None:
        return
    for item in items:
        tags = item.cell.metadata.get("tags", []) if hasattr(item, "cell") else []
        if config.mnist.is_stand_in and "needs-mnist" in tags:
            item.options["check"] = False
        if config.fashion is None and "needs-fashion" in tags:
            item.add_marker(pytest.mark.skip(reason="Fashion-MNIST was not found, and it has no stand-in"))
