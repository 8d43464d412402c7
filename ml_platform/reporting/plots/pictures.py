"""Pictures of trained models, evaluations and monitoring, as PNG bytes, readable 700 pixels wide."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_platform.core.formatting import money_text
from ml_platform.operations.monitoring.drift_counts import count_verdicts
from ml_platform.registry.evaluation.basis import basis_text
from ml_platform.reporting.plots.style import (
    BLUE,
    GREY,
    INK,
    MUTED,
    ORANGE,
    RED,
    ROLE_COLORS,
    canvas,
    contender_color,
    horizontal,
    legend,
    png,
)
from ml_platform.storage.artifact_kinds.evaluation import (
    CalibrationBin,
    ContenderResult,
    EvaluationManifest,
    PredictedActual,
    ThresholdValue,
    TotalsByDay,
)
from ml_platform.storage.artifact_kinds.figures import IntervalBasis
from ml_platform.storage.artifact_kinds.monitoring import ColumnFigures
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest

_LISTED = 15


def training_pictures(trained: TrainedModelManifest) -> dict[str, bytes]:
    """Return the pictures of a trained model by name."""
    return {"importance": importance(trained.importances)} if trained.importances else {}


def evaluation_pictures(evaluation: EvaluationManifest) -> dict[str, bytes]:
    """Return the pictures of an evaluation by name."""
    curves, currency = evaluation.curves, evaluation.currency
    pictures = {
        "value_by_contender": value_by_contender(evaluation.contenders, currency),
        "value_by_day": value_by_day(curves.value_by_day, currency),
    }
    if curves.calibration:
        pictures["calibration"] = calibration(curves.calibration)
    if curves.value_by_threshold:
        pictures["value_by_threshold"] = value_by_threshold(curves.value_by_threshold, currency)
    if curves.predicted_actual:
        pictures["predicted_actual"] = predicted_actual(curves.predicted_actual)
    return pictures


def calibration(bins: Sequence[CalibrationBin]) -> bytes:
    """Return a plot of the share of true labels by score, in bins."""
    rows = sum(item.rows for item in bins)
    figure, axes = canvas("Calibration", f"Share of true labels by predicted probability, {rows:,} rows in equal bins")
    scores, shares = [item.score for item in bins], [item.share for item in bins]
    reach = max(*scores, *shares, 0.05) * 1.08
    errors = [
        1.96 * np.sqrt(max(share * (1 - share), 1e-9) / item.rows) for share, item in zip(shares, bins, strict=True)
    ]
    axes.plot([0, reach], [0, reach], color=GREY, linewidth=1, linestyle=(0, (4, 3)), label="perfect")
    axes.errorbar(
        scores, shares, yerr=errors, color=BLUE, linewidth=2, marker="o", markersize=5, elinewidth=1, label="test rows"
    )
    axes.set(xlim=(0, reach), ylim=(0, reach), xlabel="predicted probability", ylabel="share of true labels")
    _percent(axes.xaxis, axes.yaxis)
    legend(axes)
    return png(figure)


def value_by_threshold(points: Sequence[ThresholdValue], currency: str) -> bytes:
    """Return what acting on every score at or above a threshold earns a row."""
    best = max(points, key=lambda point: point.value)
    summit = f"{money_text(best.value)} {currency} a row from {best.threshold:.2f} on"
    figure, axes = canvas("Value by threshold", f"At best {summit}, where {best.acted:.0%} of rows are acted on")
    thresholds, values = [item.threshold for item in points], [item.value for item in points]
    axes.axhline(values[-1], color=GREY, linewidth=1, linestyle=(0, (4, 3)), label="never act")
    axes.plot(thresholds, values, color=BLUE, linewidth=2, label="act from this score on")
    axes.plot(best.threshold, best.value, marker="o", color=BLUE, markersize=7)
    axes.set(xlim=(0, 1), xlabel="act where the score is at least", ylabel=f"{currency} a row")
    floor = min(values[-1], best.value, np.quantile(values, 0.25))
    axes.set_ylim(floor - 0.1 * (best.value - floor + 1e-9), best.value + 0.15 * (best.value - floor + 1e-9))
    legend(axes)
    return png(figure)


def value_by_contender(contenders: Sequence[ContenderResult], currency: str) -> bytes:
    """Return what each contender earned more than doing nothing, with 95 % intervals."""
    rows = contenders[0].figures["rows"]
    shown = sorted(
        (item for item in contenders if item.role != "do_nothing"),
        key=lambda item: -item.gain,
    )
    basis = contenders[0].interval or IntervalBasis()
    interval = basis.declined or f"95 % interval from {basis_text(basis)}"
    figure, axes = canvas(
        "Gain over doing nothing",
        f"{currency} over the {rows:,} rows of the test period, {interval}",
        height=max(1.3 + 0.42 * len(shown), 2.2),
        bottom=0.4,
    )
    horizontal(axes, [item.name.removeprefix("baseline/") for item in shown])
    for place, item in enumerate(shown):
        figures = item.figures
        low, high = (figures[f"value_vs_do_nothing_{end}"] for end in ("low", "high"))
        axes.barh(place, item.gain, height=0.55, color=ROLE_COLORS[item.role])
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color=INK, linewidth=1.4, solid_capstyle="butt")
            axes.plot([low, low, high, high], [place, place, place, place], "|", color=INK, markersize=7)
        axes.annotate(
            money_text(item.gain),
            (max(item.gain if high is None else high, item.gain, 0), place),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=INK,
        )
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.margins(x=0.14)
    _amounts(axes.xaxis)
    return png(figure)


def value_by_day(table: TotalsByDay, currency: str) -> bytes:
    """Return what contenders earned more than doing nothing, added up day by day."""
    nothing = np.array(table.totals["do_nothing"])
    figure, axes = canvas("Gain over the test period", f"{currency} gain over doing nothing, cumulated by day")
    days = np.array(table.days, dtype="datetime64[D]")
    dashes = itertools.cycle(("-", "--", ":", "-."))
    for name, totals in table.totals.items():
        if name != "do_nothing":
            first = name in ("challenger", "champion")
            axes.plot(
                days,
                np.cumsum(np.array(totals) - nothing),
                color=contender_color(name),
                linewidth=2.2 if first else 1.2,
                linestyle="-" if first else next(dashes),
                label=name.removeprefix("baseline/"),
                zorder=3 if first else 2,
            )
    axes.axhline(0, color=MUTED, linewidth=1)
    _amounts(axes.yaxis)
    _dates(axes)
    legend(axes)
    return png(figure)


def importance(shares: Sequence[tuple[str, float] | Sequence[Any]]) -> bytes:
    """Return how much each column counts, as shares; the largest fifteen."""
    shown = sorted(shares, key=lambda item: -item[1])[:_LISTED]
    hidden = len(shares) - len(shown)
    more = f"; {hidden} more count for {sum(item[1] for item in shares) - sum(item[1] for item in shown):.0%}"
    figure, axes = canvas(
        "Feature importance",
        f"Share of importance by column{more if hidden > 0 else ''}",
        height=1.2 + 0.27 * len(shown),
        bottom=0.4,
    )
    horizontal(axes, [str(name) for name, _ in shown])
    axes.barh(range(len(shown)), [share for _, share in shown], height=0.6, color=BLUE)
    for place, (_, share) in enumerate(shown):
        axes.annotate(
            f"{share:.1%}", (share, place), (5, 0), textcoords="offset points", va="center", fontsize=8, color=MUTED
        )
    axes.margins(x=0.1)
    _percent(axes.xaxis)
    return png(figure)


def predicted_actual(bins: Sequence[PredictedActual], unit: str = "") -> bytes:
    """Return a plot of the truth by prediction, in bins of equal row counts."""
    rows = sum(item.rows for item in bins)
    figure, axes = canvas("Predicted and actual", f"{rows:,} rows in equal bins; the band holds 80 % of them")
    x = [item.predicted for item in bins]
    axes.fill_between(x, [item.low for item in bins], [item.high for item in bins], color=BLUE, alpha=0.12, linewidth=0)
    axes.plot([min(x), max(x)], [min(x), max(x)], color=GREY, linewidth=1, linestyle=(0, (4, 3)), label="perfect")
    axes.plot(
        x,
        [item.actual for item in bins],
        color=BLUE,
        linewidth=2,
        marker="o",
        markersize=5,
        label="mean label",
    )
    in_unit = f", {unit}" if unit else ""
    axes.set(xlabel=f"predicted{in_unit}", ylabel=f"actual{in_unit}")
    legend(axes)
    return png(figure)


def drift(columns: Sequence[ColumnFigures]) -> bytes:
    """Return how far each column has moved, in the change that is an alarm."""
    shown = sorted(columns, key=lambda item: (-item.ratio, item.column))[:_LISTED]
    counts = count_verdicts(item.verdict for item in columns)
    figure, axes = canvas(
        counts.text[:1].upper() + counts.text[1:],
        "Change of a column relative to its usual range (the band): beyond 1 it has drifted",
        height=1.3 + 0.27 * len(shown),
        bottom=0.4,
    )
    horizontal(axes, [item.column for item in shown])
    colors = {"drifted": RED, "inconclusive": ORANGE}
    axes.barh(
        range(len(shown)),
        [item.ratio for item in shown],
        height=0.6,
        color=[colors.get(item.verdict, GREY) for item in shown],
    )
    axes.axvspan(0.0, 1.0, color=GREY, alpha=0.15, linewidth=0)
    axes.axvline(1.0, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    for place, item in enumerate(shown):
        text = f"{item.ratio:.2f}" + (" (inconclusive)" if item.verdict == "inconclusive" else "")
        axes.annotate(
            text, (item.ratio, place), (5, 0), textcoords="offset points", va="center", fontsize=8, color=MUTED
        )
    axes.set_xlim(0, max([1.0, *(item.ratio for item in shown)]) * 1.2)
    return png(figure)


def _percent(*sides: Any) -> None:
    from matplotlib.ticker import FuncFormatter

    for side in sides:
        side.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g}%"))


def _amounts(side: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    side.set_major_locator(MaxNLocator(6))
    side.set_major_formatter(FuncFormatter(_money_mark))


def _dates(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _money_mark(amount: float, _: int) -> str:
    """Return what is beside a mark of an axis of money: all digits, as marks are round."""
    return f"{amount:,.10g}" if abs(amount) < 1e4 else money_text(amount)
