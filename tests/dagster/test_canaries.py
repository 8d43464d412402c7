"""Secrets planted wherever a declaration can name one: none stands in anything that the factory writes."""

from __future__ import annotations

import base64
import gzip
import json
import os
import sqlite3
import stat
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from tests.audit.verify.factory import EASY
from tests.servers import mlflow_server
from tests.storage import postgres
from tests.up_server import free_port
from tests.worlds import write_shop

pytestmark = [pytest.mark.server, pytest.mark.timeout(1800)]

NAMES = ("database", "mlflow", "alert", "hook", "stock", "key", "unused")
CORES = {name: f"Qz7kVcanary{name}9mPw" for name in NAMES}
"""The part of each secret that no encoding changes: wherever it is written, in whatever form, it is found."""
PASSWORDS = {name: f'{core}@/: %+"<ü>' for name, core in CORES.items()}
STOCK = """\
spec_version: 1
name: stock
description: Rows of a database that cannot be reached.
owner: team:shop
reader: {postgres: {connection: stock, table: stock}}
key: [item]
event_timestamp: at
known_at: {delay: 0s}
columns: {item: string, at: timestamp}
"""
SECRET_FIELDS = """\
storage: {database: '${CANARY_DATABASE}', mlflow: '${CANARY_MLFLOW}'}
alerts: ['${CANARY_ALERT}', 'json://ops:${CANARY_HOOK}@127.0.0.1:9/']
connections: {stock: '${CANARY_STOCK}'}
audit: {ledger_key: '${CANARY_KEY}'}
"""


def needles() -> dict[str, list[bytes]]:
    """Return what to search for: each secret's core, and the secret in base64, alone and behind its user."""
    texts_by_name = {}
    for name, core in CORES.items():
        texts = [PASSWORDS[name], f"anna:{PASSWORDS[name]}"]
        texts_by_name[name] = [core.encode(), *(base64.b64encode(text.encode()).rstrip(b"=")[:-2] for text in texts)]
    return texts_by_name


def url(scheme: str, name: str, place: str) -> str:
    return f"{scheme}://anna:{quote(PASSWORDS[name], safe='')}@{place}"


@dataclass
class Life:
    """A factory's life: its folder, its environment, and everything that it printed."""

    root: Path
    temporary: Path
    environment: dict[str, str]
    printed: list[str] = field(default_factory=list)

    def call(self, *command: object, expect: int | None = 0, **environ: str) -> str:
        program = [str(Path(sys.executable).parent / "ml-platform"), *map(str, command)]
        variables = {**os.environ, **self.environment, **environ, "TMPDIR": str(self.temporary)}
        done = subprocess.run(
            program, capture_output=True, text=True, env=variables, check=False, umask=0o022, cwd=self.temporary
        )
        self.printed += [done.stdout, done.stderr]
        assert expect is None or done.returncode == expect, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("canaries")
    root = write_shop(folder / "shop", days=62)
    (root / "models/lateness.yaml").unlink()
    declaration = root / "models/late_parcel.yaml"
    text = declaration.read_text().replace("num_iterations: 60", "num_iterations: 10")
    text = text.replace("train: 28d, validate: 7d, test: 14d", "train: 7d, validate: 3d, test: 14d")
    declaration.write_text(text.replace('gates: {auc: ">= 0.55"}\n', "") + EASY)
    (root / "sources/stock.yaml").write_text(STOCK)
    with (root / "project.yaml").open("a") as file:
        file.write(SECRET_FIELDS)
    (root / ".ml_platform").mkdir()
    (root / ".ml_platform").chmod(0o755)  # as an earlier version, or a person, made it
    (folder / "temporary").mkdir()
    closed = free_port()
    mlflow_port = free_port()
    with (
        postgres.server() as server,
        postgres.schema(server) as database,
        mlflow_server(folder / "mlflow", mlflow_port),
    ):
        place = sa.make_url(database).set(username="postgres", password=PASSWORDS["database"])
        environment = {
            "CANARY_DATABASE": place.render_as_string(hide_password=False),
            "CANARY_MLFLOW": url("http", "mlflow", f"127.0.0.1:{mlflow_port}"),
            "CANARY_ALERT": url("json", "alert", f"127.0.0.1:{closed}/"),
            "CANARY_HOOK": quote(PASSWORDS["hook"], safe=""),
            "CANARY_STOCK": url("postgresql+psycopg", "stock", f"127.0.0.1:{closed}/stock"),
            "CANARY_KEY": PASSWORDS["key"],
        }
        running = Life(root, folder / "temporary", environment)
        live(running, closed)
        dump(database, folder / "database.txt")
        yield running


def live(life: Life, closed: int) -> None:
    """Run the factory and look back at it, also with every connection broken."""
    root, away = life.root, f"127.0.0.1:{closed}"
    life.call("run", root, expect=1)  # one source cannot be reached
    shown = life.call("predictions", "late_parcel", root, "--json")
    id = json.loads(shown)["predictions"][0]["prediction_id"]
    life.call("status", root, "--json")
    life.call("explain", id, root, "--json")
    life.call("explain", id, root, "--html", root / "page.html")
    life.call("site", root, "--to", root / "site")
    life.call("verify", root, "--json", expect=None)
    life.call("reproduce", "late_parcel@1", root, "--json", expect=None)
    life.call("gc", root, "--json")
    life.call("plan", root, "--json")
    life.call("validate", root, "--json")
    life.call("run", root, "--job", "retrain_late_parcel", expect=None, CANARY_MLFLOW=url("http", "mlflow", away))
    for broken in (
        url("postgresql+psycopg", "database", f"{away}/x"),
        url("nonsense", "database", "x"),
        PASSWORDS["database"],
    ):
        life.call("status", root, expect=None, CANARY_DATABASE=broken)
        life.call("run", root, expect=None, CANARY_DATABASE=broken)
    life.call("run", root, expect=None, CANARY_MLFLOW=url("postgresql+psycopg", "mlflow", f"{away}/mlflow"))
    life.call("status", root, expect=1, CANARY_KEY=CORES["unused"][:5])  # too short


def dump(database: str, file: Path) -> None:
    """Write every cell of the platform's database into a file."""
    engine = sa.create_engine(database)
    metadata = sa.MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)
        rows = [str(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(table.select())]
    engine.dispose()
    assert len(rows) > 50
    file.write_text("\n".join(rows))


def contents(path: Path) -> Iterator[bytes]:
    """Yield what a file holds, also what is compressed in it."""
    raw = path.read_bytes()
    yield raw
    if path.suffix == ".gz":
        yield gzip.decompress(raw)
    if raw.startswith(b"SQLite format 3"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    for cell in row:
                        yield from cells(cell)
        connection.close()


def cells(cell: object) -> Iterator[bytes]:
    if isinstance(cell, bytes):
        yield cell
        try:
            yield zlib.decompress(cell)
        except zlib.error:
            return
    elif isinstance(cell, str):
        yield cell.encode()


def test_no_secret_is_in_anything_that_was_written_or_printed(life: Life) -> None:
    wanted, places = needles(), []
    folder = life.root.parent
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(files) > 100
    assert any("dagster/storage" in str(path) or "dagster/history" in str(path) for path in files)
    for path in files:
        for content in contents(path):
            places += [
                f"{name} in {path.relative_to(folder)}"
                for name, parts in wanted.items()
                if any(part in content for part in parts)
            ]
    text = "\n".join(life.printed).encode()
    places += [f"{name} in what was printed" for name, parts in wanted.items() if any(part in text for part in parts)]
    assert sorted(set(places)) == []


def test_the_failures_were_real_and_are_reported(life: Life) -> None:
    """The secrets were used: what could not be reached is named without them."""
    text = "\n".join(life.printed)
    assert "source stock: stock: table stock: PostgreSQL reports:" in text
    log = (life.root / ".ml_platform/alerts.log").read_text()
    assert "alerts[0] (json)" in log
    mlflow = sqlite3.connect(life.root.parent / "mlflow/mlflow.sqlite")
    assert mlflow.execute("SELECT count(*) FROM runs").fetchone()[0] > 0
    mlflow.close()
    assert '"signature"' in next((life.root / ".ml_platform/store/anchors/ledger").iterdir()).read_text()


def test_only_their_owner_can_read_what_the_factory_keeps(life: Life) -> None:
    state = life.root / ".ml_platform"
    assert modes_of([state, *state.rglob("*"), *life.temporary.rglob("*")]) == {}
    page = stat.S_IMODE((life.root / "page.html").stat().st_mode)
    assert page == 0o644  # written where the user asked for it, as the user's umask says
    assert stat.S_IMODE((life.root / "site/index.html").stat().st_mode) == 0o644


def modes_of(paths: list[Path]) -> Mapping[str, str]:
    """Return the paths that group or others have a right to, with their modes."""
    return {
        str(path): oct(stat.S_IMODE(path.lstat().st_mode))
        for path in paths
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    }
