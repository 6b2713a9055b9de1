"""What `pytest --nbval` needs to know about the data; see CONTRIBUTING.md."""

import os
import warnings
from pathlib import Path

from mnist_helpers.data import load_mnist

# Kernels start in the folder of their notebook, so a relative path has to be made absolute here.
if os.environ.get("MNIST_HELPERS_DATA"):
    os.environ["MNIST_HELPERS_DATA"] = str(Path(os.environ["MNIST_HELPERS_DATA"]).resolve())


def pytest_configure(config):
    """Look for MNIST once, before any notebook does."""
    config.mnist = None
    if config.option.nbval or config.option.nbval_lax:
        os.environ["TQDM_DISABLE"] = "1"  # strict nbval compares stderr, and bars are never the same twice
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # these products are too small to share between cores
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config.mnist = load_mnist()
        if config.mnist.is_stand_in:
            os.environ["MNIST_HELPERS_DOWNLOAD"] = "0"  # no notebook need try again


def pytest_report_header(config):
    if config.mnist is None:
        return "notebooks: not run (use --nbval)"
    if config.mnist.is_stand_in:
        return (
            "notebooks: MNIST was NOT found. All cells run on the stand-in digits, "
            "and cells tagged needs-mnist run WITHOUT comparison of their outputs"
        )
    return f"notebooks: MNIST from {config.mnist.source}; every output is compared"


def pytest_collection_modifyitems(config, items):
    if config.mnist is None or not config.mnist.is_stand_in:
        return
    for item in items:
        if hasattr(item, "cell") and "needs-mnist" in item.cell.metadata.get("tags", []):
            item.options["check"] = False
