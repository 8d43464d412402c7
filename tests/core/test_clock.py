"""Durations, instants, schedules in their zones, ticks."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.core.clock import (
    EPOCH,
    Schedule,
    WallClock,
    format_duration,
    from_micros,
    parse_duration,
    parse_instant,
    read_zone,
    tick_at,
    tick_number,
    to_micros,
)

INSTANTS = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
SPANS = st.timedeltas(timedelta(days=-5000), timedelta(days=5000))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "span"),
        [
            ("2w", timedelta(days=14)),
            ("90d", timedelta(days=90)),
            ("36h", timedelta(hours=36)),
            ("-30m", timedelta(minutes=-30)),
            ("+5s", timedelta(seconds=5)),
            ("250us", timedelta(microseconds=250)),
            (" 0s ", timedelta(0)),
        ],
    )
    def test_a_number_and_a_unit_are_a_duration(self, text: str, span: timedelta) -> None:
        assert parse_duration(text) == span

    @pytest.mark.parametrize("text", ["", "7", "d", "1 d", "1.5h", "1d2h", "1D", "P1D", "1y", "--1d", "1d\n2d"])
    def test_anything_else_is_refused_with_an_example(self, text: str) -> None:
        with pytest.raises(ValueError) as caught:
            parse_duration(text)
        assert str(caught.value) == (
            f"{text!r} is not a duration. Write a number and a unit (w, d, h, m, s, us), such as 30d"
        )

    @pytest.mark.parametrize(
        ("span", "text"),
        [
            (timedelta(days=7), "7d"),
            (timedelta(hours=36), "36h"),
            (timedelta(minutes=-90), "-90m"),
            (timedelta(0), "0d"),
            (timedelta(microseconds=1), "1us"),
            (timedelta(days=1, microseconds=1), "86400000001us"),
        ],
    )
    def test_a_duration_is_written_in_the_largest_unit_that_divides_it(self, span: timedelta, text: str) -> None:
        assert format_duration(span) == text

    @given(SPANS)
    def test_what_is_written_is_read_back(self, span: timedelta) -> None:
        assert parse_duration(format_duration(span)) == span


class TestInstants:
    @given(INSTANTS)
    def test_microseconds_since_1970_lose_nothing(self, instant: datetime) -> None:
        assert from_micros(to_micros(instant)) == instant

    def test_microseconds_count_from_1970_and_are_negative_before(self) -> None:
        assert to_micros(EPOCH) == 0
        assert to_micros(utc("1969-12-31T23:59:59.999999")) == -1
        assert to_micros(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0

    def test_a_naive_instant_is_refused(self) -> None:
        with pytest.raises(TypeError):
            to_micros(datetime(2024, 1, 1))

    def test_the_clock_on_the_wall_is_in_utc(self) -> None:
        before = datetime.now(UTC)
        now = WallClock().now()
        assert before <= now <= datetime.now(UTC)
        assert now.utcoffset() == timedelta(0)


class TestZones:
    def test_a_zone_that_does_not_exist_gets_the_nearest(self) -> None:
        with pytest.raises(ValueError) as caught:
            read_zone("America/New_Yrok")
        assert str(caught.value) == "there is no time zone America/New_Yrok. Did you mean America/New_York?"

    @pytest.mark.parametrize("name", ["", "../etc/passwd", "/etc/localtime", "America"])
    def test_a_zone_is_a_name_and_never_a_path(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"^there is no time zone "):
            read_zone(name)


class TestSchedules:
    def test_ticks_are_strictly_after_and_at_or_before(self) -> None:
        schedule = Schedule("0 * * * * UTC")
        noon = utc("2024-01-01T12:00:00")
        assert next(schedule.after(noon)) == utc("2024-01-01T13:00:00")
        assert next(schedule.after(noon - timedelta(microseconds=1))) == noon
        assert schedule.last(noon) == noon
        assert schedule.last(noon - timedelta(microseconds=1)) == utc("2024-01-01T11:00:00")
        assert schedule.last(utc("2024-01-01T12:59:59.999999")) == noon

    def test_between_leaves_out_its_start_and_keeps_its_end(self) -> None:
        schedule = Schedule("0 6 * * * UTC")
        start, end = utc("2024-01-01T06:00:00"), utc("2024-01-03T06:00:00")
        assert schedule.between(start, end) == [utc("2024-01-02T06:00:00"), end]
        assert schedule.between(start, start) == []

    def test_a_zone_moves_its_ticks_with_daylight_saving(self) -> None:
        schedule = Schedule("0 3 * * * Europe/Berlin")
        instants = schedule.between(utc("2024-03-29T12:00:00"), utc("2024-04-01T12:00:00"))
        assert instants == [utc("2024-03-30T02:00:00"), utc("2024-03-31T01:00:00"), utc("2024-04-01T01:00:00")]

    def test_an_hour_that_spring_leaves_out_is_made_up_for_once(self) -> None:
        schedule = Schedule("30 2 * * * Europe/Berlin")  # on 31 March 2024 clocks go from 02:00 to 03:00
        actual = schedule.between(utc("2024-03-30T00:00:00"), utc("2024-04-01T12:00:00"))
        assert actual == [utc("2024-03-30T01:30:00"), utc("2024-03-31T01:00:00"), utc("2024-04-01T00:30:00")]

    def test_an_hour_that_autumn_repeats_ticks_once_for_a_daily_schedule(self) -> None:
        schedule = Schedule("30 2 * * * Europe/Berlin")  # on 27 October 2024 clocks go from 03:00 back to 02:00
        instants = schedule.between(utc("2024-10-26T12:00:00"), utc("2024-10-28T12:00:00"))
        assert instants == [utc("2024-10-27T00:30:00"), utc("2024-10-28T01:30:00")]

    @pytest.mark.parametrize("day", ["2024-03-31", "2024-10-27", "2024-06-01"])
    def test_an_hourly_schedule_ticks_every_hour_of_the_world(self, day: str) -> None:
        start = utc(f"{day}T00:00:00")
        instants = Schedule("0 * * * * Europe/Berlin").between(start, start + timedelta(hours=6))
        assert instants == [start + timedelta(hours=hour) for hour in range(1, 7)]

    @pytest.mark.parametrize(
        "text", ["0 * * * * UTC", "30 2 * * * Europe/Berlin", "0 3 * * 1 America/New_York", "*/7 * * * * Asia/Kolkata"]
    )
    @given(instant=st.datetimes(datetime(2024, 1, 1), datetime(2024, 12, 31), timezones=st.just(UTC)))
    def test_the_last_tick_and_the_next_enclose_every_instant(self, text: str, instant: datetime) -> None:
        schedule = Schedule(text)
        last, following = schedule.last(instant), next(schedule.after(instant))
        assert last <= instant < following
        assert schedule.between(last, following) == [following]
        assert schedule.last(last) == last

    @pytest.mark.parametrize("day", ["2024-03-10", "2024-03-31", "2024-04-06", "2024-10-05", "2024-10-27"])
    @pytest.mark.parametrize(
        "text",
        [
            "0 * * * * Europe/Berlin",
            "30 2 * * * Europe/Berlin",
            "15 1,2,3 * * * America/New_York",
            "0 3 * * 1 Europe/Rome",
            "30 * * * * Australia/Lord_Howe",
            "0 */2 * * * Australia/Lord_Howe",
        ],
    )
    def test_where_clocks_change_every_instant_lies_between_the_same_ticks(self, text: str, day: str) -> None:
        schedule, start = Schedule(text), utc(f"{day}T00:00:00") - timedelta(hours=3)
        ticks = schedule.between(start - timedelta(days=9), start + timedelta(days=9))
        for minutes in range(0, 14 * 60, 10):
            instant = start + timedelta(minutes=minutes)
            assert schedule.last(instant) == max(tick for tick in ticks if tick <= instant)
            assert next(schedule.after(instant)) == min(tick for tick in ticks if tick > instant)

    def test_ticks_are_instants_in_utc(self) -> None:
        ticks = list(islice(Schedule("0 3 * * * Asia/Tokyo").after(utc("2024-01-01T00:00:00")), 2))
        assert all(tick.utcoffset() == timedelta(0) for tick in ticks)

    def test_schedules_are_equal_by_what_they_mean(self) -> None:
        assert Schedule("0 3 * * * UTC") == Schedule("0  3 * * *  UTC")
        assert Schedule("0 3 * * * UTC") != Schedule("0 4 * * * UTC")
        assert len({Schedule("0 3 * * * UTC"), Schedule("0 3 * * * UTC")}) == 1

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "0 3 * * *",
                "'0 3 * * *' is not a schedule. Write five cron fields and a time zone, such as '0 3 * * 1 UTC'",
            ),
            ("0 3 * * * Berlin", "there is no time zone Berlin. Did you mean Europe/Berlin?"),
            ("0 25 * * * UTC", "'0 25 * * * UTC' is not a schedule: Bad hour. Correct its first five fields"),
        ],
    )
    def test_what_is_no_schedule_is_refused(self, text: str, message: str) -> None:
        with pytest.raises(ValueError) as caught:
            Schedule(text)
        assert str(caught.value) == message


class TestTicks:
    @pytest.mark.parametrize(
        ("at", "tick"),
        [
            ("2024-01-01T12:00:00", "2024-01-01T11:00:00"),  # 12:00 is published only at 12:05
            ("2024-01-01T12:04:59.999999", "2024-01-01T11:00:00"),
            ("2024-01-01T12:05:00", "2024-01-01T12:00:00"),
            ("2024-01-01T13:04:59", "2024-01-01T12:00:00"),
        ],
    )
    def test_a_tick_is_seen_once_it_is_published(self, at: str, tick: str) -> None:
        assert tick_at(utc(at), timedelta(hours=1), timedelta(minutes=5)) == utc(tick)

    @given(
        INSTANTS,
        st.timedeltas(timedelta(seconds=1), timedelta(days=9)),
        st.timedeltas(timedelta(0), timedelta(hours=9)),
    )
    def test_it_is_the_last_whole_multiple_since_1970(
        self, instant: datetime, refresh: timedelta, delay: timedelta
    ) -> None:
        tick = tick_at(instant, refresh, delay)
        assert tick <= instant - delay < tick + refresh
        assert to_micros(tick) % (refresh // timedelta(microseconds=1)) == 0

    @given(
        st.lists(st.integers(-(10**16), 10**16), min_size=1),
        st.timedeltas(timedelta(microseconds=1), timedelta(days=9)),
        st.timedeltas(timedelta(0), timedelta(hours=9)),
    )
    def test_many_instants_have_the_ticks_that_each_has(
        self, micros: list[int], refresh: timedelta, delay: timedelta
    ) -> None:
        step, back = (round(span / timedelta(microseconds=1)) for span in (refresh, delay))
        expected = [math.floor(Fraction(at - back, step)) for at in micros]
        assert tick_number(np.array(micros, "int64"), refresh, delay).tolist() == expected
        assert [tick_number(at, refresh, delay) for at in micros] == expected


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2013-12-01", "2013-12-01T00:00:00"),
        ("2013-12-01T06:00:00Z", "2013-12-01T06:00:00"),
        ("2013-12-01 06:00:00.25+02:00", "2013-12-01T04:00:00.25"),
        ("20131201T0600Z", "2013-12-01T06:00:00"),
    ],
)
def test_an_instant_is_a_day_or_a_time_with_its_zone(text: str, instant: str) -> None:
    assert parse_instant(text) == utc(instant)
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "soon", "2013-13-01", "2013-12-01T06:00", "12:00Z", "x" * 500])
def test_any_other_text_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"(is not an instant|has no time zone)\. Write it in UTC, such as 2013-12-01"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["366001d", "99999999999999d", "-9999999999w", "9" * 5000 + "d"])
def test_a_duration_beyond_all_years_is_refused(text):
    with pytest.raises(ValueError, match="is longer than 1,000 years"):
        parse_duration(text)
