"""Random states for every interactive: rng -> dict of its traits. Beyond the sliders' ends, and near edges."""

import numpy as np

from mnist_helpers import widgets


def softmax_bars(rng):
    count = int(rng.integers(1, 8))
    return {
        "logits": rng.normal(scale=rng.choice([0.1, 3.0, 30.0]), size=count).tolist(),
        "shift": float(rng.choice([0.0, rng.uniform(-130, 130)])),
        "temperature": float(10 ** rng.uniform(-1, 1)),
    }


def jacobian(rng):
    count = int(rng.integers(2, 7))
    logits = rng.normal(scale=rng.choice([0.1, 3.0, 60.0]), size=count)
    if rng.random() < 0.1:
        logits[0] -= 2000  # its probability underflows to 0
    return {"logits": logits.tolist(), "label": int(rng.integers(count))}


def ravine(rng):
    best = {"learning_rate": (2 / 11) ** 2, "momentum": (9 / 11) ** 2}  # both roots coincide
    drawn = {
        "learning_rate": float(rng.choice([0.02, 10 ** rng.uniform(-5, -1)])),
        "momentum": float(rng.choice([0.0, rng.uniform(0, 1), 0.999])),
    }
    settings = best if rng.random() < 0.1 else drawn
    return {**settings, "num_steps": int(rng.integers(0, 401))}


def draw_digit(rng):
    length = int(rng.choice([1, 2, 10]))
    strokes = [rng.uniform(-4, 32, size=(length, 2)) for _ in range(rng.integers(0, 4))]
    size = rng.choice([1e-3, 0.1, 1.0])  # from a speck to beyond the edge
    pixels = np.clip(rng.normal(scale=0.5, size=784), 0, 1).tolist() if rng.random() < 0.2 else []
    return {
        "strokes": [(14 + size * (stroke - 14)).tolist() for stroke in strokes],
        "pixels": pixels,
        "centred": bool(rng.random() < 0.6),
        "pen": float(rng.choice([0.3, 1.3, rng.uniform(0.3, 4), 4.0])),
        "evidence_for": int(rng.integers(-1, 10)),
    }


def clipping(rng):
    epsilon = float(10 ** rng.uniform(-17, -0.35))
    near_edge = np.log(9 * epsilon) + rng.normal(scale=0.01)
    label_logit = rng.choice([rng.uniform(-60, 20), rng.normal(scale=1000), near_edge])
    return {"label_logit": float(label_logit), "epsilon": epsilon}


def three_classes(rng):
    labels = [0, 1, 2, *rng.integers(3, size=rng.integers(0, 27)).tolist()]
    points = rng.normal(scale=rng.choice([0.01, 1.0, 5.0]), size=(len(labels), 2)).clip(-20, 20)
    kind = rng.choice(["any", "one place", "on a line", "twice"])
    if kind == "one place":
        points[:] = points[0]
    elif kind == "on a line":
        points[:, 1] = points[0, 1]
    elif kind == "twice":
        points[len(points) // 2 :] = points[: -(len(points) // 2)]
    return {"points": points.tolist(), "labels": labels, "l2": float(10 ** rng.uniform(-4, 0))}


def step_size(rng):
    return {
        "function": str(rng.choice(["x²", "x³", "x³ + 1000", "√(1 + x²)", "1/(1 + x²)"])),
        "x": float(rng.choice([rng.integers(1, 101) / 10, rng.uniform(0.1, 10)])),
        "step": float(rng.choice([1.0, 1e-16, 10 ** rng.uniform(-16, 0), 10 ** rng.uniform(-16, 0)])),
        "precision": str(rng.choice(["float64", "float32"])),
    }


def confusion_explorer(rng):
    num_classes, num_examples = int(rng.integers(2, 11)), int(rng.integers(1, 60))
    images = rng.integers(256, size=(num_examples, *rng.integers(1, 6, size=2)))
    labels = rng.integers(num_classes, size=num_examples)
    probs = rng.dirichlet(np.full(num_classes, 0.3), size=num_examples)
    state = widgets.ConfusionExplorer.from_predictions(images, labels, probs, per_cell=int(rng.integers(1, 7))).state()
    return {**state, "selected": rng.integers(num_classes, size=2).tolist()}


RANDOM_STATE = {
    widgets.SoftmaxBars: softmax_bars,
    widgets.DrawDigit: draw_digit,
    widgets.Jacobian: jacobian,
    widgets.Ravine: ravine,
    widgets.Clipping: clipping,
    widgets.ThreeClasses: three_classes,
    widgets.StepSize: step_size,
    widgets.ConfusionExplorer: confusion_explorer,
}
