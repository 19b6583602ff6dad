import os
import re

import numpy as np
import pytest

from landbridge.domains import DATASETS, fetch, load_domains, make_problem

needs_data = pytest.mark.skipif(
    "LANDBRIDGE_DATA" not in os.environ, reason="LANDBRIDGE_DATA is not set"
)
WIDE = {"amazon_reviews_bow"}


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_states_its_terms_and_origin(name):
    data = DATASETS[name]
    assert data.name == name
    assert all((data.title, data.licence, data.citation, data.homepage, data.how))
    assert len(set(data.domains)) >= 2
    for file in data.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.path.startswith(f"{name}/")


@pytest.mark.parametrize("name", DATASETS)
def test_every_address_on_github_is_of_one_commit(name):
    addresses = [file.address for file in DATASETS[name].files if file.address]
    for address in addresses:
        assert re.match(r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/", address)


@needs_data
@pytest.mark.parametrize("name", sorted(set(DATASETS) - WIDE))
def test_every_data_set_becomes_a_problem(name):
    data = DATASETS[name]
    source, target = load_domains(name, data.domains[0], data.domains[-1])
    assert data.label in source.frame and data.label in target.frame
    few = [table.frame.groupby(data.label).head(20).head(300) for table in (source, target)]
    problem = make_problem(*few, label=data.label, task=data.task)
    assert np.isfinite(problem.Xs).all() and np.isfinite(problem.Xt).all()


@needs_data
def test_heart_disease_is_yes_or_no_in_each_hospital():
    tables = load_domains("heart_disease", "cleveland", "va")
    assert [len(table.frame) for table in tables] == [303, 200]
    shares = [table.frame["disease"].mean() for table in tables]
    np.testing.assert_allclose(shares, [0.459, 0.745], atol=1e-3)


@needs_data
def test_hired_bicycles_are_not_told_by_the_columns_that_add_up_to_them():
    source, _ = load_domains("bike_sharing", "2011", "2012")
    assert not {"casual", "registered", "instant", "yr"} & set(source.frame.columns)


@needs_data
def test_reviews_have_as_many_words_in_each_domain():
    source, target = load_domains("amazon_reviews_bow", "books", "kitchen_test")
    assert source.frame.shape == (2000, 5001)
    assert target.frame.shape == (5945, 5001)
    assert sorted(source.frame["sentiment"].unique()) == [-1, 1]


def test_the_digits_need_no_file():
    assert fetch("digits") == []
    source, target = load_domains("digits", "first_writers", "last_writers")
    assert (len(source.frame), len(target.frame)) == (906, 891)


def test_an_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match=r"There is no data set 'iris'\. Choose from: 'digits'"):
        fetch("iris")


def test_an_unknown_domain_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match=r"digits has no domain 'x'\. Choose from: 'first_writers'"):
        load_domains("digits", "x", "last_writers")
