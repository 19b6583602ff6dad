import io

from rich.console import Console

from landbridge.cli.screen import (
    feature_table,
    leaderboard_table,
    show_data,
    show_leaderboard,
    show_worth,
)


def row(name, **changed):
    figures = {"score": 0.8, "low": 0.7, "high": 0.9, "gain": 0.05, "p_value": 0.2, "error": None}
    return {"name": name, "role": "candidate", "chosen": False, **figures, **changed}


def printed(*shown, width=80):
    console = Console(file=io.StringIO(), width=width)
    for one in shown:
        console.print(one)
    return console.file.getvalue()


def test_the_chosen_model_is_marked_and_a_baseline_is_called_so():
    lines = printed(
        leaderboard_table([row("coral", chosen=True), row("source only", role="baseline")])
    ).splitlines()
    assert next(line for line in lines if "coral" in line).strip().startswith("→")
    assert next(line for line in lines if "source only" in line).strip().endswith("baseline")


def test_the_widest_row_fits_eighty_columns():
    name = "subspace-alignment+augmentation"
    far = row(name, score=-1.5e21, low=-2.5e21, high=-1e20, gain=-1.5e21)
    near = row("coral", score=-123456.7, low=-99999.9, high=-88888.8, gain=-10.0)
    lines = printed(leaderboard_table([near, far], {"unseen": {name: "0.987"}})).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert "-2.5e+21 to -1.0e+20" in " ".join(lines)
    assert "−123,457" in " ".join(lines)
    assert "coral" in " ".join(lines)


def test_a_model_without_a_score_says_why():
    failed = row("ridge", score=None, error="rows do not pair")
    board = {"metric": "accuracy", "folds": 5, "repeats": 4, "n_labelled": 9, "rows": [failed]}
    console = Console(file=io.StringIO(), width=80)
    show_leaderboard(console, {"leaderboard": board, "verdict": {"baseline": "source only"}})
    assert console.file.getvalue() == "· ridge has no score: rows do not pair\n"


def test_no_more_than_eight_features_are_shown():
    one = {"kind": "number", "effect": 0.5, "p_adjusted": 1e-9}
    gaps = {"missing_source": 0.0, "missing_target": 0.001}
    text = printed(feature_table([{"name": f"x{j}", **one, **gaps} for j in range(10)]))
    assert "x7" in text and "x8" not in text and "and 2 more" in text
    assert "< 0.001" in text


def test_many_notes_are_counted():
    side = {"name": "a.csv", "rows": 1000, "labelled": 10}
    features = {"used": 2, "made": 3}
    notes = [f"note {j}" for j in range(9)]
    data = {"source": side, "target": side, "features": features, "task": "regression"}
    console = Console(file=io.StringIO(), width=80)
    show_data(console, data | {"label": "y", "notes": notes})
    text = console.file.getvalue()
    assert "1,000 rows, 10 labelled" in text
    assert "3 more notes in results.json" in text and "note 6" not in text


def worth_shown(curve, influence):
    console = Console(file=io.StringIO(), width=80)
    show_worth(console, {"learning_curve": curve, "influence": influence})
    return console.file.getvalue()


def test_what_is_not_known_at_all_says_why():
    gone = {"rows": [], "reason": "the budget was used up"}
    assert worth_shown(gone, gone).count("Not known: the budget was used up.") == 2


def test_what_was_finished_is_shown_with_the_reason_for_the_rest():
    gain = {"model": "pooled", "more": 40, "mean": 0.03, "low": 0.01, "high": 0.05, "reason": ""}
    curve = {"rows": [{"model": "pooled"}], "worth": [gain], "reason": "the 9 s were over"}
    group = {"group": "ill", "rows": 30, "effect": -0.08, "error": None}
    text = worth_shown(curve, {"rows": [group], "reason": "the 7 s were over"})
    assert "40 more for pooled: +0.030, +0.010 to +0.050" in text
    assert "ill (30 rows): −0.080" in text
    assert "Not all is known: the 9 s were over." in text
    assert "Not all is known: the 7 s were over." in text
