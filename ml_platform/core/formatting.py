"""Figures, instants and spans of time as people read them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ml_platform.core.clock import format_duration

if TYPE_CHECKING:  # importing it loads Arrow, which a project can be read without
    from ml_platform.core.statistics.distributions import Distribution

_NAME = re.compile(r"\w*[_@/]\w|\w+\.\w")
_TIGHT_PERCENT = re.compile(r"(?<=\d)%")
_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second", "us": "microsecond"}


def span_text(span: timedelta) -> str:
    """Return a span of time in words.

    >>> span_text(timedelta(hours=36)), span_text(timedelta(minutes=-1)), span_text(timedelta(0))
    ('36 hours', '-1 minute', 'nothing')
    """
    if not span:
        return "nothing"
    text = format_duration(span)
    number = text.rstrip("dhmsu")
    unit = _UNITS[text[len(number) :]]
    return f"{number} {unit if number.lstrip('-') == '1' else f'{unit}s'}"


def figure_text(figure: float | None) -> str:
    """Return a figure with three digits that count, and never fewer than it has before the point.

    >>> figure_text(1234.56), figure_text(0.012345), figure_text(-7.0), figure_text(1e-7), figure_text(2.5e9)
    ('1,235', '0.0123', '−7', '1.00e−07', '2.5 bn')
    """
    if figure is None or not math.isfinite(figure):
        return "–"
    size = abs(figure)
    if size >= 1e6:
        return money_text(figure)
    if 0 < size < 1e-4:
        text = f"{figure:.2e}"
    elif size >= 100 or figure == int(figure):
        text = f"{figure:,.0f}"
    else:
        text = f"{figure:.{2 - math.floor(math.log10(size))}f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")


def value_text(value: float | None, unit: str) -> str:
    """Return a value of a column; of seconds, in the unit that suits them, and a share or percents with their sign.

    >>> value_text(440640.0, "s"), value_text(90.0, "s"), value_text(7200.0, "min")
    ('5.1 days', '90', '7,200')
    >>> value_text(0.071, "share"), value_text(45.0, "percent")
    ('7.1 %', '45 %')
    """
    if value is not None and unit == "s":
        for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
            if abs(value) >= 1.5 * size + 30:
                return f"{figure_text(value / size)} {name}"
    if unit == "share" and value is not None and 0 <= value <= 1:
        return share_text(value)
    return f"{figure_text(value)} %" if unit == "percent" else figure_text(value)


def spread_text(distribution: Distribution | None, unit: str) -> str:
    """Return how a column's values are spread, in a few words; nothing where that is not known."""
    if distribution is None:
        return ""
    whole = distribution.whole
    if whole.low is None or whole.high is None:
        return f"{distribution.value} {share_text(whole.median)}"
    low, median, high = (value_text(value, unit) for value in (whole.low, whole.median, whole.high))
    return f"median {median}, 10 to 90 % {low} to {high}"


def counted(count: int, noun: str, several: str | None = None) -> str:
    """Return a number with its noun, whose plural ends in s unless it is given.

    >>> counted(1, "day"), counted(1200, "day"), counted(2, "process", "processes")
    ('1 day', '1,200 days', '2 processes')
    """
    return f"{count:,} {noun if count == 1 else several or f'{noun}s'}"


def capitalized(text: str) -> str:
    """Return a text as a sentence begins; a name at its start stays as it is.

    >>> capitalized("kept version 1"), capitalized("late_parcel@2 waits"), capitalized("sources/orders failed")
    ('Kept version 1', 'late_parcel@2 waits', 'sources/orders failed')
    """
    return text if _NAME.match(text) else f"{text[:1].upper()}{text[1:]}"


def all_up_to_date(steps: int) -> str:
    """Return that there is nothing to do, for a plan and for a run.

    >>> all_up_to_date(1), all_up_to_date(12)
    ('Nothing to do: the one step is up to date.', 'Nothing to do: all 12 steps are up to date.')
    """
    if not steps:
        return "Nothing to do: the project declares no source, no feature table and no model yet."
    return f"Nothing to do: {'the one step is' if steps == 1 else f'all {steps} steps are'} up to date."


def bytes_text(size: int) -> str:
    """Return a size for people.

    >>> [bytes_text(size) for size in (812, 20_480, 3_500_000)]
    ['812 B', '20.5 kB', '3.5 MB']
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def elapsed_text(span: timedelta) -> str:
    """Return about how long something takes.

    >>> [elapsed_text(timedelta(seconds=seconds)) for seconds in (0.01, 2.34, 59.6, 3700)]
    ['0.1 s', '2.3 s', '1 min', '1 h 2 min']
    """
    seconds = max(span.total_seconds(), 0.1)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def money_text(amount: float | None) -> str:
    """Return an amount with three digits that count.

    >>> money_text(-1234567), money_text(12.5), money_text(45678)
    ('−1.23 M', '12.5', '45.7 k')
    """
    if amount is None:
        return "–"
    for limit, unit in ((1e9, " bn"), (1e6, " M"), (1e4, " k")):
        if abs(amount) >= limit:
            return f"{amount / limit if unit != ' k' else amount / 1e3:.3g}{unit}".replace("-", "−")
    return figure_text(amount)


def amount_text(amount: float | None, currency: str = "", *, places: int | None = None) -> str:
    """Return an amount in full; without `places`, in whole units from a hundred on and else with two digits more.

    >>> amount_text(-1234.5, "EUR", places=2), amount_text(1234.5), amount_text(12.5, "USD"), amount_text(None)
    ('−1,234.50 EUR', '1,234', '12.50 USD', '–')
    """
    if amount is None or not math.isfinite(amount):
        return "–"
    digits = places if places is not None else 0 if abs(amount) >= 100 else 2
    return f"{amount:,.{digits}f} {currency}".rstrip().replace("-", "−")


def cents_text(amount: float | None, currency: str) -> str:
    """Return what one row earns or costs, to the cent."""
    return amount_text(amount, currency, places=2)


def share_text(share: float | None) -> str:
    """Return a share in percent; a small share is never shown as zero.

    >>> share_text(0.1234), share_text(0.00001), share_text(0.0), share_text(0.99999)
    ('12.3 %', '< 0.1 %', '0 %', '> 99.9 %')
    """
    if share is None:
        return "–"
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    if share < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if share > 0.999 else f"{100 * share:.1f} %"


def spaced_percents(text: str) -> str:
    """Return a text of an artifact, which has `12.3%`, with percents as they are written everywhere.

    >>> spaced_percents("above 120: 10.0% -> 41.2%")
    'above 120: 10.0 % -> 41.2 %'
    """
    return _TIGHT_PERCENT.sub(" %", text)


def instant_text(instant: datetime | None) -> str:
    """Return an instant to the minute, in UTC and marked as UTC."""
    return "–" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def age_text(instant: datetime, now: datetime) -> str:
    """Return how long ago an instant was, or how far ahead it is, in its largest unit.

    >>> age_text(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 3, 23, tzinfo=UTC))
    '2 days ago'
    """
    span = abs(now - instant)
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        count = span // size
        if count:
            distance = f"{count:,} {unit}{'' if count == 1 else 's'}"
            return f"{distance} ago" if instant < now else f"in {distance}"
    return "just now"
