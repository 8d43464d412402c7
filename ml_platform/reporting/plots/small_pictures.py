"""Small pictures of trained models, evaluations, snapshots and monitoring: SVG, 320 pixels wide, by name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from ml_platform.core.formatting import money_text, share_text
from ml_platform.operations.monitoring.drift_counts import count_verdicts
from ml_platform.reporting.overview.worth import DayWorth
from ml_platform.reporting.plots.small_svg import Bar, Column, Line, bars, columns, dots, lines
from ml_platform.reporting.plots.style import BLUE, GREEN, GREY, ORANGE, RED, ROLE_COLORS, contender_color
from ml_platform.storage.artifact_kinds.evaluation import ContenderResult, EvaluationManifest, TotalsByDay
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.artifact_kinds.tuning import TuningManifest

_LISTED = 8
_PERIODS = {"train": BLUE, "validate": ORANGE, "test": GREEN, "not used": GREY}


def small_training_pictures(about: TrainedModelManifest) -> dict[str, bytes]:
    """Return how much the most important columns count."""
    listed = sorted(about.importances, key=lambda item: -item[1])[:_LISTED]
    if not listed:
        return {}
    shown = [Bar(name, share, share_text(share)) for name, share in listed]
    rest = len(about.importances) - len(listed)
    note = f"share of importance{f'; {rest} more columns are not shown' if rest else ''}"
    return {"importance": bars("Feature importance", shown, note=note)}


def small_tuning_pictures(about: TuningManifest) -> dict[str, bytes]:
    """Return how much better each trial is than the declared parameters, and the best one so far."""
    declared = about.declared.losses[-1]
    better = [
        100 * (declared - trial.losses[-1]) / (abs(declared) or 1.0) if trial.state == "complete" else None
        for trial in (about.declared, *about.trials)
    ]
    best = list(accumulate((figure or 0.0 for figure in better), max))
    note = f"{about.score} of a row, in % of that of the declared parameters"
    shown = [Line("trial", better, GREY), Line("best so far", best, BLUE)]
    return {"trials": lines("Improvement by trial", ("0", str(len(about.trials))), shown, note=note)}


def small_evaluation_pictures(about: EvaluationManifest) -> dict[str, bytes]:
    """Return what each contender earned, day by day too, and the calibration."""
    pictures = {"gain": _gain(about)}
    table = about.curves.value_by_day
    if len(table.days) > 1:
        pictures["gain_by_day"] = _gain_by_day(table, about.currency)
    if calibration := about.curves.calibration:
        points = [(item.score, item.share) for item in calibration]
        note = f"{sum(item.rows for item in calibration):,} test rows in equal bins"
        pictures["calibration"] = dots("Calibration", points, note=note)
    return pictures


def small_snapshot_pictures(about: SnapshotManifest) -> dict[str, bytes]:
    """Return how many rows each day has, by the period of the split."""
    if not about.chunks:
        return {}
    starts = about.boundaries
    limits = [("test", starts.test_start), ("validate", starts.validate_start), ("train", starts.train_start)]

    def period(day: str) -> str:
        return next((name for name, start in limits if day >= start[:10]), "not used")

    days = [(day, rows) for day, _, rows in sorted(about.chunks)]
    shown = [Column(rows, _PERIODS[period(day)]) for day, rows in days]
    legend = [(name, _PERIODS[name]) for name in _PERIODS if any(period(day) == name for day, _ in days)]
    note = f"by the day of the prediction, {len(days):,} days"
    return {"rows_by_day": columns("Rows", (days[0][0], days[-1][0]), shown, legend, note=note)}


def small_drift_pictures(about: MonitoringManifest) -> dict[str, bytes]:
    """Return how far the columns have moved that moved furthest."""
    columns = about.columns or ()
    if not any(item.ratio > 0 for item in columns):
        return {}
    colors = {"drifted": RED, "inconclusive": ORANGE}
    legend = [("drifted", RED), ("no verdict", ORANGE), ("not drifted", GREY)]
    listed = sorted(columns, key=lambda item: (-item.ratio, item.column))[:_LISTED]
    shown = [Bar(item.column, item.ratio, f"{item.ratio:.2f}", colors.get(item.verdict, GREY)) for item in listed]
    counts = count_verdicts(item.verdict for item in columns)
    return {"drift": bars("Drift beside the usual range", shown, limit=1.0, legend=legend, note=counts.text)}


def small_worth_picture(days: Sequence[DayWorth], unit: str) -> bytes:
    """Return what settled predictions earned beyond doing nothing beside what was expected, added up by day."""
    earned = Line("realized", list(accumulate(day.gain for day in days)), BLUE)
    expected = [day.expected for day in days]
    shown = [earned]
    if all(value is not None for value in expected):
        added = list(accumulate(value or 0.0 for value in expected))
        shown.append(Line("expected", added, GREY, dashed=True))
    note = f"{unit}, added up (assumed effect); {sum(day.rows for day in days):,} predictions"
    return lines("Realized gain over doing nothing", (days[0].day, days[-1].day), shown, note=note)


def _gain(about: EvaluationManifest) -> bytes:
    ranked = sorted(
        (item for item in about.contenders if item.role != "do_nothing"),
        key=lambda item: -item.gain,
    )
    note = f"{about.currency}, {about.rows:,} test rows, with 95 % intervals"
    return bars("Gain over doing nothing", [_contender(item) for item in ranked[:_LISTED]], note=note)


def _contender(item: ContenderResult) -> Bar:
    gain, low, high = (item.figures[f"value_vs_do_nothing{end}"] for end in ("", "_low", "_high"))
    name = item.name.removeprefix("baseline/")
    return Bar(name, gain or 0.0, money_text(gain), ROLE_COLORS[item.role], low, high)


def _gain_by_day(table: TotalsByDay, currency: str) -> bytes:
    """Return the gain of versions, and of the baseline that earned most, added up by day."""
    totals = table.totals
    nothing = totals["do_nothing"]
    added = {
        name: list(accumulate(value - zero for value, zero in zip(values, nothing, strict=True)))
        for name, values in totals.items()
        if name != "do_nothing"
    }
    rivals = sorted((name for name in added if name.startswith("baseline/")), key=lambda name: -added[name][-1])
    names = [name for name in added if name not in rivals] + rivals[:1]
    shown = [Line(name.removeprefix("baseline/"), added[name], contender_color(name)) for name in names]
    ends = (table.days[0][:10], table.days[-1][:10])
    return lines("Gain by day", ends, shown[:4], note=f"{currency} beyond doing nothing, added up over the test days")
