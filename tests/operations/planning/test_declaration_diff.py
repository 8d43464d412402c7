"""What changed in a declaration is named by the keys under which a person finds it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from ml_platform.cli.plan import print_plan
from ml_platform.cli.plan_text import conclusion
from ml_platform.core.formatting import elapsed_text
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.operations.planning.declaration_diff import changed_keys, declared_change
from ml_platform.operations.planning.plan import Plan, Planned


def test_only_the_keys_that_differ_are_named() -> None:
    before = {"refresh": "1h", "features": {"a": {"mean": "x", "windows": ["1d"]}, "b": {"count": True}}}
    after = {"refresh": "1h", "features": {"a": {"mean": "x", "windows": ["2d"]}, "c": {"count": True}}}
    assert sorted(changed_keys(before, after)) == ["features.a.windows", "features.b", "features.c"]
    assert list(changed_keys(before, before)) == []


def test_keys_of_a_table_are_distinguished_from_those_of_its_source() -> None:
    before = {"declaration": {"table": {"where": "a > 1"}, "rows": {"key": ["id"]}}, "code": "feature_table-2"}
    after = {"declaration": {"table": {"where": "a > 2"}, "rows": {"key": ["no"]}}, "code": "feature_table-2"}
    assert declared_change(before, after, "feature_table") == ["its declaration changed (where, its source's key)"]


def test_code_of_the_project_is_distinguished_from_that_of_the_platform() -> None:
    def with_code(code: str) -> dict[str, object]:
        return {"declaration": {}, "code": code}

    mine = declared_change(with_code("trained_model-1-aaaa"), with_code("trained_model-1-bbbb"), "trained_model")
    yours = declared_change(with_code("trained_model-1"), with_code("trained_model-2"), "trained_model")
    assert mine == ["its project code changed"]
    assert yours == ["this version of the platform computes it differently"]


def test_where_nothing_was_recorded_nothing_is_claimed() -> None:
    assert declared_change(None, {"declaration": {"split": 1}, "code": "snapshot-1"}, "snapshot") == []


NOW = datetime(2024, 3, 1, tzinfo=UTC)


def planned(name: str, verdict: str, seconds: float | None = 0.0) -> Planned:
    took = None if seconds is None else timedelta(seconds=seconds)
    return Planned(name, "source", verdict, None, (), took)  # type: ignore[arg-type]


def test_a_plan_is_summed_up_by_what_would_and_what_may_run() -> None:
    nodes = (
        planned("a", "would run", 30),
        planned("b", "would run", 45),
        planned("c", "would run", None),
        planned("d", "may run", 3),
        planned("e", "blocked"),
        planned("f", "up to date"),
    )
    assert list(conclusion(Plan("p", NOW, nodes))) == [
        "1 step is up to date.",
        "3 steps would run: about 1 min, and steps of unknown duration.",
        "1 step may run, if what comes before changes what it reads: about 3.0 s if it does.",
        "1 step cannot run: e.",
        "No duration estimate (never run before): c.",
    ]
    plan_document = Plan("p", NOW, nodes).as_json()
    assert (
        plan_document["would_run_seconds"],
        plan_document["may_run_seconds"],
        plan_document["never_made_before"],
    ) == (75, 3, ["c"])


def test_a_plan_whose_durations_are_known_has_the_total() -> None:
    nodes = (planned("a", "would run", 30), planned("b", "may run", 600), planned("c", "may run", 30))
    assert list(conclusion(Plan("p", NOW, nodes))) == [
        "1 step would run: about 30 s.",
        "2 steps may run, if what comes before changes what they read: about 10 min if they do.",
        "In total: about 30 s, or about 11 min if all of them run.",
    ]


def test_each_cause_is_printed_once_for_a_model_and_a_consequence_never() -> None:
    due = "a scheduled retraining is due"
    nodes = (
        Planned("m/snapshot", "snapshot", "would run", None, (due,)),
        Planned("m/trained_model", "trained_model", "may run", None, ("m/snapshot would run, which may change it",)),
        Planned("m/predictions", "predictions", "would run", None, (due, "a day is not scored")),
        Planned("n/snapshot", "snapshot", "would run", None, (due,)),
        Planned("n/parity", "parity", "up to date", "x"),
    )
    stream = io.StringIO()
    print_plan(Plan("p", NOW, nodes), SafeConsole(file=stream))
    steps = [text.split("\t") for text in stream.getvalue().splitlines() if "/" in text]
    assert [[step[0], *step[3:]] for step in steps] == [
        ["m/snapshot", due],
        ["m/trained_model"],
        ["m/predictions", "a day is not scored"],
        ["n/snapshot", due],
    ]


def test_a_plan_without_work_is_printed_as_one_line() -> None:
    stream = io.StringIO()
    print_plan(Plan("p", NOW, (planned("a", "up to date"),)), SafeConsole(file=stream))
    assert stream.getvalue() == "p at 2024-03-01 00:00 UTC. Nothing to do: the one step is up to date.\n"


def test_a_plan_without_work_is_reported() -> None:
    nodes = (planned("a", "up to date"), planned("b", "up to date"))
    assert list(conclusion(Plan("p", NOW, nodes))) == ["Nothing to do: all 2 steps are up to date."]


def test_spans_are_shown_as_roughly_as_they_are_known() -> None:
    texts = [elapsed_text(timedelta(seconds=seconds)) for seconds in (0, 0.04, 2.34, 9.99, 12.4, 59.7, 89, 91, 7260)]
    assert texts == ["0.1 s", "0.1 s", "2.3 s", "10.0 s", "12 s", "1 min", "1 min", "2 min", "2 h 1 min"]
