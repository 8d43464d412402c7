"""What stands between a project and its Spark: what is missing, what does not answer, what is shared."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest

from ml_platform.core.engines import Spark
from ml_platform.core.engines.ibis_functions import modulo
from ml_platform.core.errors import EngineUnavailable, ValueTooLarge
from tests.features.world import write_project

pytestmark = pytest.mark.slow

NUMBERS = pa.table({"x": pa.array([1, 2, 2**62], pa.int64())})

OPENING = """
from ml_platform.core.engines import Spark
from ml_platform.core.errors import EngineUnavailable
try:
    Spark("local[1]")
except EngineUnavailable as error:
    print(error)
"""


def free_port():
    with socket.socket() as connection:
        connection.bind(("127.0.0.1", 0))
        return connection.getsockname()[1]


@pytest.mark.parametrize("scheme", ["spark", "sc"])
def test_a_spark_that_does_not_answer_is_reported_at_once(scheme):
    port = free_port()
    with pytest.raises(EngineUnavailable) as caught:
        Spark(f"{scheme}://127.0.0.1:{port}")
    assert str(caught.value) == (
        f"engine {scheme}://127.0.0.1:{port}: nothing answers at 127.0.0.1:{port} within 5 seconds. "
        "Start it, or correct engine in project.yaml."
    )


@pytest.mark.parametrize("place", ["a" * 70 + ".example:15002", "a..example:15002", "127.0.0.1:99999"])
def test_a_place_that_cannot_exist_is_reported_like_one_that_does_not_answer(place):
    with pytest.raises(EngineUnavailable, match=f"nothing answers at {place} within 5 seconds"):
        Spark(f"sc://{place}")


def test_an_error_shows_no_token():
    with pytest.raises(EngineUnavailable) as caught:
        Spark(f"sc://127.0.0.1:{free_port()}/;token=secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "before", "message"),
    [
        (
            {"JAVA_HOME": None, "PATH": ""},
            "",
            "engine local[1]: Java is missing. Install Java 17 or later, such as openjdk-17-jre-headless, or name its "
            "folder in JAVA_HOME.",
        ),
        (
            {"JAVA_HOME": "/nowhere"},
            "",
            "engine local[1]: JAVA_HOME is /nowhere, where there is no bin/java. Set it to a Java 17 or later.",
        ),
        (
            {},
            "import sys; sys.modules['pyspark'] = None\n",
            "engine local[1]: the package pyspark is missing. Install it: pip install 'ml-platform[spark]'.",
        ),
    ],
    ids=["no Java", "wrong JAVA_HOME", "no pyspark"],
)
def test_what_is_missing_is_named(changed, before, message):
    environ = {name: value for name, value in {**os.environ, **changed}.items() if value is not None}
    ran = subprocess.run(
        [sys.executable, "-c", before + OPENING], env=environ, capture_output=True, text=True, timeout=120
    )
    assert (ran.stdout.strip(), ran.stderr) == (message, "")


def test_a_java_that_cannot_run_spark_is_named(tmp_path):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\nexit 1\n")
    java.chmod(0o755)
    environ = {**os.environ, "JAVA_HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", OPENING], env=environ, capture_output=True, text=True, timeout=120)
    assert ran.stdout.strip().startswith("engine local[1]: Spark does not start: ")
    assert ran.stdout.strip().endswith("Spark 4 needs Java 17 or later: name its folder in JAVA_HOME.")


def test_a_project_s_engine_is_the_declared_one(tmp_path):
    with write_project(tmp_path, engine="spark", threads=2).engine() as engine:
        assert isinstance(engine, Spark)
        assert engine.run(engine.arrow("numbers", NUMBERS)).equals(NUMBERS)


def test_engines_of_one_process_share_spark_and_see_nothing_of_each_other():
    with Spark("local[2]") as first, Spark("local[4]") as second:
        one = first.arrow("numbers", NUMBERS)
        two = second.arrow("numbers", NUMBERS.slice(1))
        assert first.run(one).num_rows == 3
        assert second.run(two).num_rows == 2


def test_one_process_has_one_spark():
    with Spark("local[2]"), socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        url = f"spark://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(
            EngineUnavailable, match=r"this process already works with local\[\d\], and one process has"
        ):
            Spark(url)


@pytest.fixture
def connect_server(tmp_path):
    """A Spark Connect server as a process of its own."""
    home, port = Path(pyspark.__file__).parent, free_port()
    settings = {
        "spark.connect.grpc.binding.port": str(port),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
    }
    options = [item for name, value in settings.items() for item in ("--conf", f"{name}={value}")]
    kind = "org.apache.spark.sql.connect.service.SparkConnectServer"
    command = [str(home / "bin" / "spark-submit"), "--master", "local[2]", "--class", kind, *options, "spark-internal"]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | {"SPARK_HOME": str(home)}, cwd=tmp_path, stderr=log)
        try:
            wait_for(port, server)
            yield server, f"sc://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def wait_for(port, server):
    for _ in range(1200):
        assert server.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


@pytest.mark.server
def test_a_spark_connect_server_gives_the_same_rows_and_is_reported_when_it_is_gone(connect_server, tmp_path):
    server, url = connect_server
    rows = pa.table(
        {"place": [0, 1, 2], "s": ["${a}", "é", None], "t": pa.array([-1, 0, None], pa.timestamp("us", "UTC"))}
    )
    pq.write_table(rows, tmp_path / "rows.parquet")
    with Spark(url) as engine:
        numbers = engine.arrow("numbers", NUMBERS)
        kept = engine.keep("kept", numbers.mutate(rest=modulo(numbers.x, ibis.literal(-3))))
        assert engine.run(kept.order_by("x")).to_pydict() == {"x": [1, 2, 2**62], "rest": [-2, -1, -2]}
        files = engine.parquet("files", [tmp_path / "rows.parquet"], places=("file", "row"))
        placed = rows.append_column("file", pa.array(["rows.parquet"] * 3)).append_column("row", rows["place"])
        assert engine.run(files.order_by("row")).equals(placed)
        with pytest.raises(ValueTooLarge):
            engine.run(numbers.mutate(x=numbers.x * 4))
        server.kill()
        server.wait()
        with pytest.raises(EngineUnavailable, match="the server answers no more"):
            engine.run(kept)


def test_nothing_is_written_where_it_runs_or_kept_in_the_temporary_folder(tmp_path):
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    here.mkdir()
    scratch.mkdir()
    script = """
import pyarrow as pa
from ml_platform.core.engines import Spark
with Spark("local[1]") as engine:
    table = engine.arrow("numbers", pa.table({"x": [1, 2]}))
    print(engine.run(engine.keep("kept", table.mutate(y=table.x * 2)).order_by("x"))["y"].to_pylist())
"""
    environ = {**os.environ, "TMPDIR": str(scratch), "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={scratch}"}
    run = [sys.executable, "-W", "error", "-c", script]
    ran = subprocess.run(run, env=environ, cwd=here, capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stdout.strip()) == (0, "[2, 4]")
    assert "ERROR" not in ran.stderr
    assert "WARN " not in ran.stderr
    assert list(here.iterdir()) == []
    for _ in range(100):  # the Java process ends a moment after ours
        files_kept = [path.name for path in scratch.rglob("*") if path.is_file() and "hsperfdata" not in str(path)]
        if not files_kept:
            break
        time.sleep(0.1)
    assert files_kept == []
