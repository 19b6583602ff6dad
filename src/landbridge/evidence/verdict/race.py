"""Try many candidates within a time: a cheap first look at all, more folds for the best."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.evidence.verdict.guard import simultaneous_p_values
from landbridge.evidence.verdict.memory import name_of
from landbridge.evidence.verdict.trying import Attempt, Ground, Job, Tried, attempts
from landbridge.mapping import make_mapping

FIRST_ROWS = 1000
"""Source rows, and unlabelled target rows, of the first look at each candidate."""


@dataclass
class Runner:
    """One model in the race: what it did on each fold so far, and why it left."""

    name: str
    role: str
    model: Any
    tried: dict[int, Tried] = field(default_factory=dict)
    error: str | None = None
    dropped: str | None = None
    spent: float = 0.0

    @property
    def is_running(self) -> bool:
        """Whether it goes on to the next round."""
        return self.error is None and self.dropped is None

    def scores(self, folds: list[int]) -> NDArray[np.float64]:
        """Its scores on these folds."""
        return np.array([self.tried[fold].score for fold in folds])


@dataclass(frozen=True)
class Rules:
    """How a race is run.

    Attributes
    ----------
    n_folds : int
        Folds a repeat.
    halves : bool
        Whether candidates leave before the end; without, all run all folds.
    budget, time_limit : float or None
        Seconds for all, and for one candidate.
    level : float
        A candidate leaves when it is worse than the leader at this level.
    n_jobs : int or None
        As in joblib.
    """

    n_folds: int
    halves: bool = True
    budget: float | None = None
    time_limit: float | None = None
    level: float = 0.05
    n_jobs: int | None = None


def rounds_of(n_folds: int, n_repeats: int) -> list[list[int]]:
    """The folds of each round: one repeat, one more, then twice as many each time.

    Examples
    --------
    >>> from landbridge.evidence.verdict.race import rounds_of
    >>> [len(folds) for folds in rounds_of(n_folds=5, n_repeats=10)]
    [5, 5, 10, 20, 10]
    """
    rounds, done = [], 0
    while done < n_repeats:
        more = min(max(done, 1), n_repeats - done)
        rounds.append(list(range(done * n_folds, (done + more) * n_folds)))
        done += more
    return rounds


def race(
    ground: Ground,
    runners: list[Runner],
    rules: Rules,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[int], list[str]]:
    """Run all rounds that the time allows; return the folds that the last ones ran, and warnings.

    Baselines run every round. A candidate leaves when it fails, when its time is over, when it
    is worse than the leader by the corrected test, allowing for the number of candidates, or,
    where the budget does not reach for all, when it is not in the better half.
    """
    start = time.time()
    said: set[str] = set()
    done: list[int] = []
    rounds = rounds_of(rules.n_folds, len(ground.folds) // rules.n_folds)
    if rules.halves and (small := ground.thinned(FIRST_ROWS)) is not ground:
        said |= _round(small, runners, rounds[0], rules, start, None)
        _drop(runners, rounds[0], rules)
        for runner in runners:
            runner.tried.clear()
    for k, folds in enumerate(rounds):
        if k and _is_over(runners, folds, rules, start):
            break
        steps = Steps(progress, len(done), runners, rounds[k:])
        said |= _round(ground, runners, folds, rules, start, steps)
        done += folds
        if rules.halves and k + 1 < len(rounds):
            _drop(runners, done, rules)
            _halve(runners, done, rounds[k + 1], rules, start)
    return done, sorted(said)


@dataclass
class Steps:
    """Progress in fits: those done, and those to come if nobody leaves."""

    say: Callable[[int, int], None] | None
    before: int
    runners: list[Runner]
    rounds: list[list[int]]

    def __post_init__(self) -> None:
        self.done = sum(len(runner.tried) for runner in self.runners)
        n_running = sum(runner.is_running for runner in self.runners)
        self.total = self.done + n_running * sum(map(len, self.rounds))

    def add(self, n_folds: int) -> None:
        """A model has run so many folds."""
        self.done += n_folds
        if self.say is not None:
            self.say(self.done, self.total)


def _round(
    ground: Ground,
    runners: list[Runner],
    folds: list[int],
    rules: Rules,
    start: float,
    steps: Steps | None,
) -> set[str]:
    """Everyone who is still running runs these folds."""
    said: set[str] = set()
    jobs = [
        Job(k, folds, _limit(runners[k], rules), _until(runners[k], rules, start))
        for k in sharing_in_turn([runner.model for runner in runners])
        if runners[k].is_running
    ]
    for made in attempts(ground, [runner.model for runner in runners], jobs, rules.n_jobs):
        _write(runners[made.model], made)
        said |= set(made.warnings)
        if steps is not None:
            steps.add(len(folds))
    return said


def sharing_in_turn(models: list[Any]) -> list[int]:
    """Positions of the models in order, but those of one mapping after its first.

    What a model has fitted is not remembered for long. Models without a mapping keep their places.
    """
    first: dict[str, int] = {}
    places = []
    for k, model in enumerate(models):
        mapping = getattr(model, "mapping", "identity")
        name = name_of(make_mapping(mapping) if isinstance(mapping, str) else mapping)
        is_alone = mapping == "identity" or name is None
        places.append(k if is_alone else first.setdefault(str(name), k))
    return sorted(range(len(models)), key=lambda k: places[k])


def _until(runner: Runner, rules: Rules, start: float) -> float | None:
    """When a candidate's first look must be over; baselines, and whoever passed it, go on."""
    is_free = rules.budget is None or runner.role == "baseline" or runner.tried
    return None if is_free or rules.budget is None else start + rules.budget


def _limit(runner: Runner, rules: Rules) -> float | None:
    return None if rules.time_limit is None else max(rules.time_limit - runner.spent, 0.0)


def _write(runner: Runner, made: Attempt) -> None:
    runner.tried |= dict(made.done)
    runner.spent += made.seconds
    runner.error = made.error


def _drop(runners: list[Runner], folds: list[int], rules: Rules) -> None:
    """Candidates that are worse than the leader beyond chance leave."""
    running = [runner for runner in runners if runner.is_running]
    leader = max(running, key=lambda r: r.scores(folds).mean(), default=None)
    others = [r for r in running if r is not leader and r.role == "candidate"]
    if leader is None or not others:
        return
    lead = leader.scores(folds)
    behind = np.column_stack([lead - runner.scores(folds) for runner in others])
    for runner, p in zip(others, simultaneous_p_values(behind, 1 / (rules.n_folds - 1))):
        if p <= rules.level:
            runner.dropped = (
                f"worse than {leader.name} after {len(folds)} folds (p = {p:.2g}): not tried "
                "further"
            )


def _halve(
    runners: list[Runner], folds: list[int], to_come: list[int], rules: Rules, start: float
) -> None:
    """Where the budget does not reach for all, the better half of the candidates goes on.

    If it does not reach for the best one either, none leaves: the folds done decide.
    """
    if rules.budget is None:
        return
    left = start + rules.budget - time.time()
    candidates = [r for r in runners if r.is_running and r.role == "candidate"]
    candidates.sort(key=lambda r: -r.scores(folds).mean())
    plain = [r for r in runners if r.is_running and r.role == "baseline"]

    def seconds(keep: int) -> float:
        return sum(r.spent for r in [*plain, *candidates[:keep]]) * len(to_come) / len(folds)

    keep = len(candidates)
    while keep > 1 and seconds(keep) > left:
        keep //= 2
    if seconds(keep) > left:
        return
    for runner in candidates[keep:]:
        runner.dropped = f"not among the best after {len(folds)} folds, and the time was short"


def _is_over(runners: list[Runner], to_come: list[int], rules: Rules, start: float) -> bool:
    """Whether even those who are left could not end another round in time."""
    if rules.budget is None:
        return False
    n_done = max(len(runner.tried) for runner in runners)
    if not n_done:
        return True
    seconds = sum(r.spent for r in runners if r.is_running) * len(to_come) / n_done
    return time.time() - start + seconds > rules.budget
