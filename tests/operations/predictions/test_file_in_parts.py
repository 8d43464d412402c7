"""A file that is predicted in parts, stopped and continued gives what one call of all its rows gives."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from ml_platform.core.errors import PredictionError
from ml_platform.operations.predictions import file_in_parts
from ml_platform.operations.predictions.file_in_parts import PredictedFile, predict_in_parts
from ml_platform.operations.predictions.prediction_targets import FileTarget, TableTarget
from ml_platform.operations.predictions.sent_rows import predict_rows
from ml_platform.project import Project
from ml_platform.registry.resolve import version_named
from tests.audit.verify.factory import MODEL
from tests.operations.predictions.test_sent_rows import NOW, factory, logged, population_columns_of
from tests.storage import postgres

pytestmark = pytest.mark.slow
__all__ = ["factory", "logged"]


@pytest.fixture
def rows(logged: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """Eleven rows, read in tables of four; the last part has no courier at all. A part has three rows."""
    monkeypatch.setattr(file_in_parts, "PART_ROWS", 3)
    frame = pd.concat([population_columns_of(logged)] * 11, ignore_index=True).head(11)
    frame.loc[9:, "courier"] = None
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), tmp_path / "rows.parquet")
    return pq.read_table(tmp_path / "rows.parquet")


def in_parts(project: Project, rows: pa.Table, folder: Path, to: str = "out.parquet", **more: Any) -> PredictedFile:
    tables = [rows.slice(start, 4) for start in range(0, rows.num_rows, 4)]
    version = version_named(project, f"{MODEL}@1")
    return predict_in_parts(
        project, version, (folder / "rows.parquet", tables), FileTarget(folder / to), more.pop("now", NOW), **more
    )


def whole(project: Project, rows: pa.Table) -> pd.DataFrame:
    return predict_rows(project, version_named(project, f"{MODEL}@1"), rows.to_pandas(), NOW)


def test_parts_together_are_the_whole(factory: Project, rows: pa.Table, tmp_path: Path) -> None:
    expected, done = whole(factory, rows), list[int]()
    assert in_parts(factory, rows, tmp_path, progress=done.append) == PredictedFile(11, 0)
    assert done == [3, 6, 9, 11]
    written = pd.read_parquet(tmp_path / "out.parquet")
    assert written["score"].to_numpy().tobytes() == expected["score"].to_numpy().tobytes()
    pd.testing.assert_frame_equal(written, expected, check_dtype=False)
    in_parts(factory, rows, tmp_path, "out.csv")
    assert (tmp_path / "out.csv").read_text() == expected.to_csv(index=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.parquet", "rows.parquet"]


def stop_after(rows: int) -> Any:
    def progress(done: int) -> None:
        if done >= rows:
            raise KeyboardInterrupt

    return progress


def test_a_stopped_file_is_continued_as_of_the_time_of_the_first_call(
    factory: Project, rows: pa.Table, tmp_path: Path
) -> None:
    (tmp_path / "out.parquet").write_bytes(b"of yesterday")
    with pytest.raises(KeyboardInterrupt):
        in_parts(factory, rows.drop(["time"]), tmp_path, progress=stop_after(6))
    assert (tmp_path / "out.parquet").read_bytes() == b"of yesterday"
    (tmp_path / ".out.parquet.parts/.000002.parquet.0123").write_bytes(b"half a part of a killed process")
    later = NOW + timedelta(minutes=5)
    assert in_parts(factory, rows.drop(["time"]), tmp_path, now=later) == PredictedFile(11, 6)
    expected = whole(factory, rows.drop(["time"]))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), expected, check_dtype=False)
    assert not (tmp_path / ".out.parquet.parts").exists()


def test_another_file_is_predicted_from_its_first_row(factory: Project, rows: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        in_parts(factory, rows, tmp_path, progress=stop_after(6))
    other = rows.slice(1)
    pq.write_table(other, tmp_path / "rows.parquet")
    assert in_parts(factory, other, tmp_path) == PredictedFile(10, 0)
    expected = whole(factory, other)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), expected, check_dtype=False)


def test_a_file_that_changes_while_it_is_read_is_refused(factory: Project, rows: pa.Table, tmp_path: Path) -> None:
    def change(done: int) -> None:
        pq.write_table(rows.slice(done), tmp_path / "rows.parquet")

    with pytest.raises(PredictionError, match="changed while it was read"):
        in_parts(factory, rows, tmp_path, progress=change)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.parquet"]


def test_a_fault_names_the_row_of_the_file_and_leaves_nothing(factory: Project, rows: pa.Table, tmp_path: Path) -> None:
    frame = rows.to_pandas()
    frame.loc[7, "time"] = NOW + timedelta(hours=1)
    with pytest.raises(PredictionError, match="time of row 8 is after now"):
        in_parts(factory, pa.Table.from_pandas(frame, preserve_index=False), tmp_path)
    frame = rows.to_pandas().rename(columns={"courier": "driver"})
    with pytest.raises(PredictionError, match="has no column 'driver'"):
        in_parts(factory, pa.Table.from_pandas(frame, preserve_index=False), tmp_path, "other.parquet")
    assert not (tmp_path / ".other.parquet.parts").exists()


def test_a_time_after_now_is_refused_until_it_has_come(factory: Project, rows: pa.Table, tmp_path: Path) -> None:
    frame = rows.to_pandas()
    frame.loc[7, "time"] = NOW + timedelta(hours=1)
    ahead = pa.Table.from_pandas(frame, preserve_index=False)
    with pytest.raises(PredictionError, match="time of row 8 is after now"):
        in_parts(factory, ahead, tmp_path)
    assert in_parts(factory, ahead, tmp_path, now=NOW + timedelta(hours=2)) == PredictedFile(11, 0)


def test_parts_of_other_declarations_are_not_continued(factory: Project, rows: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        in_parts(factory, rows, tmp_path, progress=stop_after(6))
    orders = factory.spec.sources["orders"]
    placed = orders.columns["placed_at"].model_copy(update={"zone": "Europe/Berlin"})
    changed = orders.model_copy(update={"columns": {**orders.columns, "placed_at": placed}})
    other = factory.with_spec(replace(factory.spec, sources={**factory.spec.sources, "orders": changed}))
    assert in_parts(other, rows, tmp_path) == PredictedFile(11, 0)


def test_a_file_that_changes_while_its_content_is_hashed_is_refused(
    factory: Project, rows: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_of = hashlib.file_digest

    def change(file: Any, name: str) -> Any:
        digest = hash_of(file, name)
        pq.write_table(rows.slice(1), tmp_path / "rows.parquet")
        return digest

    monkeypatch.setattr(hashlib, "file_digest", change)
    with pytest.raises(PredictionError, match="changed while it was read"):
        in_parts(factory, rows, tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


def test_a_table_gets_all_rows_once(factory: Project, rows: pa.Table, tmp_path: Path, server: str) -> None:
    version, file = version_named(factory, f"{MODEL}@1"), tmp_path / "rows.parquet"
    with postgres.schema(server) as url:
        target = TableTarget("predicted", url, "SHOP_DB", file)
        kept = target.folder.with_name("kept")

        def keep(done: int) -> None:  # the parts, as a process leaves them that is killed after its commit
            shutil.copytree(target.folder, kept, dirs_exist_ok=True)

        predict_in_parts(factory, version, (file, [rows]), target, NOW, keep)
        shutil.copytree(kept, target.folder)
        assert predict_in_parts(factory, version, (file, [rows]), target, NOW) == PredictedFile(11, 11)
        engine = sa.create_engine(url)
        written = pd.read_sql("SELECT * FROM predicted", engine)
        expected = whole(factory, rows)
        assert written.pop("request_id").nunique() == 1
        assert list(written) == list(expected)
        assert written["score"].to_numpy().tobytes() == expected["score"].to_numpy().tobytes()
        assert written["action"].tolist() == expected["action"].tolist()
        later = NOW + timedelta(minutes=1)
        predict_in_parts(factory, version, (file, [rows]), target, later)  # another call is another request
        assert len(pd.read_sql("SELECT * FROM predicted", engine)) == 22
        engine.dispose()


def test_a_table_that_does_not_fit_keeps_its_rows_and_the_parts(
    factory: Project, rows: pa.Table, tmp_path: Path, server: str
) -> None:
    version, file = version_named(factory, f"{MODEL}@1"), tmp_path / "rows.parquet"
    with postgres.schema(server) as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE predicted AS SELECT 'x' AS request_id"))
        target = TableTarget("predicted", url, "SHOP_DB", file)
        with pytest.raises(PredictionError, match=r"table predicted: PostgreSQL reports: .*the same command continues"):
            predict_in_parts(factory, version, (file, [rows]), target, NOW)
        assert pd.read_sql("SELECT * FROM predicted", engine).to_dict("records") == [{"request_id": "x"}]
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE predicted"))
        assert predict_in_parts(factory, version, (file, [rows]), target, NOW) == PredictedFile(11, 11)
        assert len(pd.read_sql("SELECT * FROM predicted", engine)) == 11
        engine.dispose()
