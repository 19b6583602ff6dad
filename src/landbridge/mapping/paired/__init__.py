"""Maps learned from pairs: row i of both domains, or rows of one class, are one thing seen twice.

Least squares and its kin under penalties of several kinds, rotations, networks, forests. All
that are linear need only the joint moments of the pairs.
"""
