"""At most so many rows a day get an action: against a loop over the rows of each day and run."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.hashing import content_id
from ml_platform.models.capacity import BEST_ACTION, CAPACITY_GAIN, Capacity
from ml_platform.models.rows_to_come import RowsToCome

CALLS = Capacity("call", 3, "Europe/Berlin")


def asked(seed: int, days: int = 12, runs: tuple[int, ...] = (9,), rows: int = 6) -> tuple[np.ndarray, pd.DataFrame]:
    """Return gains, some of them equal, negative or unknown, and the keys of their rows, in no order."""
    draw = np.random.default_rng(seed)
    times = [
        pd.Timestamp("2024-03-25", tz="UTC") + timedelta(days=day, hours=run)
        for day in range(days)
        for run in runs
        for _ in range(int(draw.integers(0, rows)))
    ]
    gain = np.round(draw.normal(0.5, 1, len(times)), 1)
    gain[draw.random(len(times)) < 0.1] = np.nan
    keys = pd.DataFrame(
        {
            "customer": [f"c{number}" for number in range(len(times))],
            "effective_time": pd.Series(times, dtype="datetime64[us, UTC]"),
        }
    )
    order = draw.permutation(len(times))
    return gain[order], keys.iloc[order].reset_index(drop=True)


def by_loop(capacity: Capacity, gain: np.ndarray, keys: pd.DataFrame) -> list[bool]:
    """Return who gets the action, row by row: who is among the best of its run and of what the last week had later."""
    zone, granted = ZoneInfo(capacity.zone), [False] * len(gain)
    local = [time.to_pydatetime().astimezone(zone) for time in keys["effective_time"]]
    clock = [item.replace(tzinfo=None) - item.replace(tzinfo=None, hour=0, minute=0, second=0) for item in local]

    def rank(place: int) -> tuple[float, str]:
        return -gain[place], content_id([keys["customer"][place], keys["effective_time"][place].to_pydatetime()])

    for run in sorted(set(keys["effective_time"])):
        here = [place for place in range(len(gain)) if keys["effective_time"][place] == run and gain[place] > 0]
        if not here:
            continue
        today = local[here[0]].date()
        week = [
            place
            for place in range(len(gain))
            if 0 < (today - local[place].date()).days <= 7 and gain[place] == gain[place]
        ]
        days = max(len({local[place].date() for place in week}), 1)
        taken = sum(granted[place] for place in range(len(gain)) if local[place].date() == today)
        for number, place in enumerate(sorted(here, key=rank), start=1):
            later = [other for other in week if clock[other] > clock[place] and gain[other] > gain[place]]
            granted[place] = number + len(later) / days <= capacity.most - taken
    return granted


@pytest.mark.parametrize("runs", [(9,), (6, 21), (0, 6, 12, 18, 22, 23)])
@pytest.mark.parametrize("seed", range(6))
def test_the_best_rows_of_each_day_get_the_action_as_a_loop_has_it(seed: int, runs: tuple[int, ...]) -> None:
    gain, keys = asked(seed, runs=runs)
    granted = CALLS.granted(gain, keys)
    assert granted.tolist() == by_loop(CALLS, gain, keys)
    assert granted.any()


@pytest.mark.parametrize("seed", range(4))
def test_with_one_run_a_day_they_are_the_best_of_the_day(seed: int) -> None:
    gain, keys = asked(seed, rows=12)
    granted = CALLS.granted(gain, keys)
    for _, places in keys.groupby(keys["effective_time"].dt.date).indices.items():
        wanted = sorted((value for value in gain[places] if value > 0), reverse=True)
        assert sorted(gain[places][granted[places]], reverse=True) == wanted[:3]


def test_the_days_are_those_of_the_zone() -> None:
    times = pd.to_datetime(["2024-07-01T21:00Z", "2024-07-01T22:30Z", "2024-07-01T23:30Z"]).astype(
        "datetime64[us, UTC]"
    )
    keys = pd.DataFrame({"customer": ["a", "b", "c"], "effective_time": times})
    one = Capacity("call", 1, "Europe/Berlin")  # the second and the third are on the next day there
    assert one.granted(np.array([1.0, 2.0, 3.0]), keys).tolist() == [True, True, False]
    assert Capacity("call", 1, "UTC").granted(np.array([1.0, 2.0, 3.0]), keys).tolist() == [True, False, False]


@pytest.mark.parametrize("seed", range(4))
def test_scoring_run_by_run_gives_what_all_at_once_gives(seed: int) -> None:
    gain, keys = asked(seed, runs=(0, 8, 16))
    at_once = CALLS.granted(gain, keys)
    log = pd.DataFrame(columns=["effective_time", "action", CAPACITY_GAIN])
    counts = np.zeros(len(gain), dtype=bool)
    for run in sorted(set(keys["effective_time"])):
        here = np.flatnonzero(keys["effective_time"] == run)
        counts[here] = CALLS.granted(gain[here], keys.iloc[here].reset_index(drop=True), log if len(log) else None)
        action = np.where(counts[here], "call", "wait")
        rows = pd.DataFrame({"effective_time": run, "action": action, CAPACITY_GAIN: gain[here]})
        log = rows if log.empty else pd.concat([log, rows], ignore_index=True)
    assert counts.tolist() == at_once.tolist()


def test_ties_do_not_depend_on_the_order_of_rows() -> None:
    times = pd.Series([pd.Timestamp("2024-07-01", tz="UTC")] * 20).astype("datetime64[us, UTC]")
    keys = pd.DataFrame({"customer": [f"c{number}" for number in range(20)], "effective_time": times})
    granted = CALLS.granted(np.ones(20), keys)
    back = CALLS.granted(np.ones(20), keys.iloc[::-1].reset_index(drop=True))
    assert granted.sum() == 3
    assert granted.tolist() == back[::-1].tolist()
    assert granted.tolist() != [True] * 3 + [False] * 17


def test_rows_whose_action_has_no_place_get_the_best_other_action() -> None:
    expected = pd.DataFrame(
        {"call": [9.0, 8.0, 1.0, np.nan], "mail": [1.0, 3.0, 2.0, 1.0], "wait": [0.0, 0.0, 0.0, 0.0]}
    )
    predicted = pd.DataFrame({"action": ["call", "call", "mail", "wait"], "expected_value": [9.0, 8.0, 2.0, np.nan]})
    times = pd.Series([pd.Timestamp("2024-07-01", tz="UTC")] * 4).astype("datetime64[us, UTC]")
    keys = pd.DataFrame({"customer": list("abcd"), "effective_time": times})
    limited = Capacity("call", 1, "UTC").limited(predicted, expected, keys)
    assert limited["action"].tolist() == ["call", "mail", "mail", "wait"]
    assert limited["expected_value"].tolist()[:3] == [9.0, 3.0, 2.0]
    assert limited["expected_value"].isna().tolist() == [False, False, False, True]
    assert limited[BEST_ACTION].tolist() == predicted["action"].tolist()
    assert limited[CAPACITY_GAIN].tolist()[:3] == [8.0, 5.0, -1.0]


def test_hourly_runs_keep_places_for_the_better_rows_of_the_evening() -> None:
    """Gains grow over the day: who is first served first earns far less than who waits for the evening."""
    draw = np.random.default_rng(3)
    times = pd.Series(pd.date_range("2024-05-01", periods=24 * 30, freq="h", tz="UTC").repeat(20)).astype(
        "datetime64[us, UTC]"
    )
    gain = draw.gamma(1, 1 + times.dt.hour / 6, len(times))
    keys = pd.DataFrame({"customer": range(len(times)), "effective_time": times})
    many = Capacity("call", 40, "UTC")
    granted = many.granted(gain, keys)
    frame = pd.DataFrame({"day": times.dt.date, "gain": gain, "granted": granted})
    last = frame[frame["day"] >= frame["day"].min() + timedelta(days=7)]
    best = last.groupby("day")["gain"].apply(lambda values: np.sort(values)[-40:].sum()).sum()
    first = last.groupby("day")["gain"].apply(lambda values: values.iloc[:40].sum()).sum()
    assert frame.groupby("day")["granted"].sum().max() <= 40
    assert last.groupby("day")["granted"].sum().min() >= 35
    assert last.loc[last["granted"], "gain"].sum() > 0.9 * best > 2 * first


@pytest.mark.parametrize("seed", range(8))
def test_rows_to_come_that_are_not_kept_never_decide(seed: int) -> None:
    draw, most = np.random.default_rng(seed), 4
    days = pd.date_range("2024-03-01", periods=9)
    known = pd.DataFrame({"day": draw.choice(days[:-1], 900), "gain": np.round(draw.normal(0, 1, 900), 1)})
    known["time"] = pd.to_timedelta(draw.integers(0, 24 * 12, 900) * 5, unit="min")
    to_come = RowsToCome.before(days[-1], known, most)
    assert len(to_come.gain) < 400
    week = known[known["day"] >= days[-1] - timedelta(days=7)]
    for _ in range(300):
        gain, time = round(0.1 + abs(float(draw.normal(1, 1))), 1), timedelta(minutes=int(draw.integers(0, 24 * 60)))
        better = ((week["time"] > time) & (week["gain"] > gain)).sum() / week["day"].nunique()
        kept = float(to_come.better(np.array([gain]), time)[0])
        assert kept == better or min(kept, better) >= most
