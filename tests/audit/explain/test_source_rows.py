"""The source rows behind features against loops: every aggregate and window, ties, corrections, nulls and joins."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ml_platform.audit.explain.inputs import inputs_of_rows
from ml_platform.audit.explain.source_rows import traced_rows
from ml_platform.audit.explain.source_rows_types import TICK, Answers, TableQuestions
from ml_platform.declarations.serialized import kept_declarations
from ml_platform.features.build import build_feature_table
from ml_platform.models.inputs.columns import InputColumn
from ml_platform.operations.predictions.logged import Logged
from ml_platform.operations.predictions.recompute_features import features_then
from ml_platform.project import Project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.manifest import Artifact
from tests.datasets import test_joins as joins
from tests.features import feature_tables as tables
from tests.features import oracle
from tests.features.world import at

QUESTIONS = [(shop, at(hour)) for shop in ("a", "b", "c", "nobody", None) for hour in (-5, 0, 1, 2, 4, 7, 12)]


def source_rows(project: Project, artifact: Artifact, limit: int | None = None) -> Answers:
    """What is behind all features at all questions."""
    spec = project.spec.feature_tables["recent"]
    ticks = pd.Series([tick for _, tick in QUESTIONS], dtype="datetime64[us, UTC]")
    asked = pd.DataFrame({"shop": pd.Series([shop for shop, _ in QUESTIONS], dtype=object), TICK: ticks})
    with project.engine() as engine:
        (answers,) = traced_rows(project, engine, [TableQuestions(spec, artifact, asked, list(spec.columns))], limit)
    return answers


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(tables.ROW, min_size=12, max_size=60, unique_by=lambda row: (row["id"], row["seen"])))
def test_the_rows_of_every_feature_are_those_of_the_loop_and_give_its_value(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    project = tables.project_of(tmp_path_factory.mktemp("world"), rows, tables.declared())
    artifact = tables.built(project, at(20))
    values = tables.answers(project, artifact, QUESTIONS)
    traced = source_rows(project, artifact)
    for (shop, tick), answer in zip(QUESTIONS, values, strict=True):
        for name, (how, value, where, _) in tables.AGGREGATES.items():
            for label, (start, end) in tables.WINDOWS.items():
                traced_rows_of = traced[shop, tick][f"{name}_{label}"]
                seen = [r for r in oracle.visible(rows, shop, tick, start, end) if where is None or where(r)]
                seen.sort(key=lambda r: (r["at"], r["seen"], r["id"]), reverse=True)
                assert [(row.values["id"], row.event, row.known) for row in traced_rows_of.rows] == [
                    (r["id"], r["at"], r["seen"]) for r in seen
                ]
                assert (traced_rows_of.count, traced_rows_of.start, traced_rows_of.end) == (
                    len(seen),
                    None if start is None else tick + start,
                    tick + end,
                )
                if value is not None:
                    assert [row.value for row in traced_rows_of.rows] == [value(r) for r in seen]
                    assert traced_rows_of.nulls == sum(value(r) is None for r in seen)
                agreed(how, traced_rows_of.rows, answer[f"recent.{name}_{label}"], tick)


def agreed(how: str, rows: Any, value: Any, tick: datetime) -> None:
    """Hold the listed rows against the feature's value: aggregated again, and the one that is said to tell it."""
    plain = [{"id": row.values["id"], "at": row.event, "seen": row.known, "value": row.value} for row in rows]
    expected = oracle.aggregate(how, plain, lambda row: row["value"], tick)
    assert tables.same(value, expected, "spread" if how == "std" else how)
    deciding = [row for row in rows if row.gives_value]
    if how in ("first", "last", "min", "max"):
        assert [row.value for row in deciding] == ([] if value is None else [value])
    elif how == "time_since_last":
        assert deciding == list(rows[:1])
    else:
        assert deciding == []


def test_a_row_that_decides_is_listed_at_any_position(tmp_path: Path) -> None:
    rows = [tables.row(f"r{hour}", hour, amount=9.0 if hour == 1 else 1.0) for hour in range(1, 8)]
    table = tables.one_table({"max": "amount"}, ["1d"])
    project = tables.project_of(tmp_path, rows, table)
    traced = source_rows(project, tables.built(project, at(20)), limit=2)["a", at(7)]["f_1d"]
    assert [(row.values["id"], row.gives_value) for row in traced.rows] == [("r7", False), ("r6", False), ("r1", True)]
    assert traced.count == 7


@pytest.mark.parametrize(
    ("how", "values", "formula"),
    [
        ({"ratio": {"sum": "amount", "over": "items"}}, [2.5, None], "sum of amount over sum of items"),
        ({"quantile": {"of": "items", "level": 0.9}}, [4, 3], "quantile 0.9 of items"),
        ({"mode": "kind"}, ["y", "x"], "mode of kind"),
    ],
)
def test_a_feature_that_follows_from_many_rows_lists_them_and_none_decides(
    tmp_path: Path, how: dict[str, Any], values: list[Any], formula: str
) -> None:
    rows = [tables.row("r1", 1, amount=None, items=3, kind="x"), tables.row("r2", 2, amount=2.5, items=4, kind="y")]
    project = tables.project_of(tmp_path, rows, tables.one_table(how, ["1d"]))
    traced = source_rows(project, tables.built(project, at(20)))["a", at(7)]["f_1d"]
    assert [(row.value, row.gives_value) for row in traced.rows] == [(value, False) for value in values]
    assert traced.nulls == values.count(None)
    assert project.spec.feature_tables["recent"].features["f"].formula == formula


def test_the_condition_of_the_table_excludes_rows(tmp_path: Path) -> None:
    rows = [tables.row("x1", 1), tables.row("y1", 2, kind="y"), tables.row("n1", 3, kind=None)]
    project = tables.project_of(tmp_path, rows, tables.one_table({"count": True}, ["1d"], where="kind == 'x'"))
    traced = source_rows(project, tables.built(project, at(20)))["a", at(7)]["f_1d"]
    assert [row.values for row in traced.rows] == [{"id": "x1", "kind": "x"}]


def test_rows_are_traced_through_joins_and_at_the_entity_that_another_row_names(tmp_path: Path) -> None:
    """Asked at 9:00: the wind of 8:00 at both airports, and N1 flies for DL since 5:00."""
    project = joins.project_of(tmp_path)
    ids = {f"sources/{name}": ingest_source(project, name, at(20)).made.artifact.id for name in joins.SOURCES}
    for name, declared in joins.FEATURES.items():
        made = build_feature_table(project, name, ids[f"sources/{declared['source']}"])
        ids[f"features/{name}"] = made.artifact.id
    explanation = explained(project, ids)
    assert {id: {name: item.value for name, item in of.items()} for id, of in explanation.items()} == {
        "f1": {"here.wind": 5.0, "there.wind": 20.0, "carrier.late_1d": 4.0},
        "f2": {"here.wind": 20.0, "there.wind": 5.0, "carrier.late_1d": 30.0},
        "f3": {"here.wind": 5.0, "there.wind": None, "carrier.late_1d": None},
    }
    rows = {
        id: {name: [row.values for row in item.source_rows.rows] for name, item in of.items()}
        for id, of in explanation.items()
    }
    boston, newark = [{"airport": "BOS", "at": at(8), "wind": 20.0}], [{"airport": "EWR", "at": at(8), "wind": 5.0}]
    assert rows == {
        "f1": {"here.wind": newark, "there.wind": boston, "carrier.late_1d": [{"id": "d2", "late": 4}]},
        "f2": {"here.wind": boston, "there.wind": newark, "carrier.late_1d": [{"id": "d1", "late": 30}]},
        "f3": {"here.wind": newark, "there.wind": [], "carrier.late_1d": []},
    }
    assert explanation["f1"]["carrier.late_1d"].source_rows.entity == {"operator": "DL"}
    assert explanation["f3"]["carrier.late_1d"].source_rows.entity == {"operator": None}
    assert all(item.agrees for of in explanation.values() for item in of.values())


def explained(project: Project, ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The inputs of three flights as a log would have them, by flight and column."""
    names = ["f1", "f2", "f3"]
    instants = pd.Series([at(9)] * 3, index=names, dtype="datetime64[us, UTC]")
    values = {
        "here.wind": [5.0, 20.0, 5.0],
        "there.wind": [20.0, 5.0, None],
        "carrier.late_1d": [4.0, 30.0, None],
    }
    rows = pd.DataFrame(
        {"prediction_id": names, "trained_model": "t", "id": names, "prediction_time": instants, **values}, index=names
    ).assign(effective_time=instants, late=False, **{"tick.airport_weather": instants, "tick.operations": instants})
    declared = json.loads(json.dumps(kept_declarations(project.spec, "delay")))
    logged = Logged("delay", rows, ("id",), ids, declared, True)
    columns = {"t": [InputColumn(name, "float") for name in values]}
    inputs_by_id, through = inputs_of_rows(project, logged, features_then(project, logged), columns, None, pytest.fail)
    (led,) = through["f1"]
    assert (led.name, led.value, led.gives) == ("aircraft.operator", "DL", "carrier.operator")
    assert led.source_rows is not None
    assert [(row.values, row.gives_value) for row in led.source_rows.rows] == [
        ({"tail": "N1", "at": at(5), "operator": "DL"}, True),
        ({"tail": "N1", "at": at(0), "operator": "UA"}, False),
    ]
    assert inputs_by_id["f1"][0].tick == at(9)
    assert inputs_by_id["f1"][0].table == "airport_weather"
    return {id: {item.name: item for item in inputs} for id, inputs in inputs_by_id.items()}


def test_a_derived_feature_names_what_it_is_derived_from(tmp_path: Path) -> None:
    table = tables.one_table({"mean": "amount"}, ["1h", "1d"])
    table["features"]["trend"] = {"derived": "f_1h - f_1d"}
    project = tables.project_of(tmp_path, [tables.row("r1", 1)], table)
    traced = source_rows(project, tables.built(project, at(20)))["a", at(1)]
    assert (traced["trend"].derived_from, traced["trend"].rows) == (("f_1d", "f_1h"), ())
    assert traced["f_1h"].start == at(1) - timedelta(hours=1)
