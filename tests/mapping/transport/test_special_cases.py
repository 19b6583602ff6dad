import numpy as np
import pytest
from sklearn.base import clone

from landbridge.mapping.transport import (
    ClassTransport,
    ExactTransport,
    LaplaceTransport,
    OptimalTransport,
    PartialTransport,
    UnbalancedTransport,
)

CASES = [
    (ExactTransport(), OptimalTransport("exact")),
    (UnbalancedTransport(reg_marginal=2.0), OptimalTransport("unbalanced", reg_marginal=2.0)),
    (PartialTransport(0.8), OptimalTransport("partial", mass=0.8)),
    (ClassTransport(0.3), OptimalTransport(class_reg=0.3)),
    (LaplaceTransport(0.3), OptimalTransport(laplace_reg=0.3)),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_a_special_case_is_optimal_transport_with_its_settings(two_domains, case):
    pytest.importorskip("ot")
    Xs, Xt = (X[:50] for X in two_domains)
    ys = np.where(Xs[:, 0] > 1, "a", "b")
    special, general = (clone(m).fit(Xs, Xt, ys=ys).transform(Xs) for m in CASES[case])
    np.testing.assert_array_equal(special, general)


def test_class_transport_wants_labels(two_domains):
    with pytest.raises(ValueError, match="learns from labels of source rows: ys has none"):
        ClassTransport().fit(*two_domains)
    with pytest.raises(ValueError, match="needs classes: ys holds numbers with fractions"):
        ClassTransport().fit(*two_domains, ys=two_domains[0][:, 0])
