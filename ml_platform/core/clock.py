"""Time: durations, instants, schedules and the project's clock.

`now` is an argument everywhere in the core. Only the edges read a clock, and they
read the project's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from ml_platform.core.errors import suggest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Micros = TypeVar("Micros", int, "npt.NDArray[np.int64]")
"""One instant or many, as microseconds since 1970 UTC."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds", "us": "microseconds"}
_SECONDS = {unit: timedelta(**{name: 1}).total_seconds() for unit, name in _UNITS.items()}
_LONGEST = timedelta(days=366_000)
_MAX_SCHEDULE = 300
_BEFORE_A_LEAP_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_STRANGE = re.compile(r"[^0-9A-Za-z*,/# -]|[0-9][Ll]|LW|,[^ ]*#|#[^ ]*,")
"""What CronSim has and Dagster's cron has not; a test compares the two."""
_AROUND_FOLD = timedelta(hours=3)  # begun inside the hour that autumn repeats, a cron iterator gets lost
_DURATION = re.compile(r"([+-]?)([0-9]+)(us|w|d|h|m|s)")


class Clock(Protocol):
    """Anything that can be asked for the time."""

    def now(self) -> datetime:
        """Return the present instant, timezone-aware, in UTC."""
        ...


class WallClock:
    """The clock on the wall."""

    def now(self) -> datetime:
        """Return the present instant, timezone-aware, in UTC."""
        return datetime.now(UTC)


def parse_duration(text: str) -> timedelta:
    """Read a duration such as ``90d``, ``2h``, ``-30m`` or ``250us``.

    >>> parse_duration("2h")
    datetime.timedelta(seconds=7200)
    """
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(
            f"{_shown(text)} is not a duration. Write a number and a unit (w, d, h, m, s, us), such as 30d"
        )
    sign, number, unit = match.groups()
    if len(number) > 18 or int(number) * _SECONDS[unit] > _LONGEST.total_seconds():
        raise ValueError(f"{text[:40]!r} is longer than 1,000 years. Give a shorter one, or write ever for a window")
    span = timedelta(**{_UNITS[unit]: int(number)})
    return -span if sign == "-" else span


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def format_duration(span: timedelta) -> str:
    """Return `span` in the largest unit that divides it.

    >>> format_duration(timedelta(hours=36))
    '36h'
    """
    count = abs(span) // MICROSECOND
    sign = "-" if span < timedelta(0) else ""
    for unit in ("d", "h", "m", "s", "us"):
        size = parse_duration(f"1{unit}") // MICROSECOND
        if count % size == 0:
            return f"{sign}{count // size}{unit}"
    raise AssertionError("every duration divides into microseconds")


def rounded_duration(span: timedelta) -> str:
    """Return `span` for people, in its two largest units.

    >>> rounded_duration(timedelta(minutes=75))
    '1h15m'
    """
    count, parts = abs(span) // MICROSECOND, list[str]()
    for unit in ("d", "h", "m", "s", "us"):
        size = parse_duration(f"1{unit}") // MICROSECOND
        if count >= size and len(parts) < 2:
            parts.append(f"{count // size}{unit}")
        count %= size
    sign = "-" if span < timedelta(0) else ""
    return sign + "".join(parts) if parts else "0s"


def parse_instant(text: str) -> datetime:
    """Read an instant that a person wrote: a day, which begins at midnight UTC, or a time with its zone.

    >>> parse_instant("2013-12-01"), parse_instant("2013-12-01T01:30+01:00")
    (datetime.datetime(2013, 12, 1, 0, 0, tzinfo=datetime.timezone.utc), \
datetime.datetime(2013, 12, 1, 0, 30, tzinfo=datetime.timezone.utc))
    """
    with suppress(ValueError):
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{_shown(text)} is not an instant. Write it in UTC, such as 2013-12-01T06:00:00Z or 2013-12-01"
        ) from None
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no time zone. Write it in UTC, such as {text}Z")
    return instant.astimezone(UTC)


def to_micros(instant: datetime) -> int:
    """Return microseconds since 1970 UTC."""
    return (instant - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the instant `micros` microseconds after 1970 UTC."""
    return EPOCH + timedelta(microseconds=micros)


def read_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of this name; a ValueError names the nearest one."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name}. {suggest(name, available_timezones())}") from None


def repeats_hours(zone: str) -> bool:
    """Return whether clocks of a zone go back at times, so that local times do not always grow.

    A zone that does not exist, which is a fault of its own, does not.

    >>> repeats_hours("Europe/Oslo"), repeats_hours("UTC"), repeats_hours("Asia/Tokyo")
    (True, False, False)
    """
    try:
        clocks = read_zone(zone)
    except ValueError:
        return False
    hours = (datetime(year, month, 1, tzinfo=UTC) for year in range(2000, 2038) for month in range(1, 13))
    return len({hour.astimezone(clocks).utcoffset() for hour in hours}) > 1


class Schedule:
    """A cron expression in a declared time zone, such as ``0 3 * * 1 Europe/Berlin``.

    Ticks are instants in UTC; daylight saving follows the zone.
    """

    def __init__(self, text: str) -> None:
        fields = text.split()
        if len(fields) != 6 or len(text) > _MAX_SCHEDULE:
            raise ValueError(
                f"{_shown(text)} is not a schedule. Write five cron fields and a time zone, such as '0 3 * * 1 UTC'"
            )
        self.text, self.cron, self.zone = " ".join(fields), " ".join(fields[:5]), fields[5]
        self._zone = read_zone(self.zone)
        try:
            next(CronSim(self.cron, _BEFORE_A_LEAP_DAY))
        except CronSimError as error:
            raise ValueError(f"{text!r} is not a schedule: {error}. Correct its first five fields") from None
        except StopIteration:
            raise ValueError(f"{text!r} never comes, such as 30 February. Correct its first five fields") from None
        if strange := _STRANGE.search(self.cron):
            raise ValueError(
                f"{text!r}: {strange.group().strip()} is not understood by every scheduler. Write numbers, names of "
                "days and months, * , - / and #"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Schedule({self.text!r})"

    @property
    def words(self) -> str:
        """The ticks as people read them.

        >>> Schedule("0 6 * * 1 Europe/Berlin").words
        'at 06:00 on Monday (Europe/Berlin)'
        """
        words: str = CronSim(self.cron, _BEFORE_A_LEAP_DAY).explain()
        return f"{words[0].lower()}{words[1:]} ({self.zone})"

    def after(self, instant: datetime) -> Iterator[datetime]:
        """Yield the ticks later than `instant`, in order."""
        for local in CronSim(self.cron, (instant - _AROUND_FOLD).astimezone(self._zone)):
            tick = local.astimezone(UTC)
            if tick > instant:
                yield tick

    def last(self, instant: datetime) -> datetime:
        """Return the last tick at or before `instant`: one of those that `after` yields."""
        ticks = CronSim(self.cron, (instant + _AROUND_FOLD).astimezone(self._zone), reverse=True)
        # backwards, CronSim has other ticks where clocks turn by half an hour: it only shows about where to begin
        near = next(tick for tick in (local.astimezone(UTC) for local in ticks) if tick <= instant)
        span = _AROUND_FOLD
        while not (earlier := self.between(near - span, instant)):
            span *= 8
        return earlier[-1]

    def between(self, start: datetime, end: datetime) -> list[datetime]:
        """Return the ticks in ``(start, end]``, in order."""
        inside: list[datetime] = []
        for tick in self.after(start):
            if tick > end:
                return inside
            inside.append(tick)
        return inside


def tick_number(instants: Micros, refresh: timedelta, publish_delay: timedelta) -> Micros:
    """Return which refresh tick can be read at instants: the last one at or before them less the publish delay.

    Ticks are at whole multiples of `refresh` since 1970 UTC, and numbered from there.
    """
    return (instants - publish_delay // MICROSECOND) // (refresh // MICROSECOND)


def tick_at(instant: datetime, refresh: timedelta, publish_delay: timedelta) -> datetime:
    """Return the instant of the tick that `tick_number` counts."""
    return from_micros(tick_number(to_micros(instant), refresh, publish_delay) * (refresh // MICROSECOND))
