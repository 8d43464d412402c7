"""A Redis server for the tests: the one that is named, or one that is started for them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

VARIABLE = "ML_PLATFORM_TEST_REDIS"
REMEDY = (
    f"No Redis server answers, and the online store is never tested without one. Name one by {VARIABLE} (such as "
    "redis://127.0.0.1:6379/9), or install the server's program (apt-get install redis-server) and the tests start it."
)


class NoRedis(AssertionError):
    """There is no server, and none can be started."""


@contextmanager
def redis_server() -> Iterator[str]:
    """Give the URL of a server that runs; without one the tests fail, they are never skipped."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        if not _answers(named):
            raise NoRedis(f"{named} does not answer. {REMEDY}")
        yield named
        return
    folder = Path(tempfile.mkdtemp())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = started_redis(port, folder)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def started_redis(port: int, folder: Path, *more: str) -> subprocess.Popen[bytes]:
    """Start a server on a port, and wait until it answers; it keeps nothing when it ends."""
    program = shutil.which("redis-server")
    if program is None:
        raise NoRedis(REMEDY)
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *more]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not _answers(f"redis://127.0.0.1:{port}/0"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NoRedis(f"{program} did not start. {REMEDY}")
        time.sleep(0.05)
    return process


def _answers(url: str) -> bool:
    client = redis.Redis.from_url(url)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
