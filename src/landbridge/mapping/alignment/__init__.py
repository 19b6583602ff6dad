"""Mappings found by comparing two samples as wholes: their moments, subspaces or densities.

Each file holds one way to carry the source so that its sample lies like the target's: by means
and covariances, by principal subspaces, by a few features or directions that both share. Nothing
here needs pairs of rows.
"""
