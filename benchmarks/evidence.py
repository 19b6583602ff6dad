"""Evidence before, during and after: tests' levels, rankings, validators, harm, gain and speed.

LANDBRIDGE_DATA=/where/the/data/is python benchmarks/evidence.py --output evidence.json
"""

from _after import PARTS as AFTER
from _before import PARTS as BEFORE
from _during import PARTS as DURING
from _machine import machine, options, show_machine, write

PARTS = BEFORE | DURING | AFTER


def main():
    parser = options(__doc__, "few tasks, one seed")
    parser.add_argument("--parts", nargs="*", default=[*PARTS], choices=[*PARTS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--resume", metavar="FILE", help="keep every run of negative_transfer here")
    minutes = "end negative_transfer after so many minutes of the processor; runs come at random"
    parser.add_argument("--minutes", type=float, help=minutes)
    given = parser.parse_args()
    facts = machine(["landbridge", "numpy", "scikit-learn", "skada"])
    show_machine(facts)
    figures = {}
    for part in given.parts:
        print(f"\n{part}")
        figures[part] = PARTS[part](given)
        write(given.output, {"machine": facts, "figures": figures})


if __name__ == "__main__":
    main()
