"""Run skada's own tests of its methods against our mappings, or with ``--skada`` against skada's.

The tests are those that skada's wheel ships; none of them is copied. Our mappings take the place of
skada's classes before the files are collected, so ``CORAL()`` there makes a pipeline with ours. A
test that passes without having fitted any of our mappings fails. Further arguments go to pytest.
"""

import importlib.util
import os
import sys
from pathlib import Path

FILES = ("mapping", "reweight", "subspace", "label_prop", "ot", "self_labeling")
OPTIONS = ("-p", "no:cacheprovider", "--import-mode=importlib", "-q", "-rfExX", "--tb=short")
QUIET = ("-W", "ignore::FutureWarning", "-W", "ignore::DeprecationWarning")


def run(arguments: list[str]) -> int:
    """The exit code of pytest; 0 where skada is not installed."""
    if importlib.util.find_spec("skada") is None:
        print("skada is not installed: nothing was run (make peers).")
        return 0
    import data_sets
    import pytest
    import skada

    plugins: list[object] = [data_sets]
    if "--skada" in arguments:
        arguments.remove("--skada")
    else:
        import in_place

        plugins.append(in_place.Ours())
    folder = Path(skada.__file__).parent / "tests"
    files = [str(folder / f"test_{name}.py") for name in FILES]
    # No settings but these: neither ours nor those of the folder it is called from.
    settings = ["-c", os.devnull, f"--rootdir={folder}"]
    return pytest.main([*files, *settings, *OPTIONS, *QUIET, *arguments], plugins=plugins)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
