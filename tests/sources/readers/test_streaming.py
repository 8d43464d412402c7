"""Rows that are posted: on the disk once they are acknowledged, each once, and the same as in a file."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.clock import to_micros
from ml_platform.core.engines import DuckDB
from ml_platform.core.errors import SchemaChanged
from ml_platform.features.build import build_feature_table
from ml_platform.features.point_in_time import features_at
from ml_platform.operations.planning.planner import plan_project
from ml_platform.project import Project, open_project
from ml_platform.sources.arrivals import source_fingerprints
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import source_versions
from ml_platform.storage.database_errors import DatabaseUnavailable
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.posted_rows import PostedRows, posted_rows
from tests.features.world import at

PROJECT = "spec_version: 1\nname: shop\nowner: team:shop\ncurrency: EUR\nentities: {customer: [customer]}\n"
CLICKS = """\
spec_version: 1
name: clicks
owner: team:shop
reader: READER
key: [id]
event_timestamp: clicked_at
known_at: {column: received_at}
duplicates: keep_latest
columns: {id: int, customer: string, clicked_at: timestamp, amount: float, received_at: timestamp}
"""
FEATURES = """\
spec_version: 1
name: by_clicks
owner: team:shop
entity: customer
source: clicks
refresh: 5m
publish_delay: 0s
features:
  clicks: {count: true, windows: [1h]}
  spent: {sum: amount, windows: [1h, 1d]}
  newest: {last: amount, windows: [1d]}
"""


def project(directory: Path, reader: str) -> Project:
    (directory / "sources").mkdir(parents=True)
    (directory / "features").mkdir()
    (directory / "project.yaml").write_text(PROJECT)
    (directory / "sources/clicks.yaml").write_text(CLICKS.replace("READER", reader))
    (directory / "features/by_clicks.yaml").write_text(FEATURES)
    return open_project(directory)


def click(id: int, minute: int, amount: float | None = 1.0, customer: str = "ada") -> dict[str, Any]:
    clicked = (at(0) + timedelta(minutes=minute)).isoformat()
    return {"id": id, "customer": customer, "clicked_at": clicked, "amount": amount}


def rows_of(project: Project, now: Any) -> list[dict[str, Any]]:
    return versions_of(project, ingest_source(project, "clicks", now).made.artifact)


def versions_of(project: Project, artifact: Artifact) -> list[dict[str, Any]]:
    with DuckDB(1, "1GB") as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    kept = [{name: value for name, value in row.items() if name != "_ingest"} for row in rows]
    return sorted(kept, key=lambda row: (row["id"], row["_known"]))


def cells_of(project: Project, table: Artifact, end: datetime) -> list[dict[str, Any]]:
    """Return the features of every customer at each quarter of an hour."""
    times = [at(0) + timedelta(minutes=15 * step) for step in range(int((end - at(0)) / timedelta(minutes=15)) + 8)]
    asked = [(customer, time) for customer in ("ada", "bob", "eve") for time in times]
    rows = pa.table(
        {
            "place": list(range(len(asked))),
            "customer": [who for who, _ in asked],
            "when": pa.array([to_micros(time) for _, time in asked], pa.int64()),
        }
    )
    columns = list(project.spec.feature_tables["by_clicks"].columns)
    keys = {"customer": "customer"}
    with DuckDB(1, "1GB") as engine:
        features = features_at(project, engine, table, rows, keys=keys, instant="when", columns=columns)
        return features.to_pylist()


def test_declared_keys_follow_from_the_reader(tmp_path: Path) -> None:
    made = project(tmp_path, "{streaming: true}")
    text = CLICKS.replace("READER", "{streaming: true}").replace(
        "known_at: {column: received_at}\nduplicates: keep_latest\n", ""
    )
    (tmp_path / "sources/clicks.yaml").write_text(text.replace(", received_at: timestamp", ""))
    assert open_project(tmp_path).spec.sources["clicks"] == made.spec.sources["clicks"]


def test_before_the_first_row_the_source_is_empty_and_no_error(tmp_path: Path) -> None:
    made = project(tmp_path, "{streaming: true}")
    assert rows_of(made, at(1)) == []


def test_a_row_that_is_sent_twice_is_not_new_and_another_of_its_key_is_a_correction(tmp_path: Path) -> None:
    made = project(tmp_path, "{streaming: true}")
    rows = posted_rows(made.state, "clicks")
    assert rows.add([click(1, 0), click(2, 1)], ["id"], to_micros(at(1))) == 2
    assert rows.add([click(2, 1), click(3, 2)], ["id"], to_micros(at(2))) == 1
    assert len(rows_of(made, at(3))) == 3
    before = source_fingerprints(made, at(3))
    assert rows.add([click(1, 0)], ["id"], to_micros(at(4))) == 0
    assert source_fingerprints(made, at(4)) == before
    assert rows.add([click(1, 0, amount=5.0)], ["id"], to_micros(at(4))) == 1
    assert source_fingerprints(made, at(4)) != before
    first, second = [row for row in rows_of(made, at(5)) if row["id"] == 1]
    assert (first["amount"], second["amount"]) == (1.0, 5.0)
    assert first["_until"] == second["_known"] == to_micros(at(4))


@pytest.mark.parametrize("seed", range(3))
def test_streamed_rows_give_what_the_same_rows_in_a_file_give(tmp_path: Path, seed: int) -> None:
    """The oracle is the Parquet reader: the rows with their instants of reception, read at once."""
    drawn, received = random.Random(seed), dict[int, Mapping[str, Any]]()
    live = project(tmp_path / "live", "{streaming: true}")
    rows, minute = posted_rows(live.state, "clicks"), 0
    for _ in range(40):
        minute += drawn.randrange(1, 30)
        now = at(0) + timedelta(minutes=minute)
        batch = [
            click(drawn.randrange(10**6), minute - drawn.randrange(90), drawn.choice([None, 1.5, -2.0]), customer)
            for customer in drawn.choices(["ada", "bob", "eve"], k=drawn.randrange(1, 5))
        ]
        assert rows.add(batch, ["id"], to_micros(now)) == len(batch)
        received |= {row["id"]: {**row, "received_at": now} for row in batch}
        if drawn.random() < 0.3:
            ingest_source(live, "clicks", now)
    file = project(tmp_path / "file", "{parquet: clicks.parquet}")
    table = pa.Table.from_pylist(list(received.values()))
    clicked = pa.array([pa.scalar(text).as_py() for text in table["clicked_at"].to_pylist()])
    table = table.set_column(table.column_names.index("clicked_at"), "clicked_at", clicked)
    pq.write_table(table, tmp_path / "file/clicks.parquet")
    end = at(0) + timedelta(minutes=minute)
    cells = []
    for made in (live, file):
        source = ingest_source(made, "clicks", end).made.artifact
        built = build_feature_table(made, "by_clicks", source.id).artifact
        cells.append((versions_of(made, source), cells_of(made, built, end)))
    assert cells[0] == cells[1]


def test_only_what_was_appended_is_reread(tmp_path: Path) -> None:
    made = project(tmp_path, "{streaming: true}")
    rows, spec = posted_rows(made.state, "clicks"), made.spec.sources["clicks"]
    rows.add([click(1, 0), click(2, 1)], ["id"], to_micros(at(1)))
    (part,) = spec.reader.parts(made, spec)  # type: ignore[attr-defined]
    end = part.end()
    rows.add([click(3, 2)], ["id"], to_micros(at(2)))
    (part,) = spec.reader.parts(made, spec)  # type: ignore[attr-defined]
    appended = part.since(end, 2)
    assert [row["id"] for table in appended.tables() for row in table.to_pylist()] == [3]
    assert appended.first_row == 2
    rows.remove(lambda row: row["id"] == 1)
    (part,) = spec.reader.parts(made, spec)  # type: ignore[attr-defined]
    assert part.since(end, 2) is None


def test_removed_rows_are_in_no_page_of_the_file(tmp_path: Path) -> None:
    rows = PostedRows(tmp_path / "posted/clicks.sqlite")
    rows.add([click(number, 0, customer=f"customer-{number}-x") for number in range(500)], ["id"], 1)
    assert rows.remove(lambda row: row["customer"] == "customer-77-x") == 1
    content = b"".join(path.read_bytes() for path in (tmp_path / "posted").iterdir())
    assert b"customer-77-x" not in content
    assert b"customer-78-x" in content
    assert rows.count() == (500, 499)


def test_a_column_of_another_type_than_before_is_an_error_that_names_it(tmp_path: Path) -> None:
    made = project(tmp_path, "{streaming: true}")
    posted_rows(made.state, "clicks").add([click(1, 0)], ["id"], to_micros(at(1)))
    path = tmp_path / "sources/clicks.yaml"
    path.write_text(path.read_text().replace("customer: string", "customer: int"))
    with pytest.raises(SchemaChanged, match="column customer is declared int, and a row was posted when it was not"):
        ingest_source(open_project(tmp_path), "clicks", at(2))


@pytest.mark.slow
def test_no_acknowledged_row_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    """Writers are killed at random; what each acknowledged is there once, whatever a sender repeats."""
    path, acknowledged, drawn = tmp_path / "posted/clicks.sqlite", set[int](), random.Random(4)
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from ml_platform.storage.posted_rows import PostedRows
        rows, start = PostedRows(Path(sys.argv[1])), int(sys.argv[2])
        for number in range(start, start + 10**6):
            rows.add([{"id": number}, {"id": number - 1}], ["id"], number)
            print(number, flush=True)
    """)
    trials = int((os.environ.get("ML_PLATFORM_PROVE") and 100) or 8)
    for trial in range(trials):
        command = [sys.executable, "-c", program, str(path), str(trial * 10**6 + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(drawn.randrange(1, 60)):
                acknowledged.add(int(process.stdout.readline()))
            os.kill(process.pid, signal.SIGKILL)
            acknowledged |= {int(line) for line in process.stdout.read().split()}
    actual = [row.values["id"] for batch in PostedRows(path).read() for row in batch]
    assert len(actual) == len(set(actual))
    assert acknowledged <= set(actual)
    assert json.loads(json.dumps(actual)) == actual


def test_a_correction_is_known_after_what_it_corrects_although_the_clock_went_back(tmp_path: Path) -> None:
    made = project(tmp_path, "{streaming: true}")
    rows = posted_rows(made.state, "clicks")
    rows.add([click(1, 0, amount=1.0)], ["id"], to_micros(at(3)))
    rows.add([click(1, 0, amount=2.0)], ["id"], to_micros(at(2)))
    (last,) = rows_of(made, at(4))
    assert (last["amount"], last["_known"]) == (2.0, to_micros(at(3)))


def test_a_damaged_file_of_posted_rows_is_named_with_what_to_do(tmp_path: Path) -> None:
    made = project(tmp_path, "{streaming: true}")
    posted_rows(made.state, "clicks").add([click(1, 0)], ["id"], to_micros(at(1)))
    path = made.state / "posted/clicks.sqlite"
    path.write_bytes(b"no database, although it is as long as one" * 500)
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    with pytest.raises(DatabaseUnavailable, match=r"clicks\.sqlite: file is not a database.* Restore it from a copy"):
        ingest_source(made, "clicks", at(2))
    with pytest.raises(OSError, match=r"clicks\.sqlite"):
        posted_rows(made.state, "clicks").add([click(2, 0)], ["id"], to_micros(at(2)))


def test_a_source_without_rows_is_planned_once_its_first_rows_have_come(tmp_path: Path) -> None:
    made = project(tmp_path, "{streaming: true}")
    ingest_source(made, "clicks", at(1))

    def planned() -> tuple[str, list[str]]:
        (node,) = [node for node in plan_project(made, at(2)).nodes if node.node == "sources/clicks"]
        return node.verdict, list(node.reasons)

    assert planned() == ("up to date", [])
    posted_rows(made.state, "clicks").add([click(1, 0)], ["id"], to_micros(at(1)))
    assert planned() == ("would run", ["its first rows have come"])
    ingest_source(made, "clicks", at(2))
    assert planned() == ("up to date", [])
