"""Pictures that are nearly the same: found by hashes of how they look, and kept together."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landbridge.domains.parameters import check_number

SIDE = 16
"""Pixels a side of the grey picture by which two pictures are compared."""
FLAT = 2
"""Steps between neighbours of up to so many grey levels count as none."""
MOST_BITS = 10
LEAST_CORRELATION = 0.98
N_BITS = 128


def difference_hashes(grey: NDArray[np.uint8]) -> NDArray[np.uint64]:
    r"""Hashes of 128 bits: where a coarse grey picture grows lighter to the right, or downwards.

    Bit :math:`b_{ij} = [g_{i,j+1} - g_{ij} > 2]`, and the same down the columns, over a grid of
    9 × 9 (the *difference hash* of Krawetz 2013, in both directions). Another size, another
    compression or another brightness turns few bits.

    Parameters
    ----------
    grey : ndarray of shape (n, 9, 9)

    Returns
    -------
    ndarray of shape (n, 2)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.image.near import difference_hashes
    >>> ramp = np.tile(np.arange(9, dtype=np.uint8) * 20, (1, 9, 1))    # lighter to the right
    >>> np.bitwise_count(difference_hashes(ramp)).tolist()
    [[64, 0]]
    """
    levels = grey.astype(np.int16)
    across = np.diff(levels, axis=2)[:, :8] > FLAT
    down = np.diff(levels, axis=1)[:, :, :8] > FLAT
    bits = np.stack([across, down], axis=1).reshape(len(grey), 2, 64)
    return np.ascontiguousarray(np.packbits(bits, axis=2)).view(np.uint64)[:, :, 0]


def near_hashes(hashes: NDArray[np.uint64], most_bits: int) -> NDArray[np.intp]:
    """All pairs (m, 2) of hashes that differ in at most so many bits, each once.

    Of ``most_bits + 1`` blocks of bits one at least is equal in such a pair: only hashes that
    agree in a block are compared. Exact; time grows with the pairs that share a block.
    """
    n = len(hashes)
    bits = np.unpackbits(hashes.view(np.uint8).reshape(n, 16), axis=1)
    found = [np.empty((0, 2), dtype=np.intp)]
    for block in np.array_split(np.arange(N_BITS), most_bits + 1):
        key = np.packbits(bits[:, block], axis=1)
        key = np.ascontiguousarray(key).view(f"V{key.shape[1]}").ravel()
        codes = np.unique(key, return_inverse=True)[1]
        order = np.argsort(codes, kind="stable")
        codes, first, step = codes[order], np.arange(n), 0
        while len(first):
            step += 1
            first = first[first + step < n]
            first = first[codes[first] == codes[first + step]]
            pairs = np.column_stack([order[first], order[first + step]])
            turned = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]).sum(axis=1)
            found.append(np.sort(pairs[turned <= most_bits], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def near_duplicates(
    hashes: NDArray[np.uint64], small: NDArray[np.uint8], most_bits: int = MOST_BITS
) -> NDArray[np.intp]:
    """Pairs (m, 2) of pictures that are nearly the same.

    Their hashes differ in few bits, and the pictures, seen small and grey, correlate to 0.98 or
    more, without which two sheets of paper or two digits would pass for one. Two pictures of one
    colour throughout are the same where it is.

    Parameters
    ----------
    hashes : ndarray of shape (n, 2)
        Of :func:`difference_hashes`.
    small : ndarray of shape (n, 16, 16)
        The pictures, small and grey.
    most_bits : int, default=10
        More finds more, up to what correlates.
    """
    check_number("most_bits", most_bits, most=N_BITS // 2, whole=True)
    pairs = near_hashes(hashes, most_bits)
    rows = small.reshape(len(small), -1).astype(np.float32)
    means = rows.mean(axis=1, keepdims=True)
    rows = rows - means
    norms = np.sqrt((rows**2).sum(axis=1))
    is_flat = norms <= FLAT * SIDE
    rows /= np.where(is_flat, 1.0, norms)[:, None]
    one, other = pairs.T
    alike = np.einsum("ij,ij->i", rows[one], rows[other]) >= LEAST_CORRELATION
    same_level = np.abs(means[one, 0] - means[other, 0]) <= FLAT
    return pairs[
        np.where(is_flat[one] | is_flat[other], same_level & is_flat[one] & is_flat[other], alike)
    ]


def groups_of(n: int, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
    """The number of each picture's group (n,): pairs, and pairs of pairs, are one group.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.image.near import groups_of
    >>> groups_of(5, np.array([[0, 2], [2, 4]])).tolist()
    [0, 1, 0, 2, 0]
    """
    ones = np.ones(len(pairs))
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.intp)


def honest_split(
    labels: ArrayLike,
    groups: ArrayLike,
    shares: tuple[float, ...] = (0.7, 0.15, 0.15),
    random_state: Any = 0,
) -> list[NDArray[np.intp]]:
    """Rows of each part, class by class in these shares, and no group on two sides.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Of a group those of its first row count.
    groups : array-like of shape (n,)
        Of :func:`groups_of`, or of who took the pictures.
    shares : tuple of float
        Of the groups, adding up to 1; usually train, validation and test.
    random_state : int

    Raises
    ------
    ValueError
        If the shares are not above 0, or do not add up to 1.

    Examples
    --------
    >>> from landbridge.kits.image import honest_split
    >>> labels, groups = ["a"] * 6 + ["b"] * 4, [0, 0, 1, 2, 3, 3, 4, 5, 6, 7]
    >>> [rows.tolist() for rows in honest_split(labels, groups, (0.5, 0.5))]
    [[0, 1, 3, 8, 9], [2, 4, 5, 6, 7]]
    """
    if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"shares must be above 0 and add up to 1: found {shares!r}.")
    names, numbers = np.asarray(labels), np.asarray(groups)
    _, first, group = np.unique(numbers, return_index=True, return_inverse=True)
    kinds = np.unique(names[first].astype(str), return_inverse=True)[1]
    rng = np.random.default_rng(random_state)
    part = np.empty(len(first), dtype=np.intp)
    for kind in range(kinds.max() + 1):
        mine = rng.permutation(np.flatnonzero(kinds == kind))
        ends = np.rint(np.cumsum(shares) * len(mine))
        part[mine] = np.searchsorted(ends, np.arange(len(mine)), side="right")
    return [np.flatnonzero(part[group] == k) for k in range(len(shares))]
