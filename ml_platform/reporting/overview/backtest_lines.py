"""A backtest as people read it: sentences, and a line for each origin, age and schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean, stdev

from ml_platform.core.formatting import amount_text, counted, figure_text
from ml_platform.registry.evaluation.basis import interval_text
from ml_platform.storage.artifact_kinds.backtest import BacktestManifest, OriginResult
from ml_platform.storage.artifact_kinds.figures import BasedFigure

_SHOWN = ("auc", "calibration_error", "brier", "pinball", "coverage", "rmse", "bias", "accuracy", "log_loss")
_METRICS = 2
_SEEDS_DIFFER = 1e-9


@dataclass(frozen=True)
class OriginLine:
    """One origin, in texts; `metrics` by name."""

    origin: str
    fitted: str
    rows: str
    gain: str
    interval: str
    other_seeds: str
    metrics: dict[str, str]


@dataclass(frozen=True)
class AgeLine:
    """One age: what a row earned by a model of this age and by a fresh one, and what was lost."""

    age: str
    rows: str
    fresh: str
    aged: str
    loss: str
    interval: str


@dataclass(frozen=True)
class ScheduleLine:
    """One schedule, and what it earned more in a week than one model for the whole time."""

    schedule: str
    more: str
    interval: str


def backtest_sentences(about: BacktestManifest) -> tuple[str, ...]:
    """Return what follows from a backtest: its gain, how often retraining pays, and how stable it is."""
    return (_gain(about), _retraining(about), _decay(about), _stability(about), *filter(None, (_seeds(about),)))


def _gain(about: BacktestManifest) -> str:
    gain, unit = about.gain, about.currency
    often = f"retrained every {_days(about.every_days)}"
    total = amount_text(gain.figure * about.rows, unit)
    known = "" if gain.low is None else f" ({_ends(gain)})"
    where = f"on {counted(about.rows, 'row')} of {counted(about.days, 'day')} after {len(about.origins)} past origins"
    declined = f" {_sentence(str(gain.declined))}" if gain.low is None else ""
    row = f"{row_amount(gain.figure)} a row{known}"
    return f"{about.model}, {often}, gained {total} over doing nothing {where}: {row}.{declined}"


def _retraining(about: BacktestManifest) -> str:
    often = about.schedules[0]
    more, unit = often.more, about.currency
    beyond = "more" if more.figure >= 0 else "less"
    once = f"not retraining for {_days(about.whole_days)}"
    if not more.figure:
        return f"Retraining every {_days(often.days)} earned the same as {once}."
    text = f"Retraining every {_days(often.days)} earned {amount_text(abs(more.figure), unit)} {beyond} a week than"
    return f"{text} {once} {_luck(more)}."


def _luck(figure: BasedFigure) -> str:
    """Return an interval in brackets, with whether that could be luck; or why there is none."""
    if figure.low is None or figure.high is None:
        return f"({figure.declined})"
    luck = "this could be luck" if figure.low <= 0 <= figure.high else "luck alone does not explain this"
    return f"(interval {interval_ends(figure)}: {luck})"


def _decay(about: BacktestManifest) -> str:
    sure = [age for age in about.ages if age.loss.low is not None and age.loss.low > 0]
    if sure:
        age = sure[0]
        lost = amount_text(age.loss.figure, about.currency, places=_places(age.loss.figure))
        return f"A model that is {_days(age.days)} old earns {lost} a row less than a fresh one {_luck(age.loss)}."
    known = [age for age in about.ages if age.loss.low is not None]
    if not known:
        return f"How a model's value changes with its age is not known: {about.ages[0].loss.declined}."
    oldest = known[-1]
    return f"Up to an age of {_days(oldest.days)} it is not certain that an older model earns less than a fresh one."


def _stability(about: BacktestManifest) -> str:
    gains = [item.gain.figure for item in about.origins]
    ends = " to ".join(amount_text(gain, places=_places(max(map(abs, gains)))) for gain in (min(gains), max(gains)))
    sure = sum(item.gain.low is not None and item.gain.low > 0 for item in about.origins)
    above = sum(gain > 0 for gain in gains)
    spread = f"the gain of a row is {ends} {about.currency}, with a standard deviation of {figure_text(stdev(gains))}"
    return f"From origin to origin {spread}; it is above 0 after {above} of {len(gains)} origins, surely after {sure}."


def _seeds(about: BacktestManifest) -> str:
    """Return how much of that another seed explains; nothing where one seed was used."""
    apart = [max(gains) - min(gains) for gains in map(_by_seed, about.origins) if len(gains) > 1]
    if not apart:
        return ""
    if max(apart) <= _SEEDS_DIFFER * max(abs(item.gain.figure) for item in about.origins):
        return f"Training with {about.seeds} seeds earned the same: the fit is not random."
    amounts = f"{figure_text(mean(apart))} on average and {figure_text(max(apart))} at most"
    return f"With {about.seeds} seeds the gain of one origin differs by {amounts}: so much is the luck of a training."


def _by_seed(item: OriginResult) -> tuple[float, ...]:
    return (item.gain.figure, *item.other_seeds)


def metric_names(about: BacktestManifest) -> list[str]:
    """Return the metrics that are shown for each origin."""
    known = about.origins[0].figures
    return [name for name in _SHOWN if name in known][:_METRICS]


def origin_lines(about: BacktestManifest) -> Iterator[OriginLine]:
    """Yield a line for each origin."""
    names = metric_names(about)
    for item in about.origins:
        yield OriginLine(
            item.origin[:10],
            f"{item.fitted:,}",
            f"{item.rows:,}",
            row_amount(item.gain.figure),
            interval_ends(item.gain),
            ", ".join(map(row_amount, item.other_seeds)),
            {name: figure_text(item.figures.get(name)) for name in names}
            | ({"chosen": item.chosen} if item.chosen else {}),
        )


def age_lines(about: BacktestManifest) -> Iterator[AgeLine]:
    """Yield a line for each age of a model."""
    for item in about.ages:
        fresh, aged, loss = map(row_amount, (item.fresh, item.aged, item.loss.figure))
        yield AgeLine(_days(item.days), f"{item.rows:,}", fresh, aged, loss, interval_ends(item.loss))


def schedule_lines(about: BacktestManifest) -> Iterator[ScheduleLine]:
    """Yield a line for each schedule of trainings."""
    for item in about.schedules:
        more = amount_text(item.more.figure)
        yield ScheduleLine(f"every {_days(item.days)}", more, interval_ends(item.more))


def interval_ends(figure: BasedFigure) -> str:
    """Return both ends of an interval, or why there is none."""
    if figure.low is None or figure.high is None:
        return interval_text(None, None, figure)
    places = _places(max(abs(figure.low), abs(figure.high)))
    return f"{amount_text(figure.low, places=places)} to {amount_text(figure.high, places=places)}"


def _ends(figure: BasedFigure) -> str:
    return f"95 % interval {interval_ends(figure)}"


def row_amount(amount: float) -> str:
    """Return what one row earned, with the digits that count."""
    return amount_text(amount, places=_places(amount))


def _places(amount: float) -> int:
    """Return how many digits a row's amount has after the point."""
    return 0 if abs(amount) >= 100 else 2 if abs(amount) >= 1 else 3


def _days(days: float) -> str:
    return counted(int(days), "day")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
