"""What a model is worth, in words; days that come from several monitorings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ml_platform.reporting.overview import worth as module
from ml_platform.reporting.overview.worth import DayWorth, Worth, realized_worth, worth_by_day
from ml_platform.storage.artifact_kinds.monitoring import RealizedSums


def realized(**changed: Any) -> RealizedSums:
    counts = dict.fromkeys(("settled", "waiting", "superseded", "late", "without_label", "without_payoff"), 0)
    interval = {"low": 10.0, "high": 190.0, "days": 9, "effective_days": 9.0}
    sums = {"rows": 90, "value": 60.0, "uplift": 100.0, "do_nothing": -40.0, "expected": 80.0, "interval": interval}
    stretch = {"start": "2024-03-01T00:00:00Z", "end": "2024-03-09T12:00:00Z", "days": []}
    return RealizedSums.model_validate({**counts, "late_gain": 0.0, **sums, **stretch, **changed})


def test_expected_is_beyond_doing_nothing_too() -> None:
    worth = realized_worth(realized(), "EUR")
    assert worth is not None
    assert (worth.gain, worth.expected, worth.rows) == (100.0, 120.0, 90)
    assert (worth.start, worth.end, worth.basis) == ("2024-03-01", "2024-03-09", "9 days")


def test_predictions_that_do_not_count_are_named_with_their_reason() -> None:
    worth = realized_worth(realized(without_label=650, waiting=1351, late=0), "EUR")
    assert worth is not None
    assert worth.apart == "650 without a label, 1,351 whose label is not known yet"


@pytest.mark.parametrize("facts", [None, realized(rows=0)])
def test_without_a_settled_prediction_nothing_is_worth(facts: RealizedSums | None) -> None:
    assert realized_worth(facts, "EUR") is None


@pytest.mark.parametrize(
    ("low", "high", "sureness"),
    [
        (10.0, 190.0, "earns"),
        (-10.0, 190.0, "could be luck"),
        (0.0, 190.0, "could be luck"),
        (-190.0, -10.0, "loses"),
        (None, None, "too few days"),
    ],
)
def test_only_the_interval_decides_how_sure_it_is(low: float | None, high: float | None, sureness: str) -> None:
    assert Worth(100.0, low, high, None, 9, "", "", "EUR", "9 days").sureness == sureness


def test_a_loss_and_a_missing_interval_are_reported() -> None:
    declined = "too few days: 3, at least 4 are needed"
    worth = realized_worth(realized(uplift=-7.25, interval={"days": 3, "declined": declined}, expected=None), "EUR")
    assert worth is not None
    assert worth.text == f"earned 7.25 EUR less than doing nothing (assumed effect; {declined})"


def test_a_control_group_makes_the_gain_a_measured_effect() -> None:
    effect = {"figure": 70.0, "low": 5.0, "high": 135.0, "acted": 60, "held_out": 31, "days": 8, "effective_days": 8.0}
    worth = realized_worth(realized(effect=effect), "EUR")
    assert worth is not None
    assert (worth.gain, worth.low, worth.high, worth.basis) == (70.0, 5.0, 135.0, "8 days")
    against = "measured effect, against 31 rows held out; 95 % interval 5.00 to 135.00; 120.00 expected"
    assert worth.text == f"earned 70.00 EUR more than doing nothing ({against})"
    assert worth.short_text == "70.00 EUR (measured; 120.00 expected)"


def test_a_group_that_is_too_small_leaves_the_effect_assumed_with_the_reason() -> None:
    effect = {
        "figure": None,
        "declined": "the groups are too small: 60 acted on and 3 held out",
        "acted": 60,
        "held_out": 3,
    }
    worth = realized_worth(realized(effect=effect), "EUR")
    assert worth is not None
    assert (worth.gain, worth.low, worth.held_out) == (100.0, 10.0, None)
    assert "(assumed effect, since the groups are too small: 60 acted on and 3 held out; 95 %" in worth.text
    assert worth.short_text == "100 EUR (assumed; 120 expected)"


def test_how_often_the_advice_was_followed_is_a_share_of_the_rows_that_count() -> None:
    every = realized_worth(realized(followed=90, reported=90), "EUR")
    some = realized_worth(realized(followed=45, reported=60), "EUR")
    assert every is not None
    assert some is not None
    assert every.followed_text == "The recommended action was taken on 100 % of 90 rows."
    assert some.followed_text == (
        "The recommended action was taken on 50.0 % of 90 rows; 30 have no report and count as doing nothing."
    )


def test_the_days_are_the_newest_ones_of_the_last_monitoring(monkeypatch: pytest.MonkeyPatch) -> None:
    days: list[dict[str, Any]] = [
        {"day": f"2024-03-{number:02d}", "rows": number, "value": 10.0 * number, "expected": 5.0, "do_nothing": 1.0}
        for number in range(1, 21)
    ]
    seen = {"last": realized(days=days), "without": realized(), "removed": None}
    monkeypatch.setattr(module, "_realized_since", lambda _, id: seen[id])
    project: Any = SimpleNamespace(database=None)
    for id, expected in (("last", days[-3:]), ("without", []), ("removed", []), (None, [])):
        monkeypatch.setattr(module, "current_output", lambda *_, id=id: id)
        assert worth_by_day(project, "m", 3) == tuple(
            DayWorth(day["day"], day["rows"], day["value"] - 1.0, 4.0) for day in expected
        )
