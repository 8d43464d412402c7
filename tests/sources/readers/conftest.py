"""A PostgreSQL server with a table of sales, and a shop that reads predictions."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from ml_platform.project import Project, open_project
from tests.once import made_once
from tests.sources.readers.expected_minutes import shop_in_use
from tests.sources.readers.postgres_sales import COLUMNS
from tests.storage import postgres


@pytest.fixture(scope="module")
def server():
    with postgres.server() as url:
        yield url


@pytest.fixture
def database(server):
    """URL and engine of an empty schema with an empty table of sales."""
    with postgres.schema(server) as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text(f"CREATE TABLE sales ({COLUMNS})"))
        yield url, engine
        engine.dispose()


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """A shop in which a model's predictions are a source of another model."""
    return open_project(shutil.copytree(made_once("expected_minutes", shop_in_use), tmp_path / "shop"))
