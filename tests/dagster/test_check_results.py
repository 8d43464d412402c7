"""What the UI shows of a check without a click: the description of its result."""

from __future__ import annotations

from ml_platform.sources.checks.results import CheckResult
from ml_platform_dagster.assets.checks import check_result

SUMMARY = {"problem": "failed for 12 of 40 rows", "expectation": "column_values_to_be_between"}
ROWS = [{"order_id": f"o{number}", "amount": 99_999.0} for number in range(10)]


def described(result: CheckResult) -> str:
    return check_result("sources/orders", result).description or ""


def test_a_failed_expectation_shows_three_rows_and_what_to_do() -> None:
    text = described(CheckResult("amount", False, "error", SUMMARY, ROWS))
    assert text.startswith("failed for 12 of 40 rows")
    assert [name in text for name in ("o0", "o1", "o2", "o3")] == [True, True, True, False]
    assert text.endswith("Repair the data, or change the expectation, and materialize it again.")


def test_a_warning_asks_for_nothing_and_what_passed_shows_no_row() -> None:
    warning = described(CheckResult("amount", False, "warn", SUMMARY, ROWS))
    assert "o0" in warning
    assert "Repair" not in warning
    assert described(CheckResult("amount", True, "error", {"rows": 40}, ROWS)) == "Passed."
