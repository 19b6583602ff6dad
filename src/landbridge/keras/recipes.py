"""The recipes of fine-tuning that have a twin in Keras."""

from typing import Any

from landbridge.target.fine_tune import recipes


class L2SP(recipes.L2SP):
    """Draw the weights to where they started, rather than to zero (Li et al. 2018).

    See ``landbridge.target.fine_tune.recipes.L2SP``.
    """

    def run(self, tuning: Any) -> None:
        """One stage, without any other decay of weights."""
        from landbridge.keras.tuning import pull_to_start

        network = tuning.network
        penalty = pull_to_start(
            network.body.trainable(),
            network.head,
            tuning.is_new,
            self.strength,
            self.head_strength,
        )
        tuning.train(penalty, decay=False)


class LoRA(recipes.LoRA):
    r"""Train low-rank updates of the body's weights, and the head (Hu et al. 2022).

    See ``landbridge.target.fine_tune.recipes.LoRA``; ``config`` is for PyTorch only.
    """

    def check(self) -> None:
        """Refuse numbers out of their range."""
        super().check()
        if self.config is not None:
            raise ValueError(
                "config is of the library peft, which adapts PyTorch's networks: found "
                f"{type(self.config).__name__}. Give rank and scale."
            )

    def run(self, tuning: Any) -> None:
        """One stage for updates and head."""
        from landbridge.keras.lora import add_updates, merged

        network = tuning.network
        plain = network.body.layer
        network.body.layer, updates = add_updates(plain, self.rank, self.scale)
        try:
            groups = [{"params": updates, "pace": tuning.head_pace}]
            tuning.train(groups=groups, freezes_body=True)
        finally:
            network.body.layer = merged(network.body.layer, plain)


_ALL: tuple[type[recipes.Recipe], ...] = (
    recipes.LinearProbe,
    recipes.ProbeThenFull,
    L2SP,
    recipes.Full,
    LoRA,
)
RECIPES: dict[str, type[recipes.Recipe]] = {recipe.name: recipe for recipe in _ALL}
"""Every recipe under the name that ``FineTune`` takes."""
