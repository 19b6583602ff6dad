"""Finding out how a text table was written: encoding, separator, decimal mark, header."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

MISSING = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>", "#N/A")
"""What stands for a missing value in a text table."""

SEPARATORS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma", " ": "blanks"}
_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_N_SAMPLE_LINES = 200


@dataclass(frozen=True)
class Dialect:
    """How a text table was written."""

    separator: str
    decimal: str
    names: tuple[str, ...] | None
    n_columns: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found, as sentences for the reader; what is usual goes without saying."""
        found = []
        if self.separator != ",":
            found.append(f"The separator is {SEPARATORS[self.separator]}.")
        if self.decimal == ",":
            found.append("Numbers have a decimal comma.")
        if self.names is None:
            found.append(f"No header line: the columns are named x0 to x{self.n_columns - 1}.")
        return tuple(found)


def decode(raw: bytes) -> tuple[str, str]:
    """The text in ``raw`` and its encoding: UTF-8, UTF-16 by its mark, else Windows or Latin-1.

    Raises
    ------
    ValueError
        If the bytes are no text.
    """
    marked = next((code for mark, code in _BYTE_ORDER_MARKS.items() if raw.startswith(mark)), None)
    if marked is None and b"\x00" in raw[:4096]:
        raise ValueError("it holds binary data, not text")
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    if marked:
        raise ValueError(f"its text is cut off or is not {marked}, as its first bytes say")
    return raw.decode("latin-1"), "latin-1"


def split_lines(text: str, separator: str, n_lines: int = _N_SAMPLE_LINES) -> list[list[str]]:
    """The fields of the first lines that are not blank; quotes are honoured."""
    lines: Iterable[list[str]]
    if separator == " ":
        lines = (line.split() for line in io.StringIO(text))
    else:
        lines = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    return list(islice((fields for fields in lines if any(fields)), n_lines))


def sniff(text: str) -> Dialect:
    """How the table in ``text`` was written.

    The separator is the first of tab, semicolon, bar, comma and blanks that splits at least
    nine in ten lines into as many fields, more than one; without any, there is one column.
    The first line is a header unless it holds a number.

    Examples
    --------
    >>> from landbridge.domains.sniffing import sniff
    >>> sniff("height;age\\n1,85;30\\n1,62;41\\n")
    Dialect(separator=';', decimal=',', names=('height', 'age'), n_columns=2)
    """
    separator = next((mark for mark in SEPARATORS if _splits_evenly(text, mark)), ",")
    lines = split_lines(text, separator)
    decimal = "," if separator != "," and _has_decimal_comma(lines[1:] or lines) else "."
    has_header = not any(_is_number(field, decimal) for field in lines[0])
    names = tuple(field.strip() for field in lines[0]) if has_header else None
    return Dialect(separator, decimal, names, len(lines[0]))


def _splits_evenly(text: str, separator: str) -> bool:
    counts = Counter(len(fields) for fields in split_lines(text, separator))
    width, n_lines = max(counts.items(), key=lambda item: item[1], default=(0, 0))
    return width > 1 and n_lines >= 0.9 * counts.total()


def _has_decimal_comma(lines: list[list[str]]) -> bool:
    fields = [field.strip() for line in lines for field in line]
    n_comma = sum(_DECIMAL_COMMA.fullmatch(field) is not None for field in fields)
    n_point = sum("." in field and _NUMBER.fullmatch(field) is not None for field in fields)
    return n_comma > n_point


def _is_number(field: str, decimal: str) -> bool:
    return _NUMBER.fullmatch(field.strip().replace(decimal, ".")) is not None


def count_missing_marks(text: str, separator: str) -> dict[str, int]:
    """How often each mark for a missing value stands alone in a field, blanks aside."""
    gap = r"\s" if separator == " " else re.escape(separator)
    counts = {}
    for mark in filter(text.__contains__, MISSING[1:]):
        alone = rf'(?:^|(?<={gap}))[ "]*{re.escape(mark)}[ "]*(?={gap}|$)'
        counts[mark] = len(re.findall(alone, text, flags=re.MULTILINE))
    return {mark: n for mark, n in counts.items() if n}
