"""What is no fault in a declaration, and what its author should know before a run shows it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ml_platform.core.clock import format_duration
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.release import DAYS_NEEDED


def notes_of(spec: ProjectSpec) -> Iterator[str]:
    """Yield a sentence for each note, with the file and line of its declaration."""
    for name, model in spec.models.items():
        if model.value.unit is not None:
            place = spec.locations.get(f"models/{name}.value") or spec.locations[f"models/{name}"]
            yield (
                f"{place.file}:{place.line}: the value of {name} is in points, so nothing is in money yet. Declare in "
                f"value what a row earns or costs in {spec.file.currency}."
            )
        if model.split.test < timedelta(days=DAYS_NEEDED):
            place = spec.locations.get(f"models/{name}.split") or spec.locations[f"models/{name}"]
            yield (
                f"{place.file}:{place.line}: split.test is {format_duration(model.split.test)}: no version is released "
                f"below {DAYS_NEEDED} test days. Write at least {DAYS_NEEDED}d."
            )
