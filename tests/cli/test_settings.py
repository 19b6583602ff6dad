import pytest

from landbridge.cli.settings import command_of, read_settings


@pytest.fixture
def yaml_file(tmp_path):
    def write(text):
        path = tmp_path / "study.yaml"
        path.write_text(text)
        return path

    return write


def test_a_file_gives_settings_and_options_come_before_it(yaml_file):
    path = yaml_file("source: a.csv\ncandidates: [coral, monge+stacking]\nfolds: 3\nseed: 7\n")
    settings = read_settings(path, {"folds": 4, "seed": None})
    assert (settings.source, settings.folds, settings.seed) == ("a.csv", 4, 7)
    assert settings.candidates == ["coral", "monge+stacking"]


def test_all_candidates_go_with_no_names():
    assert read_settings(None, {"candidates": "all"}).candidates == ["all"]
    with pytest.raises(ValueError, match=r"--candidates: found .*expected all, which is the whole"):
        read_settings(None, {"candidates": "all,coral"})


def test_candidates_may_stand_in_one_text():
    assert read_settings(None, {"candidates": "coral, monge"}).candidates == ["coral", "monge"]


def test_an_empty_file_leaves_the_defaults(yaml_file):
    assert read_settings(yaml_file("# nothing yet\n"), {}) == read_settings(None, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nfolds: 1\n", "line 2: folds: found 1, expected greater than or equal to 2."),
        ("folds: three\n", "line 1: folds: found 'three', expected a valid integer."),
        ("label: yes\n", "line 1: label: found True, expected a valid string. Put text in quo"),
        ("seed: 1\n\ncanddiates: coral\n", "line 3: there is no option 'canddiates'; the nearest"),
        ("zzzz: 1\n", "line 1: there is no option 'zzzz'; there are 'source', 'target'"),
        ("candidates:\n- coral\n- 3\n", "line 3: candidates: found 3, expected a valid string"),
        ("task: rank\n", "line 1: task: found 'rank', expected 'classification' or 'regression'"),
        ("seed: 1\nfolds: 2\nseed: 2\n", "line 3: seed stands on line 1 already"),
        ("1: a\n", "line 1: found the key '1', expected a name"),
        ("- a\n- b\n", "line 1: expected lines of the form 'option: value'"),
        ("seed: 1\nfolds: [2\n", "line 3: this is not YAML"),
    ],
)
def test_a_fault_is_named_with_file_and_line(yaml_file, text, message):
    path = yaml_file(text)
    with pytest.raises(ValueError) as caught:
        read_settings(path, {})
    assert f"{path}, {message}" in str(caught.value)


def test_every_fault_of_a_file_is_named(yaml_file):
    with pytest.raises(ValueError) as caught:
        read_settings(yaml_file("folds: 1\nlevel: 2\n"), {})
    assert len(str(caught.value).splitlines()) == 2


def test_a_fault_of_an_option_is_named_by_it(yaml_file):
    with pytest.raises(ValueError, match=r"^--folds: found 0, expected greater than or equal to 2"):
        read_settings(yaml_file("folds: 5\n"), {"folds": 0})


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none\.yaml"):
        read_settings(tmp_path / "none.yaml", {})
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        read_settings(tmp_path / "odd.yaml", {})


def test_the_command_has_what_was_set_and_no_more():
    settings = read_settings(None, {"source": "a b.csv", "target": "t.csv", "candidates": "x,y"})
    assert command_of("run", settings) == "landbridge run 'a b.csv' t.csv --candidates x,y"


@pytest.mark.parametrize("budget", ["90s", "5m", 300, 0.5])
def test_a_budget_is_a_span_of_time(yaml_file, budget):
    assert read_settings(yaml_file(f"budget: {budget}\n"), {}).budget == budget


@pytest.mark.parametrize("budget", ["soon", "-5m", "0"])
def test_a_budget_that_is_no_time_names_the_option(budget):
    with pytest.raises(ValueError, match=f"--budget: found '{budget}', expected a span of time"):
        read_settings(None, {"budget": budget})
