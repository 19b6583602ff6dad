"""Both domains in features that are guessed from one another: words stand in for words.

Here belongs what learns, from rows of both domains without their labels, which features go with
which: a row then has what it would likely have too. A word of one domain so meets the word of the
other that is found in the same company. ``structural_correspondence`` guesses a few pivots that
both domains share, ``marginalised_denoising`` each feature from all the others.
"""

from landbridge.mapping.pivots.marginalised_denoising import MarginalisedDenoising
from landbridge.mapping.pivots.structural_correspondence import StructuralCorrespondence

__all__ = ["MarginalisedDenoising", "StructuralCorrespondence"]
