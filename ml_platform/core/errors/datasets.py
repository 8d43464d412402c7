"""Errors of feature tables, frames, snapshots and leakage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ml_platform.core.errors.base import PlatformError, listed
from ml_platform.core.errors.sources import ValueTooLarge


class FeatureError(PlatformError):
    """A feature table cannot be computed from its source."""


def too_large(where: str, error: ValueTooLarge) -> FeatureError:
    """Return the error of a feature table or label one of whose values is too large."""
    return FeatureError(
        f"{where}: a value is too large for exact sums: {error}. Sum in a larger unit, or leave such "
        "rows out with where."
    )


class FrameError(PlatformError):
    """A model's frame cannot be made from its inputs."""


class SnapshotError(PlatformError):
    """A training frame cannot be made from the rows at hand."""


class UnknownSnapshot(PlatformError):
    """No snapshot, or more than one, goes by a name."""

    def __init__(self, name: str, problem: str, known: Iterable[object] = ()) -> None:
        names = listed(known)
        super().__init__(
            f"snapshot {name!r}: {problem}{f' (known: {names})' if names else ''}. Give the beginning of an id, "
            "MODEL@latest, or MODEL@3 for the one that version 3 was trained on; ml-platform snapshots lists them."
        )


class LabelLeakage(PlatformError):
    """A snapshot has features that leak the label, so that no model is trained on it; `problems` names each leak."""

    def __init__(self, model: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            f"{model}: {'; '.join(problems)}. A model that is trained on this fails in production, so training stops. "
            "Leave the feature out, or correct the known_at of its source. If it is legitimately available at "
            f"prediction time, list it in leakage.allow of models/{model}.yaml."
        )
