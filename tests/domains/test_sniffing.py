import pytest

from landbridge.domains.sniffing import count_missing_marks, decode, sniff


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
def test_the_separator_is_found(separator):
    lines = [["a", "b", "c"], ["1", "x", "2"], ["3", "y", "4"]]
    dialect = sniff("\n".join(separator.join(line) for line in lines))
    assert (dialect.separator, dialect.names) == (separator, ("a", "b", "c"))


def test_a_single_column_needs_no_separator():
    assert sniff("age\n3\n4\n").names == ("age",)


def test_separators_within_quotes_do_not_count():
    assert sniff('a,b\n"x;y",1\n"z;w",2\n').separator == ","


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("a;b\n1,5;2\n2,5;3\n", ","),
        ("a;b\n1.5;2\n", "."),
        ("a,b\n1,5\n", "."),
        ("a;b\nx,y;z\n", "."),
    ],
)
def test_the_decimal_mark_is_found(text, decimal):
    assert sniff(text).decimal == decimal


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "M,0.5\nF,0.25\n", "1,5;x\n2,5;y\n"])
def test_a_first_line_with_a_number_is_no_header(text):
    dialect = sniff(text)
    assert dialect.names is None
    assert "No header line: the columns are named x0 to x1." in dialect.notes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encoding_is_found(encoding):
    assert decode("größe;5 €".encode(encoding)) == ("größe;5 €", encoding)


def test_bytes_that_windows_does_not_know_are_latin_1():
    assert decode(b"a\x81\xff")[1] == "latin-1"


def test_binary_data_is_refused():
    with pytest.raises(ValueError, match="binary data"):
        decode(b"PAR1\x00\x01")


def test_marks_for_missing_values_count_only_where_they_stand_alone():
    text = "a,b\n?,what?\nNA,NAME\n1, ?\n"
    assert count_missing_marks(text, ",") == {"?": 2, "NA": 1}
