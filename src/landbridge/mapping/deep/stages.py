"""Training in two stages: the source first, then a body for the target, which starts from its."""

from abc import abstractmethod
from collections.abc import Callable

import torch

from landbridge.mapping.deep.base import Alignment, DeepNet
from landbridge.training.batches import TwoBatches
from landbridge.training.trainer import Player, parameters_of


class TwoStages(Alignment):
    """Body and head learn the source, and stay; then a game trains a body for the target.

    Parameters
    ----------
    source_share : float
        Share of training that is the first stage.
    """

    is_game = True
    has_two_bodies = True
    has_begun: torch.Tensor

    def __init__(self, source_share: float):
        super().__init__()
        self.source_share = source_share
        self.register_buffer("has_begun", torch.tensor(False))

    @abstractmethod
    def game(self, net: DeepNet) -> list[Player]:
        """The players of the second stage; their terms are ``staged``."""

    def players(self, net: DeepNet) -> list[Player]:
        """Body and head in the first stage, then the game."""
        moved = parameters_of(net.network.of_source)
        return [Player(lambda *now: self.learned(net, *now), moved), *self.game(net)]

    def learned(self, net: DeepNet, batches: TwoBatches, done: float) -> dict[str, torch.Tensor]:
        """The loss over all labels through the source's body; in the second stage only watched."""
        with torch.set_grad_enabled(done < self.source_share):
            target = net.view_source(batches.target)
            return net.labelled_terms(net.view_source(batches.source), target)

    def staged(
        self, net: DeepNet, name: str, term: Callable[[DeepNet, TwoBatches], torch.Tensor]
    ) -> Callable[[TwoBatches, float], dict[str, torch.Tensor]]:
        """A term of the game, which is zero until the second stage."""

        def terms(batches: TwoBatches, done: float) -> dict[str, torch.Tensor]:
            if done < self.source_share:
                return {name: torch.zeros((), device=batches.source.X.device)}
            self.begin(net)
            return {name: term(net, batches)}

        return terms

    def begin(self, net: DeepNet) -> None:
        """Start the target's body from the source's, once."""
        if not self.has_begun:
            net.network.body.load_state_dict(net.network.of_source.body.state_dict())
            self.has_begun.fill_(True)
