"""Kernel components: both domains in one space, in which their means agree and rows still vary.

Here belongs what comes down to one eigenproblem on kernel features: much scatter, small
differences of means. ``eigen`` solves it, ``feature_rows`` sums features without holding all of
them, ``base`` is the form of a method, ``pseudo_labels`` that of one which guesses the target's
classes. A method says which means must agree, and what else.
"""

from landbridge.mapping.components.bda import BDA
from landbridge.mapping.components.jda import JDA
from landbridge.mapping.components.sstca import SemiSupervisedTCA
from landbridge.mapping.components.tca import TCA
from landbridge.mapping.components.tjm import TJM

__all__ = ["BDA", "JDA", "SemiSupervisedTCA", "TCA", "TJM"]
