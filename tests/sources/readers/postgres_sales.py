"""A table of sales on a PostgreSQL server, and a project that reads it."""

import os

import sqlalchemy as sa

from ml_platform.sources.source_log import FOREVER, source_versions
from tests.features.world import SALES, at, write_project

VARIABLE = "ML_PLATFORM_TEST_SHOP_DB"
COLUMNS = "id text, shop text, at timestamptz, seen timestamptz, amount numeric, changed bigint"


def put(database, id, hours, seen=None, amount=1.0, changed=1):
    row = {"id": id, "at": at(hours), "seen": at(hours if seen is None else seen), "amount": amount, "n": changed}
    with database[1].begin() as connection:
        connection.execute(sa.text("INSERT INTO sales VALUES (:id, 'a', :at, :seen, :amount, :n)"), row)


def run(database, text):
    with database[1].begin() as connection:
        connection.execute(sa.text(text))


def opened(directory, url, columns=None, keys=None, **reader):
    source = SALES | {"columns": SALES["columns"] | {"changed": "int"} | (columns or {})} | (keys or {})
    source["reader"] = {"postgres": {"connection": "shop_db", **reader}}
    if "s3cr" in url:  # a password comes from the environment: written out, it is refused
        os.environ[VARIABLE], url = url, f"${{{VARIABLE}}}"
    return write_project(directory, sources={"sales": source}, connections={"shop_db": url})


def log_of(project, artifact):
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    return sorted((row["id"], row["_known_at"], row["amount"], row["_until"] == FOREVER) for row in rows)
