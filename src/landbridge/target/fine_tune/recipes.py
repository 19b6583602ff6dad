"""The recipes: each says in a few lines what is trained when, how fast, and drawn to what.

A recipe is small enough to write one of one's own: derive from ``Recipe`` and give ``run``.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from landbridge.domains.parameters import check_number
from landbridge.training import need_torch


@dataclass(eq=False, repr=False)
class Recipe(BaseEstimator):
    """How to get from a source network to the target's."""

    name: ClassVar[str] = ""
    needs_classes: ClassVar[bool] = False
    """Whether it is for classification only."""

    def check(self) -> None:
        """Refuse parameters out of their range."""

    def run(self, tuning: Any) -> None:
        """Train ``tuning.network`` in place, by the tools of ``Tuning``."""
        raise NotImplementedError


@dataclass(eq=False, repr=False)
class LinearProbe(Recipe):
    """Train the head alone, on the source's representation as it is.

    Parameters
    ----------
    strength : float, default=0.0
        How strongly the rows of the head that the source knows are drawn to where they were;
        larger changes them less.
    """

    name: ClassVar[str] = "linear-probe"
    strength: float = 0.0

    def check(self) -> None:
        """Refuse a negative strength."""
        check_number("strength", self.strength)

    def run(self, tuning: Any) -> None:
        """One stage on fixed features."""
        tuning.probe(self.strength)


@dataclass(eq=False, repr=False)
class Full(Recipe):
    """Train everything; the head faster than the body where it has new classes."""

    name: ClassVar[str] = "full"

    def run(self, tuning: Any) -> None:
        """One stage."""
        tuning.train()


@dataclass(eq=False, repr=False)
class ProbeThenFull(Recipe):
    """Train the head alone, then everything from there (Kumar et al. 2022).

    A head that fits already keeps the first steps from distorting the representation.
    """

    name: ClassVar[str] = "lp-ft"

    def run(self, tuning: Any) -> None:
        """Two stages."""
        tuning.probe()
        tuning.train()


@dataclass(eq=False, repr=False)
class GradualUnfreezing(Recipe):
    """Let the body's parts learn one after the other, from the top (Howard & Ruder 2018, 3.3).

    The parts join at equal distances over the first half of training, rather than one an epoch:
    with few labels an epoch is one step.
    """

    name: ClassVar[str] = "gradual-unfreezing"

    def run(self, tuning: Any) -> None:
        """One stage by a trainer that opens parts when they are due."""
        from landbridge.target.fine_tune.parts import Unfreezing

        tuning.train(trainer=Unfreezing)


@dataclass(eq=False, repr=False)
class LayerWise(Recipe):
    """Train every part with smaller steps than the one above it (Howard & Ruder 2018, 3.2).

    Parameters
    ----------
    decay : float, default=1/2.6
        Ratio of a part's steps to those of the part above; 1 is full fine-tuning.
    """

    name: ClassVar[str] = "layer-wise"
    decay: float = 1 / 2.6

    def check(self) -> None:
        """Refuse a ratio that is no ratio."""
        check_number("decay", self.decay, above=True, most=1.0)

    def run(self, tuning: Any) -> None:
        """One stage with a pace for each part."""
        from landbridge.target.fine_tune.parts import layer_wise_groups, parts_of

        tuning.train(groups=layer_wise_groups(parts_of(tuning.body), self.decay))


@dataclass(eq=False, repr=False)
class L2SP(Recipe):
    r"""Draw the weights to where they started, rather than to zero (Li et al. 2018).

    Adds :math:`\frac{\alpha}{2} \lVert w - w^0 \rVert^2` over the body and the rows of the head
    that the source knows, and :math:`\frac{\beta}{2} \lVert w \rVert^2` over new rows.

    Parameters
    ----------
    strength : float, default=0.01
        α: larger keeps the network nearer to the source's.
    head_strength : float, default=0.01
        β.
    """

    name: ClassVar[str] = "l2-sp"
    strength: float = 0.01
    head_strength: float = 0.01

    def check(self) -> None:
        """Refuse negative strengths."""
        check_number("strength", self.strength)
        check_number("head_strength", self.head_strength)

    def run(self, tuning: Any) -> None:
        """One stage, without any other decay of weights."""
        from landbridge.target.fine_tune.penalties import l2_sp

        torch = need_torch()
        of_body, of_head = (list(part.parameters()) for part in (tuning.body, tuning.head))
        known, new_rows = (
            torch.from_numpy(np.flatnonzero(rows)).to(tuning.device)
            for rows in (~tuning.is_new, tuning.is_new)
        )
        head_starts = [w.detach().index_select(0, known) for w in of_head]
        old_starts = [*(w.detach().clone() for w in of_body), *head_starts]

        def penalty(_: Any) -> dict[str, Any]:
            old = [*of_body, *(w.index_select(0, known) for w in of_head)]
            new = [w.index_select(0, new_rows) for w in of_head]
            pull = self.strength * l2_sp(old, old_starts)
            return {"pull": pull + self.head_strength * l2_sp(new, [0.0 * w for w in new])}

        tuning.train(penalty, decay=False)


@dataclass(eq=False, repr=False)
class Delta(Recipe):
    r"""Keep the features that matter where they were (DELTA, Li et al. 2019).

    Adds :math:`\alpha \frac1b \sum_i \sum_j a_j (z_{ij} - z_{ij}^0)^2`, with z the features, z⁰
    those of the source network, and attention a: by how much the loss of a head, trained on the
    source's features, grows without feature j. Simplified: one layer is kept, the
    representation, where the paper keeps the maps of several.

    Parameters
    ----------
    strength : float, default=0.01
        α.
    head_strength : float, default=0.01
        Of the pull of the head to zero, as in the paper.
    """

    name: ClassVar[str] = "delta"
    strength: float = 0.01
    head_strength: float = 0.01

    def check(self) -> None:
        """Refuse negative strengths."""
        check_number("strength", self.strength)
        check_number("head_strength", self.head_strength)

    def run(self, tuning: Any) -> None:
        """A stage for the head, whose losses give the attention, and one for all."""
        from landbridge.target.fine_tune.penalties import channel_attention, delta, l2_sp

        torch = need_torch()
        tuning.probe()
        starts = tuning.starts()
        y = torch.from_numpy(tuning.rows.y).to(tuning.device)
        with torch.no_grad():
            attention = channel_attention(starts, tuning.head, y)
        head = list(tuning.head.parameters())

        def penalty(view: Any) -> dict[str, Any]:
            kept = self.strength * delta(view.features, starts[view.batch.rows], attention)
            small = self.head_strength * l2_sp(head, [torch.zeros_like(w) for w in head])
            return {"features": kept, "head": small}

        tuning.train(penalty)


@dataclass(eq=False, repr=False)
class BSS(Recipe):
    r"""Shrink what of the representation does not transfer (Chen et al. 2019).

    Adds :math:`\eta \sum_{i=1}^k \sigma_{-i}^2`, the smallest singular values of a batch's
    features.

    Parameters
    ----------
    strength : float, default=0.001
        η.
    n_smallest : int, default=1
        k.
    """

    name: ClassVar[str] = "bss"
    strength: float = 1e-3
    n_smallest: int = 1

    def check(self) -> None:
        """Refuse numbers out of their range."""
        check_number("strength", self.strength)
        check_number("n_smallest", self.n_smallest, least=1, whole=True)

    def run(self, tuning: Any) -> None:
        """One stage."""
        from landbridge.target.fine_tune.penalties import bss

        def penalty(view: Any) -> dict[str, Any]:
            return {"spectrum": self.strength * bss(view.features.float(), self.n_smallest)}

        tuning.train(penalty)


@dataclass(eq=False, repr=False)
class CoTuning(Recipe):
    r"""Go on training the source's head too, on what a target class is to it (You et al. 2020).

    Adds λ times the source head's cross-entropy to :math:`p(y_s | y_t)`, learned from the source
    network's predictions for labelled target rows: a logistic regression gives
    :math:`p(y_t | y_s)`, and Bayes' rule the reverse (the paper's "reverse" way, without its
    calibration on held-out source rows).

    Parameters
    ----------
    strength : float, default=1.0
        λ.
    """

    name: ClassVar[str] = "co-tuning"
    needs_classes: ClassVar[bool] = True
    strength: float = 1.0

    def check(self) -> None:
        """Refuse a negative strength."""
        check_number("strength", self.strength)

    def run(self, tuning: Any) -> None:
        """One stage with both heads."""
        from landbridge.target.fine_tune.penalties import soft_cross_entropy
        from landbridge.target.fine_tune.relationship import category_relationship

        torch = need_torch()
        p = tuning.starts(head=True).softmax(dim=1).cpu().numpy()
        table = category_relationship(p, tuning.rows.y, len(tuning.is_new))
        relationship = torch.from_numpy(table).float().to(tuning.device)
        source_head = tuning.copied(tuning.source.head)

        def penalty(view: Any) -> dict[str, Any]:
            found = source_head(view.features)
            return {"source": self.strength * soft_cross_entropy(found, relationship[view.batch.y])}

        tuning.train(penalty, beside=source_head)


@dataclass(eq=False, repr=False)
class BiTuning(Recipe):
    r"""Pull rows of a class together, at the head and beside it (Zhong et al. 2020).

    Adds the contrastive cross-entropy, in which a class's weight must pick out its rows, and the
    contrastive loss of projected features. Simplified: rows are compared with their own batch,
    where the paper keeps a queue that a slower copy of the network fills.

    Parameters
    ----------
    strength : float, default=1.0
        Weight of both.
    temperature : float, default=0.07
        Smaller is stricter about the hardest rows.
    n_projected : int, default=128
        Width of the projection.
    """

    name: ClassVar[str] = "bi-tuning"
    needs_classes: ClassVar[bool] = True
    strength: float = 1.0
    temperature: float = 0.07
    n_projected: int = 128

    def check(self) -> None:
        """Refuse numbers out of their range."""
        check_number("strength", self.strength)
        check_number("temperature", self.temperature, above=True)
        check_number("n_projected", self.n_projected, least=1, whole=True)

    def run(self, tuning: Any) -> None:
        """One stage with a projection beside the head."""
        from landbridge.target.fine_tune.penalties import (
            class_contrastive,
            contrastive_cross_entropy,
        )

        projection = need_torch().nn.Linear(tuning.network.n_features, self.n_projected)

        def penalty(view: Any) -> dict[str, Any]:
            y, tau, weight = view.batch.y, self.temperature, tuning.head.weight
            at_head = contrastive_cross_entropy(view.features, y, weight, tau)
            beside = class_contrastive(projection(view.features), y, tau)
            return {"at head": self.strength * at_head, "projected": self.strength * beside}

        tuning.train(penalty, beside=projection.to(tuning.device))


@dataclass(eq=False, repr=False)
class StochNorm(Recipe):
    """Normalise by the moving statistics or by the batch's, channel by channel (Kou et al. 2020).

    Without batch normalisation in the network it is full fine-tuning.

    Parameters
    ----------
    chance : float, default=0.5
        How often a channel is normalised by the moving statistics.
    """

    name: ClassVar[str] = "stochnorm"
    chance: float = 0.5

    def check(self) -> None:
        """Refuse what is no chance."""
        check_number("chance", self.chance, most=1.0)

    def run(self, tuning: Any) -> None:
        """One stage."""
        from landbridge.target.fine_tune.stochastic import stochastic_normalisation

        with stochastic_normalisation(tuning.body, self.chance) as n_layers:
            tuning.train()
        if not n_layers:
            tuning.notes.append(
                "The network has no batch normalisation: stochnorm was full fine-tuning."
            )


@dataclass(eq=False, repr=False)
class LoRA(Recipe):
    r"""Train low-rank updates of the body's weights, and the head (Hu et al. 2022).

    Each weight of a linear layer or convolution learns as :math:`W + \frac{\alpha}{r} B A`, all
    else in the body is frozen; in the end they are plain weights again.

    Parameters
    ----------
    rank : int, default=4
        r.
    scale : float, default=4.0
        α.
    config : peft.PeftConfig, optional
        A configuration of the library peft for the body, in place of ``rank`` and ``scale``.
    """

    name: ClassVar[str] = "lora"
    rank: int = 4
    scale: float = 4.0
    config: Any = None

    def check(self) -> None:
        """Refuse numbers out of their range."""
        check_number("rank", self.rank, least=1, whole=True)
        check_number("scale", self.scale, above=True)

    def run(self, tuning: Any) -> None:
        """One stage for updates and head."""
        if self.config is not None:
            self._run_peft(tuning)
            return
        from landbridge.target.fine_tune.lora import add_updates, merge_updates

        updates = add_updates(tuning.body, self.rank, self.scale)
        try:
            groups = [{"params": updates, "pace": tuning.head_pace}]
            tuning.train(groups=groups, frozen=[tuning.body])
        finally:
            merge_updates(tuning.body)

    def _run_peft(self, tuning: Any) -> None:
        from landbridge.target.fine_tune.lora import add_peft

        network = tuning.network
        network.body = add_peft(network.body, self.config)
        try:
            updates = [p for p in network.body.parameters() if p.requires_grad]
            tuning.train(groups=[{"params": updates, "pace": tuning.head_pace}])
        finally:
            network.body = network.body.merge_and_unload().requires_grad_(True)


@dataclass(eq=False, repr=False)
class WiSEFT(Recipe):
    r"""Fine-tune, then go back part of the way: :math:`(1 - \alpha) \theta_0 + \alpha \theta_1`.

    θ₀ is the start, with its head trained first where classes are new, θ₁ what full fine-tuning
    makes of it (Wortsman et al. 2022a, "Robust fine-tuning").

    Parameters
    ----------
    alpha : float, optional
        1 is the tuned network, 0 the start. By default the best of 0, 0.1, …, 1 on held-out
        rows, and 0.5 where there are none.
    """

    name: ClassVar[str] = "wise-ft"
    alpha: float | None = None

    def check(self) -> None:
        """Refuse what is no share."""
        check_number("alpha", self.alpha, words=(None,), most=1.0)

    def run(self, tuning: Any) -> None:
        """A stage for a new head, one for all, and the mixture."""
        from landbridge.target.fine_tune.mixing import interpolated

        if tuning.is_new.any():
            tuning.probe()
        start = tuning.state()
        tuning.train()
        tuned = tuning.state()
        alpha, by = self._chosen(tuning, start, tuned)
        tuning.put(interpolated(start, tuned, alpha))
        tuning.notes.append(f"wise-ft mixes in {alpha:.2g} of the tuned weights, {by}.")

    def _chosen(self, tuning: Any, start: Any, tuned: Any) -> tuple[float, str]:
        from landbridge.target.fine_tune.mixing import interpolated

        if self.alpha is not None:
            return self.alpha, "as alpha says"
        if not len(tuning.held_out.y):
            return 0.5, "as no rows are held out to choose by"

        def loss(alpha: float) -> float:
            tuning.put(interpolated(start, tuned, alpha))
            return tuning.held_out_loss()

        return min((k / 10 for k in range(11)), key=loss), "the best on held-out rows"


@dataclass(eq=False, repr=False)
class Soup(Recipe):
    """Fine-tune with several step sizes, and take the mean of the weights (Wortsman et al. 2022b).

    All start from one network, with its head trained first where classes are new. Greedy soups
    take in, best first, what loses nothing on held-out rows; without such rows all are taken.

    Parameters
    ----------
    paces : tuple of float, default=(0.3, 1.0, 3.0)
        Factors on the learning rate, a network for each.
    kind : {"greedy", "uniform"}, default="greedy"
    """

    name: ClassVar[str] = "soup"
    paces: tuple = (0.3, 1.0, 3.0)
    kind: str = "greedy"

    def check(self) -> None:
        """Refuse other kinds, and paces that are none."""
        from landbridge.domains.parameters import check_choice

        check_choice("kind", self.kind, ("greedy", "uniform"))
        if not len(self.paces):
            raise ValueError("paces must have a factor at least: found none.")
        for pace in self.paces:
            check_number("paces", pace, above=True)

    def run(self, tuning: Any) -> None:
        """A stage for a new head, one for each step size, and the mean."""
        from landbridge.target.fine_tune.mixing import greedy_soup, uniform_soup

        if tuning.is_new.any():
            tuning.probe()
        start, states = tuning.state(), []
        for pace in self.paces:
            tuning.put(start)
            tuning.train(learning_rate=pace * tuning.options.learning_rate)
            states.append(tuning.state())

        def loss(state: Any) -> float:
            tuning.put(state)
            return tuning.held_out_loss()

        if self.kind == "uniform" or not len(tuning.held_out.y):
            tuning.put(uniform_soup(states))
            return
        soup, chosen = greedy_soup(states, loss)
        tuning.put(soup)
        tuning.notes.append(
            f"The soup is of {len(chosen)} out of {len(states)} networks: those with the "
            f"learning rate times {', '.join(f'{self.paces[k]:g}' for k in sorted(chosen))}."
        )


@dataclass(eq=False, repr=False)
class Distillation(Recipe):
    r"""Learn without forgetting: the source's head must go on saying what it said (LwF).

    Adds λ times the cross-entropy of the source head's predictions for target rows to those it
    gave at the start, both at a temperature; in regression their squared difference. The new
    head is trained first (Li & Hoiem 2016).

    Parameters
    ----------
    strength : float, default=1.0
        λ.
    temperature : float, default=2.0
    """

    name: ClassVar[str] = "distillation"
    strength: float = 1.0
    temperature: float = 2.0

    def check(self) -> None:
        """Refuse numbers out of their range."""
        check_number("strength", self.strength)
        check_number("temperature", self.temperature, above=True)

    def run(self, tuning: Any) -> None:
        """A stage for the new head, and one with both heads."""
        from landbridge.target.fine_tune.penalties import distillation

        starts = tuning.starts(head=True)
        source_head = tuning.copied(tuning.source.head)

        def penalty(view: Any) -> dict[str, Any]:
            found, before = source_head(view.features), starts[view.batch.rows]
            if starts.shape[1] == 1:
                return {"source": self.strength * (found - before).square().mean()}
            return {"source": self.strength * distillation(found, before, self.temperature)}

        tuning.probe()
        tuning.train(penalty, beside=source_head)


_ALL: tuple[type[Recipe], ...] = (
    LinearProbe,
    ProbeThenFull,
    L2SP,
    Full,
    GradualUnfreezing,
    LayerWise,
    Delta,
    BSS,
    CoTuning,
    BiTuning,
    StochNorm,
    LoRA,
    WiSEFT,
    Soup,
    Distillation,
)
RECIPES: dict[str, type[Recipe]] = {recipe.name: recipe for recipe in _ALL}
"""Every recipe under the name that ``FineTune`` takes."""
