"""What the benchmarks share: the machine, fair timing, peak memory, tables and goals."""

import argparse
import gc
import json
import os
import platform
import tracemalloc
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

Call = Callable[[], Any]
REST = 0.1
"""Seconds before a measurement, in which the threads of the last one stop waiting for more."""


def options(doc: str, quick: str) -> argparse.ArgumentParser:
    """The options that every benchmark takes."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser


def cpu_model() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def machine(packages: Sequence[str]) -> dict[str, Any]:
    """Processor, cores, BLAS and versions: what a figure depends on."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {
        "system": platform.platform(),
        "processor": cpu_model(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "blas": sorted(
            f"{pool['internal_api']} {pool['version']} ({pool.get('architecture', '?')}, "
            f"{pool['num_threads']} threads)"
            for pool in pools
        ),
        "versions": {"python": platform.python_version(), **{p: found(p) for p in packages}},
    }


def found(package: str) -> str:
    """A package's version, or that it is absent."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def show_machine(facts: dict[str, Any]) -> None:
    print(f"{facts['system']}; {facts['processor']}, {facts['cores']} cores")
    print(f"load when started: {facts['load']}; BLAS: {'; '.join(facts['blas']) or 'not loaded'}")
    print(", ".join(f"{name} {number}" for name, number in facts["versions"].items()))


def seconds(call: Call, clock: Callable[[], float] = perf_counter) -> float:
    """How long a call takes, what was garbage before it aside."""
    gc.collect()
    sleep(REST)
    start = clock()
    call()
    return clock() - start


def alternate(
    calls: dict[str, Call], rounds: int, clock: Callable[[], float] = perf_counter
) -> dict[str, np.ndarray]:
    """Seconds of each call in each round; a round runs all in turn, so that all share the load."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds(call, clock))
    return {name: np.array(values) for name, values in times.items()}


def ratio(times: np.ndarray, reference: np.ndarray) -> float:
    """The median over the rounds of one time by the other."""
    return float(np.median(times / reference))


def peak_bytes(call: Call) -> int:
    """The most that NumPy and Python hold at once during a call, above what they held before.

    Workspace that BLAS allots for itself, out of sight of NumPy, is not in it.
    """
    gc.collect()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column to the left, the others to the right."""
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    for row in (header, *rows):
        cells = [text.rjust(width) for text, width in zip(row, widths)]
        print("  ".join([row[0].ljust(widths[0]), *cells[1:]]))


def show_goals(goals: Sequence[tuple[str, float, float]]) -> None:
    """Print each goal (what, figure, upper limit) as reached or missed."""
    for what, figure, limit in goals:
        verdict = "reached" if figure <= limit else "MISSED"
        print(f"{verdict}: {what}: {figure:.2f} (goal: at most {limit:g})")


def write(path: Path | None, facts: dict[str, Any]) -> None:
    """Write the figures as JSON, where a file was asked for."""
    if path is not None:
        path.write_text(json.dumps(facts, indent=2) + "\n")
