"""Which actions were taken, as a source reports them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.core.errors import DeclarationError
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.predictions.taken_actions import TAKEN, taken_actions, taken_node, with_taken
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from tests.shop_project import open_shop

CALLS = """\
reader: {csv: data/calls.csv}
key: [prediction_id]
event_timestamp: at
known_at: {delay: 0s}
columns:
  prediction_id: {type: string, required: true}
  action: string
  at: {type: timestamp, required: true}
"""
MODEL = "late_parcel"


def with_reports(directory: Path, source: str = CALLS) -> Project:
    open_shop(directory)
    (directory / "sources/calls.yaml").write_text(source)
    path = directory / f"models/{MODEL}.yaml"
    path.write_text(path.read_text().replace("do_nothing: wait", "do_nothing: wait\n  taken: calls"))
    return open_project(directory)


def reported(directory: Path, *rows: str) -> None:
    (directory / "data").mkdir(exist_ok=True)
    (directory / "data/calls.csv").write_text("\n".join(["prediction_id,action,at", *rows, ""]))


def test_the_last_report_that_is_known_counts(tmp_path: Path) -> None:
    project = with_reports(tmp_path)
    node = taken_node(project, MODEL)
    assert node == NodeName("source", "calls")
    reported(tmp_path, "a,upgrade,2024-03-01T10:00:00Z", "b,wait,2024-03-01T10:00:00Z")
    first = datetime(2024, 3, 1, 12, tzinfo=UTC)
    ingest_source(project, "calls", first)
    reported(tmp_path, "a,wait,2024-03-01T10:00:00Z", "b,wait,2024-03-01T10:00:00Z", "c,upgrade,2024-03-01T15:00:00Z")
    made = ingest_source(project, "calls", datetime(2024, 3, 2, tzinfo=UTC)).made.artifact
    ids = pd.Series(["b", "a", "x", "c"], index=[3, 1, 4, 1], dtype=object)
    actions = taken_actions(project, node, made.id, ids, datetime(2024, 3, 3, tzinfo=UTC))
    assert actions.tolist() == ["wait", "wait", None, "upgrade"]
    assert actions.index.tolist() == [3, 1, 4, 1]
    assert taken_actions(project, node, made.id, ids, first).tolist() == ["wait", "upgrade", None, None]


def test_before_the_first_report_nothing_is_known_and_without_a_source_nothing_is_added(tmp_path: Path) -> None:
    rows = pd.DataFrame({"prediction_id": ["a"], "action": ["wait"]})
    now = datetime(2024, 3, 1, tzinfo=UTC)
    project = with_reports(tmp_path / "with")
    assert with_taken(project, MODEL, rows, now)[TAKEN].tolist() == [None]
    assert with_taken(open_shop(tmp_path / "without"), MODEL, rows, now) is rows


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "  action: string\n",
            "",
            "needs calls to have a column action of type string, and it has no such column. Declare it",
        ),
        (
            "  action: string\n",
            "  action: int\n",
            "needs calls to have a column action of type string, and it has it as int. Declare it",
        ),
        (
            "key: [prediction_id]",
            "key: [prediction_id, at]",
            "needs calls to have the key [prediction_id], found prediction_id, at. Correct its key",
        ),
    ],
)
def test_a_source_that_cannot_report_is_a_fault(tmp_path: Path, old: str, new: str, fault: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        with_reports(tmp_path, CALLS.replace(old, new))
    assert f"models/{MODEL}.yaml:19:10: value.taken: {fault}" in str(caught.value)


def test_an_unknown_source_is_named(tmp_path: Path) -> None:
    open_shop(tmp_path)
    path = tmp_path / f"models/{MODEL}.yaml"
    path.write_text(path.read_text().replace("do_nothing: wait", "do_nothing: wait\n  taken: deliverys"))
    with pytest.raises(DeclarationError, match=r"value.taken.*deliverys.*deliveries"):
        open_project(tmp_path)
