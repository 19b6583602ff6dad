"""Go on training a source network with a few labels of the target.

``FineTune`` is the estimator, ``RECIPES`` the ways to go about it: what is trained when and how
fast, what draws the weights back to their start, and what is mixed at the end. A recipe is a few
lines over ``Tuning``, which trains stages with the one trainer; ``penalties`` holds what is added
to the loss, ``parts`` the layers in their order, ``lora`` low-rank updates, ``mixing`` means of
weights, ``choice`` how a recipe is chosen from the data. PyTorch is imported when first needed.
"""

from landbridge.target.fine_tune.fine_tune import FineTune
from landbridge.target.fine_tune.recipes import RECIPES, Recipe

__all__ = ["RECIPES", "FineTune", "Recipe"]
