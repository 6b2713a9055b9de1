import numpy as np

from mnist_helpers.museum._exhibit import Exhibit


def same_question_same_answer(program, record):
    """Asked twice, the trained program gives the same logits."""
    first, second = (program.logits(record["params"], record["x_valid"]) for _ in range(2))
    if np.array_equal(first, second, equal_nan=True):
        return None
    return f"asked twice, the logits of the same images differ by up to {np.abs(first - second).max():.1f}"


def share_of_changed_answers(program, record):
    """Return the share of validation images that are taken for two different digits in two readings."""
    first, second = (program.predict(record["params"], record["x_valid"]) for _ in range(2))
    return (first != second).mean()


EXHIBIT = Exhibit(
    name="two_answers_to_one_question",
    title="Asked twice, the program gives two answers",
    cause="Dropout is switched on for training and never switched off for measuring and predicting.",
    line=lambda program, record: (
        f"validation images with another answer when asked again: {share_of_changed_answers(program, record):.1%}"
    ),
    shows=lambda program, record: share_of_changed_answers(program, record) > 0,
    check=same_question_same_answer,
    setup=(
        ("num_hidden=0, learning_rate=0.5", "num_hidden=32, learning_rate=0.2"),
        (
            "def start(",
            'dropout = {"on": False, "keep": 0.5, "rng": np.random.default_rng(0)}\n\n\n'
            "def dropout_factors(h):\n"
            '    """Return zeros and 1 / keep at random while dropout is on, else ones."""\n'
            '    if not dropout["on"]:\n'
            "        return np.ones_like(h)\n"
            '    return (dropout["rng"].random(h.shape) < dropout["keep"]) / dropout["keep"]\n\n\n'
            "def start(",
        ),
        (
            '    return hidden_layer(params, x) @ params["weights"] + params["bias"]\n',
            "    h = hidden_layer(params, x)\n"
            '    return (h * dropout_factors(h)) @ params["weights"] + params["bias"]\n',
        ),
        (
            "    h = hidden_layer(params, x)\n    delta = (softmax(logits(params, x)) - ",
            "    h = hidden_layer(params, x)\n"
            "    factors = dropout_factors(h)\n"
            '    probs = softmax((h * factors) @ params["weights"] + params["bias"])\n'
            "    delta = (probs - ",
        ),
        ('{"weights": h.T @ delta,', '{"weights": (h * factors).T @ delta,'),
        ('@ params["weights"].T) * (h > 0)', '@ params["weights"].T) * factors * (h > 0)'),
        (
            "            for batch in batches(len(x), batch_size, rng):\n",
            '            dropout["on"] = True\n            for batch in batches(len(x), batch_size, rng):\n',
        ),
        (
            "                make_step(params, grads, velocity, learning_rate, momentum)\n",
            "                make_step(params, grads, velocity, learning_rate, momentum)\n"
            '            dropout["on"] = False\n',
        ),
    ),
    fault=(('            dropout["on"] = False\n', ""),),
)
