from landbridge.cli.listing import catalogue, data_sets, first_line, paper
from landbridge.domains import DATASETS
from landbridge.mapping import mapping_names


def test_each_mapping_says_what_it_does_and_whether_it_is_paired():
    rows = {row["name"]: row for row in catalogue()["mappings"]}
    assert list(rows) == mapping_names()
    assert rows["coral"]["class"] == "CORAL"
    assert rows["coral"]["paper"] == "Sun, Feng & Saenko 2016"
    assert (rows["coral"]["kind"], rows["ridge"]["kind"]) == ("move", "paired")
    assert (rows["dann"]["kind"], rows["dann"]["class"]) == ("train", "DANN")


def test_each_learner_says_what_it_is_for():
    rows = {row["name"]: row["tasks"] for row in catalogue()["learners"]}
    assert rows["logistic"] == ["classification"]
    assert rows["forest"] == ["classification", "regression"]


def test_a_docstring_is_read_without_its_marks():
    def documented():
        """Do ``this`` as :func:`that`
        does.

        By n (2001 rows) as in (Kuhn & Tucker 1951, eq. 2).
        """

    assert first_line(documented) == "Do this as that does."
    assert paper(documented) == "Kuhn & Tucker 1951"


def test_a_data_set_is_found_where_its_files_lie(tmp_path, monkeypatch):
    monkeypatch.delenv("LANDBRIDGE_DATA", raising=False)
    monkeypatch.setattr("landbridge.cli.listing.cache_folder", lambda: tmp_path / "cache")
    found = {row["name"]: row["found"] for row in data_sets()}
    assert found["digits"] == "with scikit-learn"
    assert found["abalone"] == "to be fetched"
    assert found["bike_sharing"] == "to be had by hand"

    for file in DATASETS["abalone"].files:
        path = tmp_path / file.path
        path.parent.mkdir(parents=True)
        path.write_bytes(b"12345")
    monkeypatch.setenv("LANDBRIDGE_DATA", str(tmp_path))
    row = next(row for row in data_sets() if row["name"] == "abalone")
    assert (row["found"], row["bytes"]) == ("in LANDBRIDGE_DATA", 5)


def test_each_mapping_says_what_it_needs_costs_and_is_for():
    for row in catalogue()["mappings"]:
        assert row["labels"] in ("none", "source", "target", "both")
        assert row["cost"] and row["when"], row["name"]
