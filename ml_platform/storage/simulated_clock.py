"""The simulated clock: an instant kept in the project's database, moved by hand, never backwards."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from ml_platform.core.clock import format_duration
from ml_platform.core.errors import ClockError
from ml_platform.storage.database import Database
from ml_platform.storage.rows import put_row
from ml_platform.storage.tables import METADATA, Instant

CLOCK = sa.Table(
    "clock",
    METADATA,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("instant", Instant, nullable=False),
)


class SimulatedClock:
    """A clock that does not move until it is advanced."""

    def __init__(self, database: Database, start: datetime) -> None:
        self._database, self._start = database, start

    def now(self) -> datetime:
        """Return the present instant of the simulation, timezone-aware, in UTC."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(CLOCK.c.instant)) or self._start

    def advance(self, by: timedelta) -> datetime:
        """Move the clock on by a positive span and return the new instant.

        Raises
        ------
        ClockError
            For a span of zero or less: what was known cannot become unknown.
        """
        if by <= timedelta(0):
            raise ClockError(f"the clock only moves forward, found {format_duration(by)}. Give a span such as 1d")
        with self._database.writing() as connection:
            moved = (connection.scalar(sa.select(CLOCK.c.instant)) or self._start) + by
            put_row(connection, CLOCK, {"name": "project"}, {"instant": moved})
        return moved
