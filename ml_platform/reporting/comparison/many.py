"""Many runs of one model side by side: what differs in their declarations, metrics, and money on paired rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np

from ml_platform.core.errors import NotComparable
from ml_platform.core.plain_values import json_value
from ml_platform.operations.experiments.declared_keys import different_keys
from ml_platform.operations.experiments.rows import EarnedRows, Periods
from ml_platform.project import Project
from ml_platform.registry.evaluation.candidates import DO_NOTHING
from ml_platform.registry.evaluation.clusters import Grouping
from ml_platform.registry.evaluation.intervals import earnings_of
from ml_platform.reporting.comparison.runs import ExperimentRun, Run, VersionRun, live_run, runs_named

_MEASURES = ("auc", "log_loss", "brier", "accuracy", "rmse", "mae", "pinball", "coverage")


@dataclass(frozen=True)
class Ahead:
    """How much more a run earned than the run that it is compared with, on the rows of both.

    Attributes
    ----------
    low, high
        The 95 % interval; None where there is none, and `declined` is why.
    """

    amount: float | None
    low: float | None
    high: float | None
    rows: int
    days: int
    declined: str | None = None


@dataclass(frozen=True)
class RunLine:
    """One run.

    Attributes
    ----------
    ahead
        None for the run that all others are compared with.
    gain, gain_low, gain_high
        Over doing nothing, on all of its own test rows.
    declared
        Its values of the keys that are not the same in all runs; a key that it does not write is not there.
    """

    name: str
    ahead: Ahead | None
    gain: float
    gain_low: float | None
    gain_high: float | None
    measures: Mapping[str, float | None]
    declared: Mapping[str, str]


@dataclass(frozen=True)
class ManyComparison:
    """Runs of a model: the one with the largest gain over the reference first.

    Attributes
    ----------
    against
        The run that all others are compared with.
    keys
        The declared keys that are not the same in all runs, those with the most values first.
    measures
        The names of the metrics that the runs have.
    """

    model: str
    unit: str
    against: str
    runs: tuple[RunLine, ...]
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the comparison in JSON types."""
        facts: dict[str, Any] = json_value(asdict(self))
        return facts


def compare_many(
    project: Project, names: Sequence[str], model: str | None = None, against: str | None = None
) -> ManyComparison:
    """Compare any number of experiments and versions of one model.

    Parameters
    ----------
    names, model
        As in `runs_named`.
    against
        The run to compare all others with; the live version by default, and the first run where none is live.

    Raises
    ------
    ExperimentError, NoSuchVersion, NotComparable
    """
    model, runs = runs_named(project, names, model)
    reference = _reference(project, model, runs, against)
    if reference.name not in {run.name for run in runs}:
        runs = [reference, *runs]
    value, horizon = project.spec.models[model].value, project.spec.models[model].label.horizon
    pairing = _Pairing(reference, value.entities == "fixed", horizon)
    keys = _keys(model, runs)
    lines = [_line(run, None if run.name == reference.name else pairing.ahead(run), keys) for run in runs]
    lines.sort(key=lambda item: (item.ahead is not None, -(_amount(item.ahead)), item.name))
    measures = tuple(name for name in _MEASURES if any(name in line.measures for line in lines))
    unit = project.spec.unit_of_value(model)
    return ManyComparison(model, unit, reference.name, tuple(lines), tuple(keys), measures, tuple(_notes(lines)))


def _amount(ahead: Ahead | None) -> float:
    return float("-inf") if ahead is None or ahead.amount is None else ahead.amount


def _reference(project: Project, model: str, runs: Sequence[Run], against: str | None) -> Run:
    if against is not None:
        return next((run for run in runs if run.name == against), None) or runs_named(project, [against], model)[1][0]
    with suppress(NotComparable):
        live = live_run(project, model)
        if live is not None:
            return next((run for run in runs if run.name == live.name), live)
    return runs[0]


def _keys(model: str, runs: Sequence[Run]) -> list[str]:
    """Return the keys that differ, those with the most values first; declarations of other models are left out."""
    values: dict[str, Counter[str | None]] = {}
    first, *others = [run.declared for run in runs]
    differ = {key for other in others for key in different_keys(first, other)}
    for key in sorted(differ):
        if not key.startswith("models/") or key.startswith(f"models/{model} "):
            values[key] = Counter(run.declared.get(key) for run in runs)
    return sorted(values, key=lambda key: (-len(values[key]), key))


def _line(run: Run, ahead: Ahead | None, keys: Sequence[str]) -> RunLine:
    figures, declared = run.figures, run.declared
    gain, low, high = (figures.get(f"value_vs_do_nothing{end}") for end in ("", "_low", "_high"))
    measures = {name: figures[name] for name in _MEASURES if name in figures}
    return RunLine(
        run.name, ahead, gain or 0.0, low, high, measures, {key: declared[key] for key in keys if key in declared}
    )


def _notes(lines: Sequence[RunLine]) -> list[str]:
    compared = sum(line.ahead is not None and line.ahead.low is not None for line in lines)
    if compared < 5:
        return []
    lucky = max(round(compared * 0.025), 1)
    return [
        f"{compared:,} runs are compared, each with an interval of its own. If none were better, about {lucky:,} would "
        "still look better by luck. Try the best ones again on newer rows before you believe them."
    ]


# Pairs ------------------------------------------------------------------------


class _Pairing:
    """Compares runs with one run. What is computed for an experiment is kept beside it."""

    def __init__(self, reference: Run, fixed: bool, horizon: timedelta) -> None:
        self._reference, self._fixed, self._horizon = reference, fixed, horizon
        self._grouped: tuple[np.ndarray, Grouping] | None = None

    def ahead(self, run: Run) -> Ahead:
        """Return how much more a run earned than the reference."""
        if run.judge != self._reference.judge:
            return Ahead(None, None, None, 0, 0, "its label or payoffs are declared in another way")
        if isinstance(run, VersionRun):
            return self._computed(run)
        return self._recorded(run) or self._kept(run)

    def _recorded(self, run: ExperimentRun) -> Ahead | None:
        """Return the comparison with the live version that the experiment made itself."""
        paired, live = run.result.get("paired"), run.result.get("live") or {}
        if not isinstance(self._reference, VersionRun) or live.get("id") != self._reference.version.id or not paired:
            return None
        gain = paired["difference"]
        declined = gain["basis"].get("declined")
        return Ahead(gain["amount"], gain["low"], gain["high"], paired["rows"], paired["days"], declined)

    def _kept(self, run: ExperimentRun) -> Ahead:
        file = run.experiment.space.folder / f"compared-{run.result['model']}.json"
        try:
            kept: dict[str, Any] = json.loads(file.read_bytes())
        except (FileNotFoundError, ValueError):
            kept = {}
        if self._reference.id not in kept:
            kept[self._reference.id] = asdict(self._computed(run))
            new = file.with_suffix(".new")
            new.write_text(json.dumps(json_value(kept)), encoding="utf-8")
            new.replace(file)
        return Ahead(**kept[self._reference.id])

    def _computed(self, run: Run) -> Ahead:
        reference = self._rows
        rows = run.rows(reference)
        test = _both(rows[0], reference[0], max(run.until, self._reference.until))
        if test is None:
            return Ahead(None, None, None, 0, 0, "they share no row that neither was fitted on")
        earlier = _both(rows[1], reference[1])
        values, counted = test
        earned = earnings_of(
            values,
            self._grouping(rows[0], counted),
            other_rows=[earlier[0]] if earlier is not None else (),
            fixed=self._fixed,
            horizon=self._horizon,
        )
        gain = earned.difference("run", "reference").times(earned.rows)
        return Ahead(gain.figure, gain.low, gain.high, earned.rows, earned.days, gain.declined)

    @cached_property
    def _rows(self) -> Periods:
        return self._reference.rows()

    def _grouping(self, rows: EarnedRows, counted: np.ndarray) -> Grouping:
        """Return the days and entities of rows that count. Most runs have those of the reference."""
        if rows.keys is not self._rows[0].keys:
            return Grouping.of(rows.days[counted], rows.entities[counted])
        if self._grouped is None or not np.array_equal(self._grouped[0], counted):
            self._grouped = counted, Grouping.of(rows.days[counted], rows.entities[counted])
        return self._grouped[1]


def _both(
    run: EarnedRows, reference: EarnedRows, after: np.datetime64 | None = None
) -> tuple[dict[str, np.ndarray], np.ndarray] | None:
    """Return what shared rows with a value, after an instant, earned, and their places; None where there is none."""
    mine, others = run.place_of(reference)
    values = {"run": run.value[mine], "reference": reference.value[others], DO_NOTHING: run.nothing[mine]}
    counted = ~(np.isnan(values["run"]) | np.isnan(values["reference"]) | np.isnan(values[DO_NOTHING]))
    if after is not None:
        counted &= run.times[mine] > after
    if not counted.any():
        return None
    places = np.arange(len(run.keys))[mine][counted]
    return {name: value[counted] for name, value in values.items()}, places
