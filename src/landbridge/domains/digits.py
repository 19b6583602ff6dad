"""Handwritten digits split by writer: a real shift that comes with scikit-learn."""

import pandas as pd
from sklearn.datasets import load_digits

WRITER_STARTS = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667)
"""The first row of each sheet in ``load_digits``.

The rows come sheet by sheet: each copies the same sequence of 130 digits, a few of them left
out, so that where the sequence starts anew another sheet begins.
"""

N_SOURCE_SHEETS = 7


def digits_by_writer(n_source: int = N_SOURCE_SHEETS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Digits of 8 × 8 pixels: the first sheets are the source, those of other writers the target.

    Scikit-learn's ``load_digits`` is the test set of the UCI "Optical Recognition of
    Handwritten Digits" (Alpaydin and Kaynak 1998), 1797 rows written by 13 people who are not
    named in it. The rows are ordered by writer, in 14 sheets.

    Parameters
    ----------
    n_source : int, default 7
        How many of the 14 sheets make the source; by default 906 rows, which leaves 891.

    Returns
    -------
    source, target : DataFrame
        Columns ``pixel_0_0`` (row, column) to ``pixel_7_7``, with values from 0 to 16, and the
        label ``digit``.

    Raises
    ------
    ValueError
        If ``n_source`` leaves a domain without a sheet.

    Examples
    --------
    >>> from landbridge.domains import digits_by_writer
    >>> source, target = digits_by_writer()
    >>> source.shape, target.shape
    ((906, 65), (891, 65))
    """
    n_sheets = len(WRITER_STARTS)
    if not 1 <= n_source < n_sheets:
        raise ValueError(
            f"n_source must be from 1 to {n_sheets - 1} of {n_sheets} sheets, found {n_source}."
        )
    digits = load_digits()
    names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    frame = pd.DataFrame(digits.data, columns=names).assign(digit=digits.target)
    start = WRITER_STARTS[n_source]
    return frame.iloc[:start].reset_index(drop=True), frame.iloc[start:].reset_index(drop=True)
