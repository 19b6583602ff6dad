"""During: what can be said of a fitted model where no target row has a label."""

from landbridge.evidence.validation.choice import (
    Choice,
    catalogue_candidates,
    choose_without_labels,
)

__all__ = ["Choice", "catalogue_candidates", "choose_without_labels"]
