"""Comparing two versions on the newest test rows that neither was fitted on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.errors import NotComparable
from ml_platform.core.hashing import format_instant
from ml_platform.core.plain_values import json_value
from ml_platform.datasets.snapshot.boundaries import Part
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.declarations.node_name import NodeName
from ml_platform.models.ladder import simpler_than
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.registry.evaluation.candidates import (
    DO_NOTHING,
    Contender,
    EvaluationRows,
    contender,
    doing_nothing,
    earned_elsewhere,
    plain,
    require_values,
)
from ml_platform.registry.evaluation.evaluate import OTHER_ROWS
from ml_platform.registry.evaluation.intervals import Earnings, Interval, earnings
from ml_platform.reporting.comparison.comparison import (
    ActionChange,
    ChangedRow,
    DayGain,
    Gain,
    SimplerGain,
    VersionComparison,
)
from ml_platform.reporting.comparison.declared import declared_changes
from ml_platform.reporting.overview.simplest import DO_NOTHING as NOTHING
from ml_platform.reporting.overview.simplest import Simplest, margin_of, simple_name
from ml_platform.storage.artifact_kinds.trained_model import PREDICTOR, TrainedModelManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import Version

_FIRST, _SECOND = _NAMES = ("first", "second")


def compare_versions(project: Project, first: Version, second: Version, shown: int) -> VersionComparison:
    """Compare two versions on the test rows of their model's newest snapshot.

    Parameters
    ----------
    shown
        How many of the rows whose action differs are listed.

    Raises
    ------
    NotComparable
        Where they are versions of two models, or there is no snapshot.
    EvaluationError
        Where no row can be valued.
    PlatformError
        Where a version cannot predict on these rows.
    """
    if first.model != second.model:
        raise NotComparable(f"{first} and {second} are versions of two models. Name two versions of one model.")
    snapshot = current_output(project.database, NodeName("snapshot", first.model))
    if snapshot is None:
        raise NotComparable(f"{first.model} has no snapshot to compare versions on. Run the project first.")
    trained = [project.store.get("trained_model", version.id) for version in (first, second)]
    frame, notes = _unseen(load_snapshot(project, snapshot, ("test",)).part("test"), trained, (first, second))
    rows = EvaluationRows.read(project.spec, project.spec.models[first.model], frame)
    newer = max(range(2), key=lambda place: TrainedModelManifest.of(trained[place]).until)
    both = _Both.on(project, rows, snapshot, trained, trained[newer])
    simpler = tuple(both.simpler_gains(_NAMES[newer]))
    places = both.changed_rows()
    return VersionComparison(
        first=str(first),
        second=str(second),
        snapshot=snapshot,
        unit=project.spec.unit_of_value(first.model),
        rows=both.earned.rows,
        start=format_instant(frame["effective_time"].min().to_pydatetime()),
        end=format_instant(frame["effective_time"].max().to_pydatetime()),
        declared=declared_changes(project, *trained),
        metrics=both.metrics(),
        gains=(both.gain(_FIRST, DO_NOTHING), both.gain(_SECOND, DO_NOTHING)),
        difference=both.gain(_SECOND, _FIRST),
        beside=str((first, second)[newer]),
        simpler=simpler,
        simplest=_simplest(project, rows, both, (first, second), simpler) if simpler else None,
        days=tuple(_by_day(rows, both)),
        changed=len(places),
        actions=tuple(both.action_changes()),
        rows_shown=tuple(_shown_row(project, rows, both, place) for place in places[:shown]),
        notes=(*notes, *both.notes(len(frame))),
    )


def _unseen(
    frame: pd.DataFrame, trained: list[Artifact], versions: tuple[Version, Version]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows that neither version was fitted on; all of them, with a note, where there is none."""
    until = [datetime.fromisoformat(TrainedModelManifest.of(artifact).until) for artifact in trained]
    known = frame["effective_time"] <= max(until)
    if not known.any():
        return frame, []
    latest = versions[until.index(max(until))]
    fitted = f"{latest} was fitted on rows up to {max(until):%Y-%m-%d %H:%M} UTC"
    if known.all():
        return frame, [f"{fitted}, which are all of these rows: its figures are too good."]
    exclusion = f"{int(known.sum()):,} of {len(frame):,} test rows are left out: {fitted}."
    return frame[~known].reset_index(drop=True), [exclusion]


def _elsewhere(
    project: Project, rows: EvaluationRows, snapshot: str, trained: list[Artifact], newer: Artifact
) -> list[dict[str, np.ndarray]]:
    """Return what all would have earned on a sample of the rows before the test, as an evaluation does."""
    parts: tuple[Part, ...] = ("train", "validate")
    earlier = load_snapshot(project, snapshot, parts, OTHER_ROWS)
    frame = pd.concat([earlier.part(part) for part in parts], ignore_index=True)
    if frame.empty:
        return []
    step = -(-len(frame) // OTHER_ROWS)
    sample = EvaluationRows.read(project.spec, rows.model, frame.iloc[::step], step)
    named = [(name, artifact, PREDICTOR) for name, artifact in zip(_NAMES, trained, strict=True)]
    named += [(name, newer, name) for name in simpler_than(newer)]
    return [earned_elsewhere(project, sample, named)]


def _simplest(
    project: Project,
    rows: EvaluationRows,
    both: _Both,
    compared: tuple[Version, Version],
    simpler: tuple[SimplerGain, ...],
) -> Simplest:
    """Return which of all is the simplest that is good enough; the live version counts as simpler than the other."""
    live = champion(project, rows.model.name)
    versions = [(str(version), both.gain(name, DO_NOTHING)) for name, version in zip(_NAMES, compared, strict=True)]
    versions.sort(key=lambda item: live is None or item[0] != str(live))
    at = rows.frame["effective_time"]
    return Simplest(
        gains=(
            (NOTHING, 0.0),
            *((item.name, item.gain.amount) for item in simpler),
            *((name, gain.amount) for name, gain in versions),
        ),
        simpler=tuple(item.name for item in simpler),
        live=str(live) if live in compared else None,
        margin=margin_of(rows.model),
        rows=both.earned.rows,
        start=f"{at.min():%Y-%m-%d}",
        end=f"{at.max():%Y-%m-%d}",
        unit=project.spec.unit_of_value(rows.model.name),
    )


def _by_day(rows: EvaluationRows, both: _Both) -> list[DayGain]:
    nothing, days = both.values[DO_NOTHING], np.datetime_as_string(rows.days[both.valued], unit="D")
    return [
        DayGain(
            str(day),
            int((inside := days == day).sum()),
            float((both.values[_FIRST] - nothing)[inside].sum()),
            float((both.values[_SECOND] - nothing)[inside].sum()),
        )
        for day in np.unique(days)
    ]


def _shown_row(project: Project, rows: EvaluationRows, both: _Both, place: int) -> ChangedRow:
    row = rows.frame.iloc[place]
    keys = project.spec.file.entities[rows.model.population.entity]
    before, after = (json_value(item.taken[place]) for item in (both.first, both.second))
    gain = float(both.second.value[place] - both.first.value[place])
    at = format_instant(row["effective_time"].to_pydatetime())
    return ChangedRow(
        {key: json_value(row[key]) for key in keys}, at, json_value(rows.label[place]), before, after, gain
    )


@dataclass(frozen=True)
class _Both:
    """Both versions on the same rows, with what was fitted beside the newer one.

    Attributes
    ----------
    simpler
        The names of simpler algorithms, the simplest first.
    valued
        Which rows count in money: those with a value for both whose question is not asked again.
    values
        What these rows earned, by contender.
    """

    first: Contender
    second: Contender
    simpler: tuple[str, ...]
    valued: np.ndarray
    values: Mapping[str, np.ndarray]
    earned: Earnings

    @classmethod
    def on(
        cls,
        project: Project,
        rows: EvaluationRows,
        snapshot: str,
        trained: list[Artifact],
        newer: Artifact,
    ) -> _Both:
        both = [
            contender(project, rows, name, "challenger", artifact, PREDICTOR)
            for name, artifact in zip(_NAMES, trained, strict=True)
        ]
        simpler = [contender(project, rows, name, "baseline", newer, name) for name in simpler_than(newer)]
        contenders = [*both, *simpler, doing_nothing(rows)]
        unvalued = np.isnan(np.column_stack([item.value for item in contenders])).any(axis=1)
        valued = ~unvalued & ~rows.is_repeated(project.spec)
        values = {item.name: item.value[valued] for item in contenders}
        require_values(rows, values)
        earned = earnings(
            values,
            rows.days[valued],
            rows.entities(project.spec)[valued],
            other_rows=_elsewhere(project, rows, snapshot, trained, newer),
            fixed=rows.model.value.entities == "fixed",
            horizon=rows.model.label.horizon,
        )
        return cls(both[0], both[1], tuple(item.name for item in simpler), valued, values, earned)

    def gain(self, name: str, other: str) -> Gain:
        interval: Interval = self.earned.difference(name, other).times(self.earned.rows)
        return Gain(interval.figure, interval.low, interval.high, interval.basis())

    def simpler_gains(self, beside: str) -> Iterator[SimplerGain]:
        """Yield what each simpler algorithm earned, also more than the version beside which it was fitted."""
        for name in self.simpler:
            yield SimplerGain(simple_name(name), self.gain(name, DO_NOTHING), self.gain(name, beside))

    def metrics(self) -> dict[str, tuple[float | None, float | None]]:
        return {
            name: (plain(figure), plain(self.second.figures.get(name))) for name, figure in self.first.figures.items()
        }

    def changed_rows(self) -> list[int]:
        """Return the places of rows that count and on which the versions differ.

        Actions by time; predictions of a regression by how far they are apart.
        """
        differs = np.asarray(self.first.taken != self.second.taken, dtype=bool) & self.valued
        places = np.flatnonzero(differs)
        if self.first.taken.dtype == object:
            return [int(place) for place in places]
        apart = np.abs(self.second.taken[places].astype("float64") - self.first.taken[places].astype("float64"))
        return [int(place) for place in places[np.argsort(-apart, kind="stable")]]

    def action_changes(self) -> list[ActionChange]:
        """Return how often an action became another one, the most frequent first; nothing for a regression."""
        if self.first.taken.dtype != object:
            return []
        table: Any = pd.DataFrame({"before": self.first.taken, "after": self.second.taken})
        table["gain"] = self.second.value - self.first.value
        table = table[self.valued & np.asarray(table["before"] != table["after"])]
        changes = [
            ActionChange(str(before), str(after), len(part), float(part["gain"].sum()))
            for (before, after), part in table.groupby(["before", "after"], sort=True)
        ]
        return sorted(changes, key=lambda item: (-item.rows, item.before, item.after))

    def notes(self, rows: int) -> list[str]:
        excluded = rows - self.earned.rows
        counted = [f"{excluded:,} of {rows:,} rows do not count in money."] if excluded else []
        return [*counted, "Gains are an assumed effect: actions are thought to change no label."]
