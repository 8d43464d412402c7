"""What is no fault in a declaration, and what its author should know before a run shows it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ml_platform.core.clock import format_duration
from ml_platform.core.errors import listed
from ml_platform.declarations.label import RowLabel
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.populations.events import EventPopulation
from ml_platform.declarations.populations.rows import RowPopulation
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.release import DAYS_NEEDED
from ml_platform.declarations.user_code.locate import is_defined, row_reference


def notes_of(spec: ProjectSpec) -> Iterator[str]:
    """Yield a sentence for each note, with the file and line of its declaration."""
    for name, model in spec.models.items():
        for key, text in _notes(spec, model):
            place = spec.locations.get(f"models/{name}.{key}") or spec.locations[f"models/{name}"]
            yield f"{place.file}:{place.line}: {text}"


def _test_days(model: ModelSpec) -> int:
    """Return how many days of the test period have batch runs; clocks that change in it do not change that."""
    end = datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC)
    return len({run.date() for run in model.batch.between(end - model.split.test, end)})


def _repeating(model: ModelSpec) -> str | None:
    """Return the source whose rows ask, each for itself; None where a population asks about an entity once."""
    if isinstance(model.population, EventPopulation):
        return model.population.on if model.population.at_most_once_per is None else None
    return model.population.source if isinstance(model.population, RowPopulation) else None


def _notes(spec: ProjectSpec, model: ModelSpec) -> Iterator[tuple[str, str]]:
    """Yield the key and the text of each note on a model."""
    key = set(spec.file.entities[model.population.entity])
    if model.value.unit is not None:
        yield (
            "value",
            f"the value of {model.name} is in points, so nothing is in money yet. Declare in value what a row earns or "
            f"costs in {spec.file.currency}.",
        )
    for reference in model.transforms if model.deployment.online else ():
        if not is_defined(spec.root, row_reference(reference)):
            name = reference.partition(":")[2]
            yield (
                "transforms",
                f"{reference} has no row form, so each online prediction makes a frame of one row, which takes some "
                f"milliseconds. Write {name}_row(row) beside it: it gets a dictionary of one row and returns the new "
                "columns.",
            )
    days = _test_days(model)
    if days < DAYS_NEEDED:
        span = format_duration(model.split.test)
        needed = format_duration(model.split.test * DAYS_NEEDED / max(days, 1))
        yield (
            "split",
            f"split.test is {span}, which has {days} days with batch runs. A release needs {DAYS_NEEDED} such days. "
            f"Write at least {needed}.",
        )
    if isinstance(model.label, RowLabel) and not set(spec.sources[model.label.source].key) <= key:
        source = spec.sources[model.label.source]
        yield (
            "label",
            f"{source.name} can have several rows of one {model.population.entity}, because its key is "
            f"{listed(source.key)}. If it has, training stops. Declare an aggregate over a window, such as any, last "
            "or sum.",
        )
    asking = _repeating(model)
    if asking is not None and not set(spec.sources[asking].key) <= key:
        source = spec.sources[asking]
        yield (
            "population",
            f"{source.name} can have several rows of one {model.population.entity} at one batch run, because its key "
            f"is {listed(source.key)}. Only the row that became known first gets a prediction. The others are counted.",
        )
