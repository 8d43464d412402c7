"""A project from a table of a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ml_platform.cli.new_project import make_project
from ml_platform.core.errors import PlatformError
from ml_platform.operations.new_project.choices import Wanted
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from tests.storage import postgres

VARIABLE = "ML_PLATFORM_TEST_INIT_DB"
COLUMNS = '"Order ID" bigint, placed_at timestamptz, courier text, items int, price numeric, day date, late boolean'
ROWS = 90 * 12


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The URL of a schema with a table of orders, one each two hours."""
    with postgres.server() as server, postgres.schema(server) as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text(f"CREATE TABLE orders ({COLUMNS})"))
            connection.execute(sa.text("CREATE TABLE empty (id int, at timestamptz)"))
            for number in range(ROWS):
                at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=2 * number)
                row = {
                    "n": number,
                    "at": at,
                    "courier": "abc"[number % 3],
                    "price": number / 4,
                    "late": number % 5 == 0,
                }
                text = "INSERT INTO orders VALUES (:n, :at, :courier, :n % 9, :price, :at, :late)"
                connection.execute(sa.text(text), row)
        engine.dispose()
        yield url


def _make(folder: Path, address: str, monkeypatch: pytest.MonkeyPatch, table: str = "orders") -> Project:
    monkeypatch.setenv(VARIABLE, address)
    make_project(folder, None, Path(table), Wanted(predict="late"), database=VARIABLE)
    return open_project(folder)


@pytest.mark.slow
def test_a_table_becomes_a_project_whose_source_has_all_rows(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = _make(tmp_path / "shop", address, monkeypatch)
    types = {name: column.type for name, column in project.spec.sources["orders"].columns.items()}
    assert types == {
        "order_id": "int",
        "placed_at": "timestamp",
        "courier": "string",
        "items": "int",
        "price": "float",
        "day": "timestamp",
    }
    ingested = ingest_source(project, "orders", datetime(2024, 6, 1, tzinfo=UTC))
    assert ingested.new_rows == ROWS
    assert project.spec.models["predict_late"].task == "binary"
    assert not (tmp_path / "shop/data").exists()


@pytest.mark.slow
def test_the_address_is_in_no_file(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(tmp_path / "shop", address, monkeypatch)
    for path in (tmp_path / "shop").rglob("*.yaml"):
        assert address not in path.read_text()
    assert f"${{{VARIABLE}}}" in (tmp_path / "shop/project.yaml").read_text()


@pytest.mark.parametrize(
    ("table", "url", "problem"),
    [
        ("orders", None, f"the environment variable {VARIABLE} is not set"),
        ("orders", "mysql://root@host/shop", f"{VARIABLE} holds no address of a PostgreSQL database"),
        ("a.b.c", "", "the name of a table must be NAME or SCHEMA.NAME, found 'a.b.c'"),
        ("order", "", 'relation "order" does not exist'),
        ("empty", "", "it has no rows"),
        ("orders", "postgresql://reader:topsecret@127.0.0.1:1/shop", "PostgreSQL reports: "),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, table: str, url: str | None, problem: str
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if url is not None:
        monkeypatch.setenv(VARIABLE, url or address)
    with pytest.raises(PlatformError) as caught:
        make_project(tmp_path / "shop", None, Path(table), Wanted(predict="late"), database=VARIABLE)
    assert problem in str(caught.value)
    assert "topsecret" not in str(caught.value)
    assert not (tmp_path / "shop").exists()
