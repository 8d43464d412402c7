"""What a model is worth, in words; days that come from several monitorings."""

from __future__ import annotations

from typing import Any

import pytest

from ml_platform.reporting.overview import worth as module
from ml_platform.reporting.overview.worth import DayWorth, Worth, realized_worth, worth_by_day


def realized(**changed: Any) -> dict[str, Any]:
    interval = {"low": 10.0, "high": 190.0, "days": 9, "effective_days": 9.0}
    facts = {"rows": 90, "uplift": 100.0, "do_nothing": -40.0, "expected": 80.0, "interval": interval}
    return facts | {"start": "2024-03-01T00:00:00Z", "end": "2024-03-09T12:00:00Z", "days": []} | changed


def test_expected_is_beyond_doing_nothing_too() -> None:
    worth = realized_worth(realized(), "EUR")
    assert worth is not None
    assert (worth.gain, worth.expected, worth.rows) == (100.0, 120.0, 90)
    assert (worth.start, worth.end, worth.basis) == ("2024-03-01", "2024-03-09", "9 days")


@pytest.mark.parametrize("facts", [None, {}, realized(rows=0)])
def test_without_a_settled_prediction_nothing_is_worth(facts: dict[str, Any] | None) -> None:
    assert realized_worth(facts, "EUR") is None


@pytest.mark.parametrize(
    ("low", "high", "sureness"),
    [
        (10.0, 190.0, "earns"),
        (-10.0, 190.0, "could be luck"),
        (0.0, 190.0, "could be luck"),
        (-190.0, -10.0, "loses"),
        (None, None, "too few days to say"),
    ],
)
def test_only_the_interval_decides_how_sure_it_is(low: float | None, high: float | None, sureness: str) -> None:
    assert Worth(100.0, low, high, None, 9, "", "", "EUR", "9 days").sureness == sureness


def test_a_loss_and_a_missing_interval_are_reported() -> None:
    declined = "too few days to say: 3, at least 4 are needed"
    found = realized_worth(realized(uplift=-7.25, interval={"days": 3, "declined": declined}, expected=None), "EUR")
    assert found is not None
    assert found.text == f"earned 7.25 EUR less than doing nothing (assumed effect; {declined})"


def test_a_control_group_makes_the_gain_a_measured_effect() -> None:
    effect = {"figure": 70.0, "low": 5.0, "high": 135.0, "acted": 60, "held_out": 31, "days": 8, "effective_days": 8.0}
    found = realized_worth(realized(effect=effect), "EUR")
    assert found is not None
    assert (found.gain, found.low, found.high, found.basis) == (70.0, 5.0, 135.0, "8 days")
    against = "measured effect, against 31 rows held out; 95 % interval 5.00 to 135.00; 120.00 expected"
    assert found.text == f"earned 70.00 EUR more than doing nothing ({against})"
    assert found.short_text == "70.00 EUR (measured; 120.00 expected)"


def test_a_group_that_is_too_small_leaves_the_effect_assumed_and_says_why() -> None:
    effect = {"figure": None, "declined": "the groups are too small: 60 acted on and 3 held out", "held_out": 3}
    found = realized_worth(realized(effect=effect), "EUR")
    assert found is not None
    assert (found.gain, found.low, found.held_out) == (100.0, 10.0, None)
    assert "(assumed effect, since the groups are too small: 60 acted on and 3 held out; 95 %" in found.text
    assert found.short_text == "100 EUR (assumed; 120 expected)"


def test_how_often_the_advice_was_followed_is_a_share_of_the_rows_that_count() -> None:
    every = realized_worth(realized(followed=90, reported=90), "EUR")
    some = realized_worth(realized(followed=45, reported=60), "EUR")
    assert every is not None
    assert some is not None
    assert every.followed_text == "The recommended action was taken on 100 % of 90 rows."
    assert some.followed_text == (
        "The recommended action was taken on 50.0 % of 90 rows; 30 have no report and count as doing nothing."
    )


def test_each_day_is_as_the_newest_monitoring_has_it_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of four days, one a day: each day is that of the newest window that does not begin in it."""

    def day(number: int, value: float) -> dict[str, Any]:
        return {"day": f"2024-03-{number:02d}", "rows": 1, "value": value, "expected": None, "do_nothing": 1.0}

    looks: dict[str, dict[str, Any]] = {}
    for last in range(20, 3, -1):
        days = [day(number, 100.0 * number + last) for number in range(last - 3, last + 1)]
        start, end = f"2024-03-{last - 3:02d}T12:00:00Z", f"2024-03-{last:02d}T12:00:00Z"
        looks[f"look {last}"] = {"days": days, "start": start, "end": end}
    read: list[str] = []

    def one(_: object, id: str) -> dict[str, Any]:
        read.append(id)
        return looks[id]

    monkeypatch.setattr(module, "past_outputs", lambda *_: list(looks))
    monkeypatch.setattr(module, "_realized", one)

    class Opened:
        database = None

    worth = worth_by_day(Opened(), "m", 30)  # type: ignore[arg-type]
    expected = {}
    for number in range(1, 21):
        full = [last for last in range(4, 21) if last - 3 < number <= last] or [number + 3]
        expected[number] = 100.0 * number + max(full) - 1.0
    assert [item.day for item in worth] == [f"2024-03-{number:02d}" for number in range(1, 21)]
    assert all(isinstance(item, DayWorth) for item in worth)
    for number, item in enumerate(worth, start=1):
        assert round(item.gain / 100) == number
    assert worth[-1].gain == expected[20]
    assert [item.gain for item in worth_by_day(Opened(), "m", 2)] == [expected[19], expected[20]]  # type: ignore[arg-type]
