"""What a run would do about a source and its feature table, over a handful of rows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ml_platform.declarations.fingerprint import deciding_of
from ml_platform.declarations.graph import build_graph
from ml_platform.features.build import build_feature_table
from ml_platform.operations.planning.plan import Planned
from ml_platform.operations.planning.planner import plan_project
from ml_platform.project import Project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.last_declarations import record_declared
from ml_platform.storage.outputs import record_output
from tests.features.world import SALES, at, sale, write_csv, write_project

COUNT = {"rows": {"count": True, "windows": ["1d"]}}
TABLE = {"entity": "shop", "source": "sales", "refresh": "1h", "publish_delay": "0s"}


def project_of(directory: Path, *, features: Any = COUNT, reader: Any = None, **changes: Any) -> Project:
    sources = {"sales": {"reader": reader or {"csv": "data/sales.csv"}, **SALES}}
    return write_project(directory, sources=sources, features={"recent": {**TABLE, "features": features, **changes}})


def write_rows(directory: Path, *rows: Any) -> None:
    write_csv(directory / "data/sales.csv", list(SALES["columns"]), list(rows))


def ingest(project: Project, now: datetime) -> str:
    id = ingest_source(project, "sales", now).made.artifact.id
    record(project, "sources/sales", id, now)
    return id


def build(project: Project, now: datetime) -> None:
    record(project, "features/recent", build_feature_table(project, "recent", ingest(project, now)).artifact.id, now)


def record(project: Project, name: str, id: str, now: datetime) -> None:
    node = next(node_of_name for node_of_name in build_graph(project.spec) if node_of_name.name == name)
    record_output(project.database, name, node.kind, id, run="r", at=now)
    record_declared(project.database, name, deciding_of(project.spec, node.kind, node.subject))


def plan(project: Project, now: datetime) -> tuple[Planned, Planned]:
    source, table = plan_project(project, now).nodes
    return source, table


def test_a_table_of_a_source_that_was_read_reports_all_of_its_work(tmp_path: Path) -> None:
    write_rows(tmp_path, sale("r", 1), sale("s", 24 * 40))
    project = project_of(tmp_path)
    ingest(project, at(24 * 41))
    source, table = plan(project, at(24 * 41))
    assert source.verdict == "up to date"
    assert (table.verdict, table.reasons) == ("would run", ("never run: 1 part over 2 chunks, 2 rows",))
    assert table.duration is None


def test_new_rows_are_counted_by_their_chunk(tmp_path: Path) -> None:
    write_rows(tmp_path, sale("r", 1), sale("s", 2))
    project = project_of(tmp_path)
    build(project, at(3))
    assert [node.verdict for node in plan(project, at(3))] == ["up to date", "up to date"]
    write_rows(tmp_path, sale("r", 1), sale("s", 2), sale("t", 4), sale("u", 5))
    source, table = plan(project, at(6))
    assert (source.verdict, table.verdict) == ("would run", "may run")
    ingest(project, at(6))
    source, table = plan(project, at(6))
    assert (source.verdict, table.verdict) == ("up to date", "would run")
    assert table.reasons == ("its source has new rows: 1 new chunk of 2 rows",)


def test_a_correction_and_a_new_feature_are_distinguished(tmp_path: Path) -> None:
    rows = [sale("r", 1), sale("s", 24 * 40), sale("t", 24 * 70)]
    write_rows(tmp_path, *rows)
    build(project_of(tmp_path), at(24 * 71))
    write_rows(tmp_path, rows[0], sale("s", 24 * 40, amount=5.0), rows[2])
    ingest(project_of(tmp_path), at(24 * 72))
    project = project_of(tmp_path, features={**COUNT, "total": {"sum": "amount", "windows": ["1d", "7d"]}})
    _, table = plan(project, at(24 * 72))
    assert table.reasons == (
        "2 new features (total_1d, total_7d): 1 part over 2 chunks, 2 rows",
        "its source has new rows: 1 new chunk of 1 row",
        "1 corrected row touches chunk 2024-06",
    )


def test_a_feature_that_needs_no_other_part_computes_nothing(tmp_path: Path) -> None:
    write_rows(tmp_path, sale("r", 1))
    build(project_of(tmp_path), at(3))
    project = project_of(tmp_path, features={"rows": {"count": True, "windows": ["2d"]}})
    _, table = plan(project, at(3))
    assert table.verdict == "would run"
    assert table.reasons == ("1 feature gone (rows_1d)", "1 new feature (rows_2d): nothing to compute")


def test_a_changed_condition_is_named(tmp_path: Path) -> None:
    write_rows(tmp_path, sale("r", 1))
    build(project_of(tmp_path), at(3))
    _, table = plan(project_of(tmp_path, where="amount > 2"), at(3))
    assert table.reasons == ("its declaration changed (where): 1 part over 1 chunk, 1 row",)


def test_rows_that_are_not_known_yet_ask_for_a_reading_when_they_are(tmp_path: Path) -> None:
    write_rows(tmp_path, sale("r", 1), sale("s", 30))
    project = project_of(tmp_path)
    build(project, at(3))
    assert plan(project, at(29))[0].verdict == "up to date"
    source, table = plan(project, at(30))
    assert source.reasons == ("rows become known, the first at 2024-05-02 06:00",)
    assert (source.verdict, table.verdict) == ("would run", "may run")


def test_a_file_that_disappeared_or_came_back_is_reported_by_the_next_run_and_changes_nothing_else(
    tmp_path: Path,
) -> None:
    write_csv(tmp_path / "data/sales_1.csv", list(SALES["columns"]), [sale("r", 1)])
    write_csv(tmp_path / "data/sales_2.csv", list(SALES["columns"]), [sale("s", 2)])
    project = project_of(tmp_path, reader={"csv": "data/sales_*.csv"})
    build(project, at(3))
    moved = (tmp_path / "data/sales_1.csv").rename(tmp_path / "elsewhere.csv")
    source, table = plan(project, at(3))
    assert (source.verdict, table.verdict) == ("would run", "up to date")
    assert source.reasons == ("data/sales_1.csv is gone, or there again: to be reported",)
    notes = ingest_source(project, "sales", at(3)).upstream.notes()
    assert notes == (
        "a file that was read before is gone (data/sales_1.csv; 1 row). Their rows are kept (since 2024-05-01 03:00)",
    )
    assert [node.verdict for node in plan(project, at(3))] == ["up to date", "up to date"]
    moved.rename(tmp_path / "data/sales_1.csv")
    assert plan(project, at(3))[0].verdict == "would run"


def test_a_python_reader_is_not_called_and_that_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path, sale("r", 1))
    build(project_of(tmp_path), at(3))
    (tmp_path / "code.py").write_text("def rows():\n    raise AssertionError('it was called')\n")
    source, table = plan(project_of(tmp_path, reader={"python": "code:rows"}), at(3))
    assert source.verdict == "may run"
    assert source.reasons[-1] == "its reader has no fingerprint: changes are found only by reading"
    assert (table.verdict, table.reasons) == ("may run", ("sources/sales may run, which may change it",))


def test_a_source_with_another_key_is_rewritten_and_so_is_its_table(tmp_path: Path) -> None:
    write_rows(tmp_path, sale("r", 1))
    build(project_of(tmp_path), at(3))
    other = {**SALES, "key": ["id", "shop"], "reader": {"csv": "data/sales.csv"}}
    table = {**TABLE, "features": COUNT}
    source, planned = plan(write_project(tmp_path, sources={"sales": other}, features={"recent": table}), at(3))
    assert source.reasons == ("its declaration changed (key)", "its log is restarted")
    assert planned.verdict == "would run"
    assert planned.reasons[0] == "its declaration changed (its source's key)"


def test_a_table_that_is_gone_from_the_store_is_remade(tmp_path: Path) -> None:
    write_rows(tmp_path, sale("r", 1))
    project = project_of(tmp_path)
    build(project, at(3))
    for manifest in (project.state / "store/manifests/feature_table").iterdir():
        manifest.unlink()
    _, table = plan(project, at(3))
    assert table.reasons == ("its output is missing from the store: nothing to compute",)


READER = """\
from pathlib import Path
import pandas as pd

HERE = Path(__file__).parent


def rows():
    if (HERE / "closed").exists():
        raise AssertionError("it was called")
    return pd.read_csv(HERE / "data/sales.csv", parse_dates=["at", "seen"], dtype={"id": str, "shop": str})


def version():
    return (HERE / "version.txt").read_text()
"""


def test_a_declared_fingerprint_is_asked_instead_of_the_reader(tmp_path: Path) -> None:
    write_rows(tmp_path, sale("r", 1))
    (tmp_path / "code.py").write_text(READER)
    (tmp_path / "version.txt").write_text("1")
    project = project_of(tmp_path, reader={"python": "code:rows", "fingerprint": "code:version"})
    build(project, at(3))
    (tmp_path / "closed").touch()
    assert [node.verdict for node in plan(project, at(3))] == ["up to date", "up to date"]
    build(project, at(4))  # nor does an ingest call it
    (tmp_path / "version.txt").write_text("2")
    source, table = plan(project, at(4))
    assert source.reasons == ("code:rows changed since the last ingest",)
    assert (source.verdict, table.verdict) == ("would run", "may run")


def test_of_many_files_the_new_and_the_changed_ones_are_named(tmp_path: Path) -> None:
    for name, hours in (("a", 1), ("b", 2), ("c", 3)):
        write_csv(tmp_path / f"data/{name}.csv", list(SALES["columns"]), [sale(name, hours)])
    project = project_of(tmp_path, reader={"csv": "data/*.csv"})
    build(project, at(4))
    write_csv(tmp_path / "data/b.csv", list(SALES["columns"]), [sale("b", 2, amount=7.25)])
    write_csv(tmp_path / "data/d.csv", list(SALES["columns"]), [sale("d", 4)])
    source, _ = plan(project, at(5))
    assert source.reasons == ("of 4 files, data/b.csv changed since the last ingest, data/d.csv is new",)
