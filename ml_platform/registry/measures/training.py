"""How long the training of a version took."""

from __future__ import annotations

from ml_platform.registry.measures.measure import Candidate, Measured


def training(candidate: Candidate) -> Measured:
    """Return how many seconds all fits of the version took: of the model, its baselines and its refit."""
    seconds = candidate.trained.seconds
    if seconds is None:
        return Measured(None, "it was trained before this was recorded; its next version has it")
    return Measured(seconds)
