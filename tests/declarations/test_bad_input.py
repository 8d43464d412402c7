"""An expression holds nothing but column arithmetic, comparisons and listed functions; whatever else stands there, and
windows, columns, types and cycles that cannot be, are told whole, with the line and column of their declaration."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.declarations.load.load import load_project
from tests.declarations.ferry import edit, faults

TABLE = "features/ship_recent.yaml"
ALLOWED = "Write columns, values, operators and functions only."
FUNCTIONS = "Known: abs, ceil, coalesce, contains, days and 16 more."
CYCLE = "is a cycle: none of these can be made before the others. Remove one reference."


@pytest.fixture
def ships(ferry: Path) -> Path:
    """The ferry without models, so that only the table is at fault."""
    for model in (ferry / "models").iterdir():
        model.unlink()
    return ferry


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("import os", 21, f"invalid syntax. {ALLOWED}"),
        ("select 1", 29, f"invalid syntax. {ALLOWED}"),
        ("minutes_late; 1", 34, f"invalid syntax. {ALLOWED}"),
        ("lambda: 1", 21, f"a lambda is not part of expressions. {ALLOWED}"),
        ("[x for x in [1]]", 21, f"a comprehension is not part of expressions. {ALLOWED}"),
        ("{x for x in [1]}", 21, f"a comprehension is not part of expressions. {ALLOWED}"),
        ("f'{pier}'", 21, f"an f-string is not part of expressions. {ALLOWED}"),
        ("minutes_late[0]", 21, f"an index in brackets is not part of expressions. {ALLOWED}"),
        ("(late := 1)", 23, f"an assignment is not part of expressions. {ALLOWED}"),
        ("await pier", 21, f"await is not part of expressions. {ALLOWED}"),
        ("{1: 2}", 21, f"a dictionary is not part of expressions. {ALLOWED}"),
        ("pier.name.lower", 21, f"a dot after anything but a table's name is not part of expressions. {ALLOWED}"),
        ("minutes_late.real", 21, "minutes_late.real is not a column. Did you mean minutes_late?"),
        ("minutes_late.__class__", 21, "minutes_late.__class__ is not a column. Did you mean minutes_late?"),
        (
            "__name__",
            21,
            "__name__ is not a column. Known: arrived_at, logged_at, minutes_late, pier, ship and 1 more.",
        ),
        ("__import__('os')", 21, f"__import__ is not a function here. {FUNCTIONS}"),
        ("open('x')", 21, f"open is not a function here. {FUNCTIONS}"),
        ("mean(minutes_late)", 21, f"mean is not a function here. {FUNCTIONS}"),
        ("pier.upper()", 21, f"pier.upper is not a function here. {FUNCTIONS}"),
        ("(lambda: 1)()", 21, f"lambda: 1 is not a function here. {FUNCTIONS}"),
        ("max(*pier)", 21, "max takes its arguments by position."),
        ("minutes_lat", 21, "minutes_lat is not a column. Did you mean minutes_late?"),
    ],
)
def test_an_expression_holds_nothing_else(ships: Path, text: str, column: int, expected: str) -> None:
    edit(ships, TABLE, "{mean: minutes_late,", f'{{mean: "{text}",')
    assert faults(ships) == [f"{TABLE}:11:{column}: features.mean_late.mean: {expected}"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "[1d, 7d]",
            "[0d]",
            ["10:34: features.trips.windows[0] must be positive, found 0d. Give a span of time such as 30d."],
        ),
        (
            "[1d, 7d]",
            "[1d, -7d]",
            ["10:38: features.trips.windows[1] must be positive, found -7d. Give a span of time such as 30d."],
        ),
        (
            "[1d, 7d]",
            "[[2h, 2h]]",
            [
                "10:34: features.trips.windows[0]: window ends at 2h, not after its start 2h. Write the earlier one first."
            ],
        ),
        (
            "[1d, 7d]",
            "[[2h, -1h]]",
            [
                "10:34: features.trips.windows[0]: window ends at -1h, not after its start 2h. Write the earlier one first."
            ],
        ),
        (
            "{last: pier,",
            "{mean: pier,",
            [
                "12:21: features.last_pier.mean must give a bool, a float or an int, found a string. Average a number, or take last or count."
            ],
        ),
        (
            "{last: pier,",
            "{sum: logged_at,",
            [
                "12:20: features.last_pier.sum must give a bool, a float or an int, found a timestamp. Sum a number, or take last or count."
            ],
        ),
        (
            "{last: pier,",
            "{min: pier,",
            [
                "12:20: features.last_pier.min must give a bool, a float, an int or a timestamp, found a string. Take the least of numbers or timestamps, or take last."
            ],
        ),
        (
            "{last: pier,",
            "{share: minutes_late,",
            ["12:22: features.last_pier.share must give a bool, found a float. Write a condition, such as x > 0."],
        ),
        (
            "source: arrivals",
            "source: ship_recent",
            [f"6:9: source: features/ship_recent -> features/ship_recent {CYCLE}"],
        ),
        (
            "last_pier: {last: pier, windows: [ever]}",
            "one: {derived: two + 1}\n  two: {derived: one * 2}",
            [
                f"12:18: features.one.derived: ship_recent.one -> ship_recent.two -> ship_recent.one {CYCLE}",
                f"13:18: features.two.derived: ship_recent.two -> ship_recent.one -> ship_recent.two {CYCLE}",
            ],
        ),
    ],
)
def test_what_cannot_be_is_reported_at_its_line(ships: Path, old: str, new: str, expected: list[str]) -> None:
    edit(ships, TABLE, old, new)
    assert faults(ships) == [f"{TABLE}:{message}" for message in expected]


@pytest.mark.parametrize(
    ("threads", "fault"), [(1, None), (1024, None), (0, "at least 1, found 0."), (1025, "at most 1024, found 1025.")]
)
def test_threads_are_from_1_to_1024(ferry: Path, threads: int, fault: str | None) -> None:
    edit(ferry, "project.yaml", "currency: NOK", f"threads: {threads}\ncurrency: NOK")
    if fault is None:
        assert load_project(ferry, {}).file.threads == threads
    else:
        assert faults(ferry) == [f"project.yaml:5:10: threads must be {fault}"]
