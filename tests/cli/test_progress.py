from landbridge.cli.progress import progress_bars


def test_nothing_is_drawn_where_nobody_looks(capsys):
    for shown in (True, False):  # under pytest stderr is no terminal
        with progress_bars(shown) as report:
            report("Waiting", 0, 0)
            report("Counting", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_is_told_what_is_done(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bars(True) as report:
        report("Counting", 1, 2)
    told = capsys.readouterr()
    assert "Counting" in told.err
    assert told.out == ""
