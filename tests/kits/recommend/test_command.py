import json

import pytest
from typer.testing import CliRunner

from landbridge.cli.app import app
from landbridge.kits.recommend import CrossDomainRecommender
from landbridge.kits.recommend.job import example_tables
from landbridge.kits.recommend.pair import read_pair


@pytest.fixture
def files(shops, item_features, tmp_path):
    paths = [tmp_path / f"{name}.csv" for name in ("books", "music", "features")]
    for path, table in zip(paths, (*shops, item_features)):
        table.to_csv(path, index=False)
    return [str(path) for path in paths]


@pytest.fixture
def recommend(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, ["recommend", *map(str, words)])


COLUMNS = ["--user", "user", "--item", "item", "--rating", "rating"]
QUICK = ["--mappings", "bias,ridge", "--folds", "2"]


def test_two_files_become_a_model_a_report_and_results(recommend, files, tmp_path):
    books, music, features = files
    out = tmp_path / "out"
    more = ["--item-features", features, "--time", "day", *QUICK]
    done = recommend("run", books, music, *COLUMNS, *more, "-o", out)
    assert done.exit_code == 0, done.output
    assert "Transfer helps" in done.output and "→" in done.output
    results = json.loads((out / "results.json").read_text())
    titles = [table["title"] for table in results["tables"]]
    assert titles == [
        "Some users", "New users", "Later entries", "How many users in both it takes"
    ]  # fmt: skip
    assert results["command"].startswith("landbridge recommend run")
    page = (out / "report.html").read_text()
    assert "Some users" in page and "The music" in page and "http://" not in page

    listed = recommend("top", out / "model.landbridge", "--user", "u3", "-k", 4)
    assert listed.exit_code == 0, listed.output
    assert listed.output.splitlines()[0] == "item,score,title"
    assert len(listed.output.splitlines()) == 5
    nobody = recommend("top", out / "model.landbridge", "--user", "nobody")
    assert nobody.exit_code == 2 and "known in neither domain" in nobody.output


def test_without_ratings_it_runs_too_and_prints_json(recommend, files, tmp_path):
    words = ["--user", "user", "--item", "item", "--mappings", "ridge", "--folds", "2", "--json"]
    done = recommend("run", *files[:2], *words, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["leaderboard"]["metric"] == "how good lists of 10 are (NDCG)"


@pytest.mark.parametrize(
    "words, message",
    [
        (["--user", "customer", "--item", "item"], "no column 'customer' for the user"),
        ([*COLUMNS, "--mappings", "teleport"], "Unknown mapping"),
        ([*COLUMNS, "--duplicates", "some"], "duplicates must be"),
        ([*COLUMNS, "--feedback", "stars", "--mappings", "bias"], "feedback must be"),
        ([*COLUMNS, "--max-users", "0"], "max_users must be a whole number from 1 up"),
        (["--user", "user", "--item", "item", "--rating", "item"], "cannot be two things"),
    ],
)
def test_bad_input_is_one_message_and_leaves_nothing(recommend, files, tmp_path, words, message):
    done = recommend("run", *files[:2], *words, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert message in done.output.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_another_model_is_refused(recommend, tmp_path):
    from landbridge import CORAL, save

    path = save(CORAL().fit([[0.0], [1.0]], [[1.0], [2.0]]), tmp_path / "coral.landbridge")
    done = recommend("top", path, "--user", "u1")
    assert done.exit_code == 2 and "expected a model of" in done.output.replace("\n", " ")


def test_the_screen_shows_all_measures_of_new_users_and_of_later_entries(
    recommend, files, tmp_path
):
    more = ["--time", "day", "--negatives", "20", *QUICK]
    done = recommend("run", *files[:2], *COLUMNS, *more, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert done.output.count("MAE   NDCG@10   Recall@10") == 2
    new, later = done.output.split("New users: all measures")[1].split("Later entries: all")
    assert {"popularity", "user mean"} <= {line.strip()[:10].strip() for line in new.splitlines()}
    assert "own bias" in later
    shown = done.output.split("report  ")[0]  # paths are not broken
    assert " −0.000 " not in shown and max(map(len, shown.splitlines())) <= 80
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert "--negatives 20" in results["command"] and "--folds 2" in results["command"]
    assert results["settings"]["lists rank"].startswith("what a user took and 20 other items")
    assert "what a user took and 20 other items" in results["tables"][1]["about"]


def test_the_report_speaks_of_errors_that_fall(recommend, files, tmp_path):
    recommend("run", *files[:2], *COLUMNS, *QUICK, "-o", tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "root mean squared error saved against" in page and "gained over" not in page
    assert "The error of the baseline minus that of the model" in page
    assert "a model of the labelled target rows alone" not in page  # no baseline of these
    assert ">Time</th>" not in page


def test_over_items_it_is_items_that_are_new(recommend, files, tmp_path):
    words = ["--user", "item", "--item", "user", "--rating", "rating", *QUICK]
    done = recommend("run", *files[:2], *words, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    text = " ".join(done.output.split())
    assert "Items connect the domains and stand in the users' place" in text
    assert "New items: root mean squared error" in text and "New items: all measures" in text
    assert "for new items" in text and "new users" not in text.lower()
    titles = [t["title"] for t in json.loads((tmp_path / "out/results.json").read_text())["tables"]]
    assert titles == ["New items", "How many items in both it takes"]


def test_entries_that_are_in_both_tables_are_told(recommend, files, tmp_path):
    books = files[0]
    done = recommend("run", books, books, *COLUMNS, *QUICK, "-o", tmp_path / "out")
    text = " ".join(done.output.split())
    assert "2,400 of 2,400 target entries are in the source too" in text


@pytest.mark.parametrize(("mapping", "is_same"), [("bias", True), ("ridge", False)])
def test_that_all_new_users_get_one_list_is_said_where_they_do(shops, mapping, is_same):
    pair = read_pair(shops[0], shops[1].query("user != 'u3'"), user="user", item="item",
                     rating="rating")  # fmt: skip
    model = CrossDomainRecommender(mapping, random_state=0).fit_pair(*pair)
    (table,) = example_tables(model, pair, None)
    assert ("all who are new here get the same list" in table["about"]) == is_same
