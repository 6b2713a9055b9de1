from mnist_helpers.museum._exhibit import Exhibit
from mnist_helpers.museum.checks import overfits_few_images

EXHIBIT = Exhibit(
    name="floor_at_1_46",
    title="The loss falls, and stops at 1.46",
    cause="Softmax is applied twice: the loss takes logits, and the program hands it probabilities.",
    line=lambda program, record: f"training loss after the last epoch: {record['history']['train_loss'][-1]:.2f} nats",
    shows=lambda program, record: 1.4 < record["history"]["train_loss"][-1] < 1.7,
    check=overfits_few_images,
    fault=(
        (
            '    return hidden_layer(params, x) @ params["weights"] + params["bias"]\n',
            '    z = hidden_layer(params, x) @ params["weights"] + params["bias"]\n    return softmax(z)\n',
        ),
    ),
)
