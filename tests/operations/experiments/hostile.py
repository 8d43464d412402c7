"""A transform that tries, in many ways, to write what it must not; it keeps a list of the ways that worked."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pandas as pd

ROOT, SECRET, PORT = Path("@ROOT@"), "@SECRET@", "@PORT@"
OUTPUT = Path(os.environ["HOME"]).parent / "hostile.json"  # below the experiment's own folder


def fiddle(rows: pd.DataFrame) -> pd.DataFrame:
    """Attack once, and then be a harmless transform."""
    if not OUTPUT.exists():
        OUTPUT.write_text(json.dumps({name: _tried(attack) for name, attack in attacks()}))
    return pd.DataFrame({"doubled": rows["orders.amount"] * 2.0}, index=rows.index)


def _tried(attack: Callable[[], object]) -> str:
    """Return what an attack came to; "done" where nothing stopped it."""
    try:
        result = attack()
    except BaseException as error:
        return type(error).__name__
    return result if isinstance(result, str) else "done"


def attacks() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield attacks by name."""
    state = ROOT / ".ml_platform"
    files = sorted(path for path in ROOT.rglob("*") if path.is_file() and "experiments" not in path.parts)
    for path in files:
        yield f"write {path}", partial(path.write_bytes, b"x")
        yield f"append {path}", partial(_append, path)
        yield f"remove {path}", path.unlink
        yield f"mode {path}", partial(path.chmod, 0o777)
        yield f"times {path}", partial(os.utime, path, (0, 0))
        yield f"truncate {path}", partial(os.truncate, path, 0)
        yield f"rename {path}", partial(path.rename, OUTPUT.with_name("stolen"))
        yield f"hard link {path}", partial(_through_link, path, os.link)
        yield f"symbolic link {path}", partial(_through_link, path, os.symlink)
        yield f"descriptor {path}", partial(_through_descriptor, path)
    yield "new file", lambda: (state / "new").write_text("x")
    yield "new folder", lambda: (ROOT / "new").mkdir()
    yield "remove the store", lambda: shutil.rmtree(state / "store")
    yield "move the state", lambda: state.rename(ROOT / "elsewhere")
    yield "database", lambda: _in_database(state / "platform.sqlite")
    yield "refs", lambda: _move_ref(ROOT)
    yield "mlflow", lambda: _in_mlflow(state / "mlflow.sqlite")
    yield "shell", lambda: _shell(f"echo x > '{files[0]}'; rm -rf '{state}'; touch '{ROOT}/new'; chmod 777 '{state}'")
    yield "python", lambda: _python(f"open({str(files[0])!r}, 'w')")
    yield "secret of this process", lambda: _sought(os.environ.values())
    yield "secret of other processes", lambda: _sought(_environments())
    yield "open descriptors", _through_descriptors
    yield "parent's memory", lambda: Path(f"/proc/{os.getppid()}/mem").open("r+b").close()
    yield "signal", lambda: os.kill(os.getppid(), signal.SIGUSR1)
    yield "connection", lambda: socket.create_connection(("127.0.0.1", int(PORT)), 2).close()
    yield "mount", lambda: _shell(f"mount --bind '{OUTPUT.parent}' '{ROOT}'")
    yield "attribute", lambda: os.setxattr(files[0], "user.hostile", b"1")
    yield "leave a process", lambda: _later(files[0])
    yield "system call", lambda: _open_by_number(files[0])


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def _through_link(path: Path, link: Callable[[Path, Path], None]) -> None:
    place = OUTPUT.with_name("link")
    place.unlink(missing_ok=True)
    link(path, place)
    with place.open("r+b") as file:
        file.write(b"x")


def _through_descriptor(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    os.fchmod(number, 0o777)
    os.utime(number, (0, 0))
    Path(f"/proc/self/fd/{number}").write_bytes(b"x")


def _through_descriptors() -> None:
    for path in Path("/proc/self/fd").iterdir():
        target = os.path.realpath(path)
        if target.startswith(str(ROOT)) and "experiments" not in target:
            os.write(int(path.name), b"x")
            return
    raise PermissionError


def _in_database(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file, timeout=1)) as connection:
        connection.execute("CREATE TABLE hostile (x)")
        connection.commit()


def _move_ref(root: Path) -> None:
    from datetime import UTC, datetime

    from ml_platform.project import open_project
    from ml_platform.storage.refs import move_ref

    project = open_project(root)
    at = datetime(2024, 3, 2, tzinfo=UTC)
    name = "champion/other"
    move_ref(project.database, name, expected=None, to="a" * 64, at=at, actor="x", action="deploy", reason="x")


def _in_mlflow(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file, timeout=1)) as connection:
        connection.execute("DELETE FROM runs")
        connection.commit()


def _shell(command: str) -> str:
    return f"code {subprocess.run(['sh', '-c', command], capture_output=True, check=False).returncode}"


def _python(code: str) -> str:
    return f"code {subprocess.run([sys.executable, '-c', code], capture_output=True, check=False).returncode}"


def _sought(texts: object) -> None:
    if not any(SECRET in str(text) for text in texts):  # type: ignore[attr-defined]
        raise PermissionError


def _environments() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            yield path.read_bytes().decode(errors="replace")


def _later(path: Path) -> None:
    """Leave a process that writes when the experiment has ended."""
    subprocess.Popen(
        ["sh", "-c", f"sleep 1; echo x > '{path}'; kill -9 {os.getppid()}"],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _open_by_number(path: Path) -> None:
    if ctypes.CDLL(None).syscall(2, str(path).encode(), os.O_WRONLY) < 0:
        raise PermissionError
