"""The two main jobs as whole processes: the demo, and heart disease from Cleveland elsewhere.

LANDBRIDGE_DATA=/where/the/data/is python benchmarks/jobs.py
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _machine import machine, options, seconds, show_goals, show_machine, show_table, write

HOSPITALS = ("hungarian", "switzerland", "va")


def landbridge(*arguments):
    """Run a command in a process of its own."""
    command = [str(Path(sys.executable).with_name("landbridge")), *arguments, "--quiet"]
    subprocess.run(command, check=True)


def job(folder, *arguments):
    """Seconds that a command takes, and the results that it writes."""
    took = seconds(lambda: landbridge(*arguments, "--output", str(folder)))
    return took, json.loads((folder / "results.json").read_text())


def main():
    given = options(__doc__, "the demo and one hospital").parse_args()
    facts = machine(["landbridge", "numpy", "scikit-learn"])
    show_machine(facts)
    jobs = {"demo": (90, ("demo",))}
    if os.environ.get("LANDBRIDGE_DATA"):
        for hospital in HOSPITALS[: 1 if given.quick else None]:
            names = "heart_disease:cleveland", f"heart_disease:{hospital}"
            jobs[f"cleveland to {hospital}"] = (60, ("run", *names))
    else:
        print("heart disease is left out: LANDBRIDGE_DATA names no folder of data sets")
    rows, goals, figures = [], [], {}
    for name, (limit, arguments) in jobs.items():
        with tempfile.TemporaryDirectory() as folder:
            took, results = job(Path(folder) / "out", *arguments)
        verdict, board = results["verdict"], results["leaderboard"]
        scores = {row["name"]: row["score"] for row in board["rows"]}
        shown = [f"{scores[n]:.3f}" for n in ("source only", "target only", "pooled")]
        best = max((row for row in board["rows"] if row["score"] is not None), key=_score)
        rows.append([name, f"{took:.1f}", *shown, best["name"], verdict["outcome"]])
        rows[-1].append(verdict["chosen"])
        goals.append((f"{name}, seconds", took, limit))
        figures[name] = {"seconds": took, "verdict": verdict["sentence"], "scores": scores}
    header = ("balanced accuracy", "seconds", "source only", "target only", "pooled")
    show_table((*header, "best", "verdict", "chosen"), rows)
    show_goals(goals)
    for name, figure in figures.items():
        print(f"{name}: {figure['verdict']}")
    write(given.output, {"machine": facts, "jobs": figures})


def _score(row):
    return row["score"]


if __name__ == "__main__":
    main()
