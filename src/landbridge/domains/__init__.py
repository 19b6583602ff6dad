"""What a domain is: rows, labels, names; reading them from files, turning tables into features.

Nothing here knows of mappings or learners. Rows and labels are checked on their way in
(``checks``, ``labels``), so that all the rest can trust them.
"""

from landbridge.domains.checks import (
    check_no_column_twice,
    check_rows,
    check_same_columns,
    check_weights,
    column_names,
)
from landbridge.domains.datasets import DATASETS, DataSet, fetch, load_domains
from landbridge.domains.digits import digits_by_writer
from landbridge.domains.features import TableFeatures
from landbridge.domains.labels import (
    as_labels,
    check_all_labelled,
    class_names,
    common_labels,
    encode,
    is_labelled,
    labelled_rows,
)
from landbridge.domains.pictures import picture_folder
from landbridge.domains.problem import Problem, make_problem
from landbridge.domains.reading import Table, read_table

__all__ = [
    "DATASETS",
    "DataSet",
    "Problem",
    "Table",
    "TableFeatures",
    "as_labels",
    "check_all_labelled",
    "check_rows",
    "check_no_column_twice",
    "check_same_columns",
    "check_weights",
    "class_names",
    "column_names",
    "common_labels",
    "digits_by_writer",
    "encode",
    "fetch",
    "is_labelled",
    "labelled_rows",
    "load_domains",
    "make_problem",
    "picture_folder",
    "read_table",
]
