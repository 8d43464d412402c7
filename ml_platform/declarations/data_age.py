"""How old a feature's newest data can be when a prediction is asked for, derived from declarations.

The age of a value is the time since the newest event that it could reflect. An event waits until it is known
(the source's delay), until the next refresh tick, and until that tick's values can be read (the publish delay).
A prediction in batch is asked for after the run that makes it, so that its values wait once more.

What is known ahead (a schedule), and windows that look ahead, have no age.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from ml_platform.core.clock import Schedule, rounded_duration, tick_at
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import columns_needed, sources_of

_NONE = timedelta(0)
_LOOKED_AT_FROM = datetime(2024, 10, 20, tzinfo=UTC)  # just before clocks are put back, when gaps are longest
_SHORT, _LONG, _ENOUGH = timedelta(days=16), timedelta(days=5 * 365), 400


@dataclass(frozen=True)
class AgeComponent:
    """One thing that adds to an age.

    Attributes
    ----------
    what
        Such as ``arrivals known 10m after``.
    least, most
        What it adds at best and at worst; None where the declarations do not define it.
    """

    what: str
    least: timedelta | None
    most: timedelta | None


@dataclass(frozen=True)
class Availability:
    """How old the newest data of a feature table can be.

    Attributes
    ----------
    path
        What the data pass on their way, such as ``sources/arrivals (known 10m after)``.
    parts
        What the age is the sum of; none where the data are known ahead.
    broken_promise
        What making the table really takes, where that is longer than its publish delay promises.
    gap
        How long it may be until the next batch run, where the predictions are made in batch.
    """

    table: str
    path: tuple[str, ...]
    parts: tuple[AgeComponent, ...]
    broken_promise: str | None = None
    gap: timedelta | None = None

    @property
    def best_age(self) -> timedelta | None:
        """The age at the best moment; None where the declarations do not define it."""
        return _total(part.least for part in self.parts)

    @property
    def worst_age(self) -> timedelta | None:
        """The age just before newer values can be read; None where the declarations do not define it."""
        return _total(part.most for part in self.parts)

    @property
    def known_age(self) -> timedelta:
        """The worst age by those parts that the declarations define; the true one is at least this."""
        return sum((part.most for part in self.parts if part.most is not None), _NONE)

    @property
    def sentence(self) -> str:
        """The sum in one line."""
        if not self.parts:
            return f"{self.table} is known ahead: its values have no age"
        text = f"{' + '.join(part.what for part in self.parts)} = {self.up_to} old"
        return f"{text}; {self.broken_promise}" if self.broken_promise else text

    @property
    def up_to(self) -> str:
        """The worst age as people read it."""
        if self.worst_age is None:
            return f"at least {rounded_duration(self.known_age)}"
        return f"up to {rounded_duration(self.worst_age)}"


def _total(spans: Iterator[timedelta | None]) -> timedelta | None:
    known = list(spans)
    return None if None in known else sum((span for span in known if span is not None), _NONE)


def availability_of(
    spec: ProjectSpec,
    table: str,
    run_time: timedelta | None = None,
    *,
    delay: timedelta | None = None,
    columns: Collection[str] | None = None,
) -> Availability:
    """Return how old a feature table's newest data can be at any moment, looked up as soon as they are published.

    Parameters
    ----------
    run_time
        How long reading the source and building the table take, as measured. Where that is longer than the publish
        delay it takes its place.
    delay
        How long after their event rows are known, as measured; used where the source has a column for that.
    columns
        The table's columns that are meant; all by default.

    >>> from pathlib import Path
    >>> from ml_platform.declarations.load.load import load_project
    >>> availability_of(load_project(Path("examples/flights"), {}), "carrier_punctuality").sentence
    'arrivals known 10m after + refresh 1h + published 5m after the tick = up to 1h15m old'
    """
    declared = spec.feature_tables[table]
    if _looks_ahead(declared, columns):
        return Availability(table, (_source_step(spec, declared.source, delay), _table_step(declared)), ())
    published, broken = _published(declared, run_time)
    ticks: tuple[AgeComponent, ...] = (
        AgeComponent(f"refresh {rounded_duration(declared.refresh)}", _NONE, declared.refresh),
        published,
    )
    path: tuple[str, ...] = (_source_step(spec, declared.source, delay), _table_step(declared))
    reading = _reading(spec, declared.source)
    if reading is not None and (reading.most is None or reading.most > declared.refresh + declared.publish_delay):
        ticks, path = (reading,), (path[0], f"features/{table} ({reading.what})")
    return Availability(table, path, (_known(spec, declared.source, delay), *ticks), broken)


def availability_in(
    spec: ProjectSpec, model: ModelSpec, table: str, *, columns: Collection[str] | None = None
) -> Availability:
    """Return how old a feature table's newest data can be when a model's batch prediction is asked for.

    A batch run reads the sources first, so it has what was known by its tick. Its rows are asked for until the next.
    """
    declared, batch = spec.feature_tables[table], model.batch
    by_tick = availability_of(spec, table, columns=columns)
    if not by_tick.parts:
        return by_tick
    ages = [run - tick_at(run, declared.refresh, declared.publish_delay) for run in _runs(batch)]
    gap = _NONE if model.population.asks_at_runs else longest_gap(batch)
    tick = AgeComponent(f"tick up to {rounded_duration(max(ages))} before the batch run", min(ages), max(ages))
    apart = f", up to {rounded_duration(gap)} apart" if gap else ""
    runs = [AgeComponent(f"batch runs up to {rounded_duration(gap)} apart", _NONE, gap)] if gap else []
    step = f"{model.name}/predictions (batch {batch.text}{apart})"
    path = (_source_step(spec, declared.source, None), _table_step(declared), step)
    return Availability(table, path, (_known(spec, declared.source, None), tick, *runs), gap=gap)


def longest_gap(schedule: Schedule) -> timedelta:
    """Return the longest time between two ticks of a schedule."""
    return max(after - before for before, after in pairwise(_runs(schedule)))


@lru_cache(maxsize=256)
def _runs(schedule: Schedule) -> tuple[datetime, ...]:
    """Return enough ticks of a schedule to see its rhythm: sixteen days, and four hundred ticks or five years."""
    ticks: list[datetime] = []
    for tick in schedule.after(_LOOKED_AT_FROM):
        ticks.append(tick)
        seen = tick - _LOOKED_AT_FROM
        if len(ticks) > 1 and (seen > _LONG or (seen > _SHORT and len(ticks) >= _ENOUGH)):
            break
    return tuple(ticks)


def _looks_ahead(table: FeatureTableSpec, columns: Collection[str] | None) -> bool:
    """Return whether all of some columns are over windows that look ahead, or derived from such columns alone."""
    needed = columns_needed(table, list(table.columns if columns is None else columns))
    read = [table.columns[column][1] for column in needed if table.feature_of(column).from_columns is None]
    return all(window is not None and window.start is not None and window.start >= _NONE for window in read)


def _known(spec: ProjectSpec, source: str, measured: timedelta | None) -> AgeComponent:
    delay, model = spec.sources[source].known_at.delay, spec.sources[source].reader.model
    if model is not None:
        return _predicted(spec, model, measured)
    if delay is None and measured is None:
        return AgeComponent(f"{source} known at its column {spec.sources[source].known_at.column}", None, None)
    if delay is None and measured is not None:
        return AgeComponent(
            f"{source} known {rounded_duration(measured)} after, as measured", _NONE, max(measured, _NONE)
        )
    span = delay or _NONE
    when = f"{rounded_duration(abs(span))} {'ahead' if span < _NONE else 'after'}" if span else "at once"
    return AgeComponent(f"{source} known {when}", max(span, _NONE), max(span, _NONE))


def _predicted(spec: ProjectSpec, model: str, measured: timedelta | None) -> AgeComponent:
    """Return how old the newest prediction of a model can be: a batch run back, and what scoring takes."""
    gap, takes = longest_gap(spec.models[model].batch), max(measured or _NONE, _NONE)
    delay = f", scored {rounded_duration(takes)} after, as measured" if takes else ""
    return AgeComponent(
        f"{model} predicts at batch runs up to {rounded_duration(gap)} apart{delay}", _NONE, gap + takes
    )


def _published(table: FeatureTableSpec, run_time: timedelta | None) -> tuple[AgeComponent, str | None]:
    promised = rounded_duration(table.publish_delay)
    if run_time is None or run_time <= table.publish_delay:
        return AgeComponent(f"published {promised} after the tick", table.publish_delay, table.publish_delay), None
    broken = f"making it takes {rounded_duration(run_time)}, longer than its publish_delay of {promised} promises"
    return AgeComponent(f"made {rounded_duration(run_time)} after the tick", run_time, run_time), broken


def _reading(spec: ProjectSpec, source: str) -> AgeComponent | None:
    """Return how long rows wait until they are read; None where new files are noticed within a minute.

    How often a database, or a Python function without a fingerprint, has new rows is unknown without a query. On the
    wall clock it is read by the batch runs of the models that need it, and by nothing else.
    """
    if spec.sources[source].reader.notices_changes or spec.file.clock != "wall":
        return None
    gaps = [longest_gap(model.batch) for model in spec.models.values() if source in sources_of(spec, model)]
    if not gaps:
        return AgeComponent("read by no schedule", None, None)
    return AgeComponent(f"read at batch runs up to {rounded_duration(min(gaps))} apart", _NONE, min(gaps))


def _source_step(spec: ProjectSpec, source: str, measured: timedelta | None) -> str:
    return f"sources/{source} ({_known(spec, source, measured).what.removeprefix(f'{source} ')})"


def _table_step(table: FeatureTableSpec) -> str:
    refresh, published = rounded_duration(table.refresh), rounded_duration(table.publish_delay)
    return f"features/{table.name} (refresh {refresh}, published {published} after the tick)"
