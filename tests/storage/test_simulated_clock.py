"""The contract of the simulated clock, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ml_platform.core.errors import ClockError
from ml_platform.storage.database import Database
from ml_platform.storage.simulated_clock import SimulatedClock

START = datetime(2013, 12, 1, tzinfo=UTC)


class TestSimulatedClock:
    def test_it_is_at_its_start_until_it_is_moved(self, database: Database) -> None:
        clock = SimulatedClock(database, START)
        assert clock.now() == clock.now() == START

    def test_it_moves_when_it_is_moved_and_every_reader_sees_it(self, database: Database) -> None:
        assert SimulatedClock(database, START).advance(timedelta(days=1)) == START + timedelta(days=1)
        assert SimulatedClock(database, START).advance(timedelta(hours=6)) == START + timedelta(days=1, hours=6)
        assert SimulatedClock(database, START).now() == START + timedelta(days=1, hours=6)

    @pytest.mark.parametrize(("by", "instant"), [(timedelta(0), "0d"), (timedelta(hours=-6), "-6h")])
    def test_it_never_moves_by_itself_nor_goes_back(self, database: Database, by: timedelta, instant: str) -> None:
        clock = SimulatedClock(database, START)
        with pytest.raises(ClockError) as caught:
            clock.advance(by)
        assert str(caught.value) == f"the clock only moves forward, found {instant}. Give a span such as 1d"
        assert clock.now() == START
