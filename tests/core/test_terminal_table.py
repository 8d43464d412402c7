"""Tables and lines at the width of a terminal, and without one."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from ml_platform.core.terminal_table import PlainTable, fact_table, line
from ml_platform.core.terminal_text import SafeConsole

ID = "late_arrival.20131208.07de952cdb3cd9d3"
LONG = "d554bd09351a389ce773112ef72fd80b651e37cd814171c89aef96b517309a8c"


def shown(item: object, width: int | None = None) -> list[str]:
    """Return the lines of something printed at a width; None is a pipe."""
    stream = io.StringIO()
    terminal = {} if width is None else {"force_terminal": True, "color_system": None, "width": width}
    SafeConsole(file=stream, **terminal).print(item)
    return [text.rstrip() for text in stream.getvalue().splitlines()]


def predictions() -> PlainTable:
    table = PlainTable("prediction_id", "flight", "score", "action", "why", whole={0, 1, 3}, right={2}, spare=(1,))
    table.add_row(ID, "20131208-DL1247-LGA", "0.371", "rebook", "it is late more often than the others")
    return table


def test_a_wide_terminal_has_every_column() -> None:
    head, row = shown(predictions(), 150)
    assert head.split() == ["prediction_id", "flight", "score", "action", "why"]
    assert row.split()[:4] == [ID, "20131208-DL1247-LGA", "0.371", "rebook"]


def test_a_narrow_terminal_breaks_words_first_and_then_leaves_out_what_may_be_missing() -> None:
    lines = shown(predictions(), 80)
    assert lines[1].split()[:3] == [ID, "0.371", "rebook"]
    assert lines[-1] == "not shown at this width: flight; --json has everything"
    assert len(lines) > 3


def test_where_even_that_does_not_fit_each_row_is_a_block() -> None:
    head, first, *others = shown(predictions(), 44)
    assert (head, first) == ("prediction_id", ID)
    assert all(text.startswith("  ") for text in others)
    joined = " ".join(text.strip() for text in others)
    assert (
        joined
        == "flight: 20131208-DL1247-LGA · score: 0.371 · action: rebook · why: it is late more often than the others"
    )


def test_a_value_that_would_take_many_lines_makes_each_row_a_block() -> None:
    table = PlainTable("at", "what", "next step", whole={0})
    table.add_row("2013-12-10", "word " * 80, "look at the runs of the job, then run it again")
    assert [text.split()[0] for text in shown(table, 150)[:2]] == ["at", "2013-12-10"]
    head, first, *others = shown(table, 80)
    assert (head, first) == ("at", "2013-12-10")
    assert len(others) <= 7
    assert all(text.startswith("  ") for text in others)
    for width in range(30, 81):  # a head stays beside its value
        assert not any(text.endswith("next") for text in shown(table, width)), width


def test_a_pipe_gets_one_record_a_line_with_tabs_and_nothing_else() -> None:
    table = PlainTable("name", "size", "what", right={1}, indent=2)
    table.add_row("a", "1", "first\nline\tand more")
    table.add_row("b", "200", "")
    assert shown(table) == ["name\tsize\twhat", "a\t1\tfirst line and more", "b\t200"]


def test_a_pipe_never_breaks_or_cuts_a_long_value() -> None:
    table = PlainTable("", "", indent=2)
    table.add_row("x" * 500, "word " * 100)
    assert shown(table) == [f"{'x' * 500}\t{('word ' * 100).strip()}"]
    assert shown(line("word " * 100, indent=2)) == ["  " + ("word " * 100).strip()]


@settings(deadline=None)
@given(st.text("ab %", min_size=1, max_size=300), st.integers(30, 90), st.integers(0, 6), st.integers(0, 6))
def test_continuations_keep_their_indent_and_no_word_is_lost(text: str, width: int, indent: int, hang: int) -> None:
    lines = shown(line(text, indent=indent, hang=hang), width)
    assert " ".join(lines).split() == text.split()
    assert all(len(one) <= width for one in lines)
    assert all(one.startswith(" " * (indent + hang)) for one in lines[1:])


def test_a_figure_and_its_percent_sign_stay_together() -> None:
    for width in range(30, 60):
        assert not any(one.lstrip().startswith("%") for one in shown(line("about 7.1 % of 12.5 % and 3 % " * 5), width))


def test_a_word_that_does_not_fit_beside_its_name_gets_a_separate_line() -> None:
    facts = fact_table([("trained model", LONG), ("rows", "81,002")], indent=2)
    assert shown(facts, 70) == ["  trained model", f"    {LONG}", "  rows           81,002"]
    assert shown(facts, 100) == [f"  trained model  {LONG}", "  rows           81,002"]
    assert shown(facts) == [f"trained model\t{LONG}", "rows\t81,002"]


@pytest.mark.parametrize("width", [None, 40, 120])
def test_control_characters_of_a_value_are_written_out(width: int | None) -> None:
    table = PlainTable("", "")
    table.add_row("a\x1b[2J", Text("b\x1b[1A"))
    assert "a\\x1b[2J" in shown(table, width)[0]
    assert "b\\x1b[1A" in shown(table, width)[0]
