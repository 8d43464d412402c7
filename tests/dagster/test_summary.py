"""What a page in the UI begins with: it fits where the UI shows it without a click, and no value is cut off."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform_dagster.assets.metadata import grouped, table, ungrouped
from ml_platform_dagster.assets.summary import summary

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
PICTURES = st.lists(st.integers(10, 300).map(lambda length: f"![x](/{'a' * length}.svg)"), max_size=4)


@given(TEXT, st.lists(TEXT, max_size=4), st.lists(st.tuples(TEXT, TEXT), max_size=8), PICTURES)
def test_a_summary_always_has_fewer_units_than_dagster_shows_in_place(
    verdict: str, facts: list[str], rows: list[tuple[str, str]], pictures: list[str]
) -> None:
    shown = summary(verdict, facts, rows, pictures, ["[page](/pages/x.html)"])["summary"].value
    assert shown is not None
    assert len(shown.encode("utf-16-le")) / 2 < 1000
    assert shown.startswith("**")
    assert all(picture in pictures for picture in re.findall(r"(?<!\\)!\[x\]\([^)]*\)", shown))


def test_a_summary_has_verdict_facts_table_pictures_and_links_in_this_order() -> None:
    summarized = summary(
        "Kept version 1", ["It is 39 % sure."], [("who", "gain"), ("rule", "103 k")], ["![a](/a.svg)"], ["[b](/b)"]
    )
    assert summarized["summary"].value == (
        "**Kept version 1.** It is 39\u00a0% sure.\n\n"
        "| who | gain |\n| --- | --- |\n| rule | 103\u00a0k |\n\n"
        "![a](/a.svg)\n\n[b](/b)"
    )


def test_rows_are_dropped_first_and_the_head_of_a_table_stays() -> None:
    rows = [("name", "figure"), *((f"row {number}", "x" * 60) for number in range(40))]
    shown = str(summary("Verdict", ["A fact."], rows, ["![a](/a.svg)"])["summary"].value)
    assert shown.startswith("**Verdict.** A fact.\n\n| name | figure |\n")
    assert "| row 0 |" in shown
    assert "row 39" not in shown
    assert shown.endswith("![a](/a.svg)")


def test_a_value_of_the_data_adds_no_link_and_no_cell() -> None:
    shown = str(summary("a](javascript:x) | b", table=[("h",), ("<img src=x> | [y](z)",)])["summary"].value)
    assert "\\](javascript" in shown
    assert "\\<img src=x> \\| \\[y\\](z)" in shown


@pytest.mark.parametrize(("length", "is_table"), [(10, True), (60, False)])
def test_a_table_that_is_wider_than_the_column_becomes_a_list_that_wraps(length: int, is_table: bool) -> None:
    rows: list[dict[str, object]] = [
        {"column": "a", "what": "x" * length, "left out": None},
        {"column": "b", "what": "", "left out": 0.5},
    ]
    shown = str(table(rows).value)
    if is_table:
        assert shown.splitlines()[0] == "| column | what | left out |"
    else:
        assert shown.splitlines() == [f"- **a**: what {'x' * length}", "- **b**: left out 0.5"]


def test_a_list_that_begins_with_a_figure_names_it() -> None:
    assert table([{"waiting": 20173, "known by": "x" * 60}]).value == f"- waiting 20,173, known by {'x' * 60}"


@given(st.text("0123456789abcdef", max_size=64))
def test_a_hash_in_groups_is_the_same_hash(hash: str) -> None:
    assert ungrouped(grouped(hash)) == hash
    assert max(map(len, grouped(hash).split(" "))) <= 16
