"""Figures, instants and rules read as the examples in their docstrings say."""

from __future__ import annotations

import doctest
from datetime import timedelta
from types import ModuleType

import pytest

from ml_platform.core import formatting as wording
from ml_platform.core.formatting import amount_text, cents_text, money_text, span_text, spread_text
from ml_platform.core.statistics.distributions import Distribution, Spread
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.wording import known_sentence
from ml_platform.reporting.site import distribution_svg as curves
from ml_platform.reporting.site import links
from ml_platform.reporting.site import yaml_highlight as highlight


@pytest.mark.parametrize("module", [curves, highlight, links, wording])
def test_examples_in_docstrings_hold(module: ModuleType) -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize(
    ("known_at", "sentence"),
    [
        ({"delay": "10m"}, "Each row is known 10 minutes after at."),
        ({"delay": "-1d"}, "Each row is known 1 day before at."),
        ({"delay": "0s"}, "Each row is known at at."),
        ({"column": "seen"}, "Each row is known from seen on."),
    ],
)
def test_when_rows_are_known_is_a_sentence(known_at: dict[str, str], sentence: str) -> None:
    declared = {
        "spec_version": 1,
        "name": "sales",
        "description": "",
        "owner": "team:test",
        "reader": {"csv": "sales.csv"},
        "key": ["id"],
        "event_timestamp": "at",
        "known_at": known_at,
        "columns": {"id": "string", "at": "timestamp"},
    }
    assert known_sentence(SourceSpec.model_validate(declared)) == sentence


def test_a_span_is_shown_in_the_largest_unit_that_divides_it() -> None:
    spans = [timedelta(days=1), timedelta(hours=36), timedelta(minutes=90), timedelta(microseconds=250)]
    assert [span_text(span) for span in spans] == ["1 day", "36 hours", "90 minutes", "250 microseconds"]


def test_a_spread_is_shown_in_a_few_words() -> None:
    number = Distribution("number", "", "day", Spread(-1.5, 2.0, 1234.0), ())
    assert spread_text(number, "min") == "median 2, 10 to 90 % −1.5 to 1,234"
    assert spread_text(Distribution("share", "EWR", "day", Spread(None, 0.4, None), ()), "") == "EWR 40.0 %"
    assert spread_text(None, "") == ""


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (0.0123, "0.0123"),
        (-12.5, "−12.5"),
        (8400, "8,400"),
        (40000, "40 k"),
        (184000, "184 k"),
        (2.5e6, "2.5 M"),
        (-3e9, "−3 bn"),
        (None, "–"),
    ],
)
def test_money_has_three_digits_that_count(amount: float | None, text: str) -> None:
    assert money_text(amount) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "0.00 EUR"), (99.994, "99.99 EUR"), (100.5, "100 EUR"), (-1234567.0, "−1,234,567 EUR"), (float("nan"), "–")],
)
def test_an_amount_in_full_has_cents_below_a_hundred(amount: float, text: str) -> None:
    assert amount_text(amount, "EUR") == text


def test_what_a_row_earns_always_has_cents() -> None:
    assert [cents_text(amount, "EUR") for amount in (-1234.5, 0.005, None)] == ["−1,234.50 EUR", "0.01 EUR", "–"]
