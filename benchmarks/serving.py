"""The prediction service beside bare web servers and `mlflow models serve`, by turns, one worker each.

    python benchmarks/serving.py [ROUNDS] [--seconds S] [--entities N] [--rivals PYTHON] [--project FOLDER]

The service looks up 75 features, predicts with 300 trees of 63 leaves, logs and answers, for entities that differ.
The bare servers parse the same body with msgspec and answer 150 bytes. MLflow gets the 75 values in the body and has
the same trees. Clients run in this process. Milliseconds on a busy machine are the scheduler's; the processor time is
the server's own.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import psutil
import requests
from serving_load import Load, cores, load
from serving_world import COLUMNS, MODEL, keys_of

HERE = Path(__file__).parent
BARE = """
import msgspec
decoder = msgspec.json.Decoder()
ANSWER = b'{"prediction_id":"' + b"x" * 130 + b'"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    message = await receive()
    body = message.get("body", b"")
    if body:
        decoder.decode(body)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})
"""


@dataclass(frozen=True)
class Rival:
    """A server, how it is started, what it is asked, and where it says that it is ready."""

    name: str
    command: Sequence[str]
    path: str
    bodies: Sequence[bytes]
    ready: str


@contextmanager
def running(rival: Rival, port: int, folder: Path) -> Iterator[psutil.Process]:
    """Run a server on a port."""
    command = [part.replace("PORT", str(port)) for part in rival.command]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # MLflow starts uvicorn by its name
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
    of_server, of_load = cores()
    os.sched_setaffinity(process.pid, of_server)  # before it starts a process or a thread of its own
    os.sched_setaffinity(0, of_load)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                if requests.get(f"http://127.0.0.1:{port}{rival.ready}", timeout=5).status_code == 200:
                    break
            except requests.RequestException:
                pass
            if time.monotonic() > until or process.poll() is not None:
                raise SystemExit(f"{rival.name} does not start: {(folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def requests_of(rival: Rival, port: int) -> list[bytes]:
    """Return whole HTTP requests."""
    head = f"POST {rival.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: "
    return [head.encode() + str(len(body)).encode() + b"\r\n\r\n" + body for body in rival.bodies]


def free_port() -> int:
    """Return a port that no process listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def service(name: str, root: Path, keys: Sequence[int]) -> Rival:
    """Return the service of a project."""
    program = str(Path(sys.executable).parent / "ml-platform")
    bodies = [b'{"entity":%d}' % key for key in keys]
    command = [program, "serve", str(root), "--workers", "1", "--port", "PORT"]
    return Rival(name, command, f"/models/{MODEL}/predict", bodies, "/readyz")


def rivals(folder: Path, python: str, root: Path, keys: Sequence[int]) -> list[Rival]:
    """Return the bare servers, and MLflow where its model can be saved."""
    (folder / "bare.py").write_text(BARE)
    bodies = [b'{"entity":%d}' % key for key in keys]
    bare = {
        "bare, granian ASGI": [python, "-m", "granian", "--interface", "asgi", "--port", "PORT", "bare:app"],
        "bare, uvicorn": [sys.executable, "-m", "uvicorn", "--port", "PORT", "--log-level", "error", "bare:app"],
    }
    servers = [Rival(name, command, "/", bodies, "/") for name, command in bare.items()]
    model = folder / "mlflow_model"
    if not model.exists():
        import lightgbm
        import mlflow

        mlflow.lightgbm.save_model(lightgbm.Booster(model_file=root / "trees.txt"), str(model))
    drawn, names = np.random.default_rng(3), [f"column_{number}" for number in range(COLUMNS)]
    rows = drawn.normal(50, 20, (len(keys), COLUMNS)).round(2).tolist()
    split = [json.dumps({"dataframe_split": {"columns": names, "data": [row]}}).encode() for row in rows]
    mlflow_command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local"]
    mlflow_command += ["--port", "PORT", "--workers", "1"]
    return [*servers, Rival("mlflow models serve", mlflow_command, "/invocations", split, "/ping")]


def measured(servers: Sequence[Rival], folder: Path, rounds: int, seconds: float) -> dict[tuple[str, int], list[Load]]:
    """Load each server with 1 and 16 connections, by turns."""
    number: dict[tuple[str, int], list[Load]] = {}
    for _ in range(rounds):
        for rival in servers:
            port = free_port()
            with running(rival, port, folder) as process:
                asked = requests_of(rival, port)
                load(port, process, asked, 1, 1.0)
                for connections in (1, 16):
                    number.setdefault((rival.name, connections), []).append(
                        load(port, process, asked, connections, seconds)
                    )
    return number


def table(measured: dict[tuple[str, int], list[Load]]) -> None:
    """Print medians, and ratios to the bare server on granian, paired by round."""
    columns = ["server", "connections", "p50", "p99", "answers a second", "processor time", "p50, ratio", "rate, ratio"]
    print(f"| {' | '.join(columns)} |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, connections), loads in measured.items():
        bare = measured["bare, granian ASGI", connections]
        medians = [statistics.median(some) for some in zip(*map(astuple, loads), strict=True)]
        p50, p99, _, rate, used, failed, *_ = medians
        assert failed == 0, f"{name}: {failed} requests failed"
        slower = statistics.median(mine.p50 / theirs.p50 for mine, theirs in zip(loads, bare, strict=True))
        faster = statistics.median(mine.rate / theirs.rate for mine, theirs in zip(loads, bare, strict=True))
        shown = f"{p50:.2f} ms | {p99:.1f} ms | {rate:,.0f} | {used:.0f} us | {slower:.2f} | {faster:.2f}"
        print(f"| {name} | {connections} | {shown} |")


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--entities", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--rivals", type=os.path.abspath, default=sys.executable, help="a Python that has granian")
    parser.add_argument("--project", type=Path, help="measure only this project, which `serving_world.py` made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        keys = keys_of(folder, options.rows, options.entities)
        made = [
            ("5 tables", 5, "written"),
            ("5 tables, synced", 5, "synced"),
            ("1 table", 1, "written"),
            ("25 tables", 25, "written"),
        ]
        roots = {"5 tables": options.project} if options.project else {}
        for name, tables, log in [] if options.project else made:
            asked = {
                "folder": directory,
                "tables": tables,
                "entities": options.entities,
                "rows": options.rows,
                "log": log,
            }
            subprocess.run([sys.executable, str(HERE / "serving_world.py"), json.dumps(asked)], check=True, cwd=HERE)
            roots[name] = folder / f"project-{tables}-{log}"
        servers = [service(name, root, keys) for name, root in roots.items()]
        servers += rivals(folder, options.rivals, roots["5 tables"], keys)
        table(measured(servers, folder, options.rounds, options.seconds))


if __name__ == "__main__":
    main()
