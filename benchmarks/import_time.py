"""How long ``import landbridge`` takes beside ``import sklearn.linear_model``.

Each import runs in a fresh interpreter, with bytecode compiled beforehand; the runs alternate,
and the time is that of the import statement alone, as the new process measures it.

    python benchmarks/import_time.py            # 15 rounds
    python benchmarks/import_time.py --quick    # 7 rounds
"""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
from _machine import alternate, machine, options, ratio, show_goals, show_machine, show_table, write

GOAL = 1.2
PEER, OURS = "import sklearn.linear_model", "import landbridge"
STATEMENTS = (PEER, OURS, "from landbridge import CORAL", "from landbridge import Transfer")
HELP = "landbridge --help, the whole process"
TIMED = "from time import perf_counter as now; start = now(); {}; print(now() - start)"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def import_seconds(statement: str) -> float:
    """Seconds of an import in a fresh interpreter."""
    command = [sys.executable, "-c", TIMED.format(statement)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(rounds: int) -> dict[str, np.ndarray]:
    """Seconds of each statement in each round; the first round, which compiles, is dropped."""
    times = [[import_seconds(statement) for statement in STATEMENTS] for _ in range(rounds + 1)]
    return dict(zip(STATEMENTS, np.array(times[1:]).T))


def measure_help(rounds: int) -> dict[str, np.ndarray]:
    """Seconds of the command line's help, the interpreter's start included."""
    command = Path(sys.executable).with_name("landbridge")
    if not command.exists():
        print(f"{HELP} is left out: there is no {command}")
        return {}
    call = partial(subprocess.run, [command, "--help"], env=ENVIRONMENT, capture_output=True)
    return {HELP: alternate({HELP: partial(call, check=True)}, rounds + 1)[HELP][1:]}


def main() -> None:
    chosen = options(__doc__, "7 rounds instead of 15").parse_args()
    rounds = 7 if chosen.quick else 15
    facts = machine(["landbridge", "scikit-learn", "numpy", "scipy", "pandas"])
    show_machine(facts)
    print(f"{rounds} rounds after one that compiles; nothing here is random")
    times = {**measure(rounds), **measure_help(rounds)}
    show_table(
        ("", "median s", "best s", "by sklearn.linear_model"),
        [
            [name, f"{np.median(t):.3f}", f"{t.min():.3f}", f"{ratio(t, times[PEER]):.2f}"]
            for name, t in times.items()
        ],
    )
    figure = ratio(times[OURS], times[PEER])
    show_goals([(f"{OURS} by {PEER}", figure, GOAL)])
    medians = {name: float(np.median(t)) for name, t in times.items()}
    write(chosen.output, {"machine": facts, "seconds": medians, "ratio": figure})


if __name__ == "__main__":
    main()
