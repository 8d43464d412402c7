"""Spark sessions: one context in a process, opened on first use, and a session of its own for each engine."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import socket
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ml_platform.core.engines.scratch import scratch_folder
from ml_platform.core.errors import EngineUnavailable
from ml_platform.core.private_files import private_temporary_folder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ANSWERS_WITHIN = 5.0
_HOST = re.compile(r"([^:/;,]+|\[[^\]]+\]):(\d+)")
_SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.variable.substitute": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
}
_LOGGING = """rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c: %m%n%ex
"""


def open_session(url: str) -> SparkSession:
    """Return a new session of the Spark at `url`: its names and settings are separate, the machines are shared.

    Parameters
    ----------
    url
        A master (``local[2]``, ``spark://host:7077``) or a Spark Connect server (``sc://host:15002``).

    Raises
    ------
    EngineUnavailable
        Where pyspark or Java is missing, or nothing answers at the URL.
    """
    _require_pyspark(url)
    if not is_local(url):
        _require_answer(url)
    session = _connected(url) if url.startswith("sc://") else _in_process(url)
    for name, value in _SETTINGS.items():
        session.conf.set(name, value)
    _silence()
    return session


def is_local(url: str) -> bool:
    """Return whether Spark runs on the machine of this process, where it can read this machine's files."""
    return url.startswith("local")


def _require_pyspark(url: str) -> None:
    try:
        import pyspark  # noqa: F401
    except ImportError:
        raise EngineUnavailable(
            url, "the package pyspark is missing", "Install it: pip install 'ml-platform[spark]'"
        ) from None


def _silence() -> None:
    """Keep pyspark from printing each failure with its Java trace; what it prints is raised as well."""
    from pyspark.logger import PySparkLogger

    PySparkLogger.getLogger("SQLQueryContextLogger").setLevel("CRITICAL")


def _require_answer(url: str) -> None:
    """Raise unless a server listens, since Spark itself would retry for minutes."""
    places = _HOST.findall(url.partition("://")[2])
    for host, port in places:
        # ValueError is a name that cannot be encoded, OverflowError a port beyond 65,535.
        with (
            contextlib.suppress(OSError, ValueError, OverflowError),
            socket.create_connection((host.strip("[]"), int(port)), _ANSWERS_WITHIN),
        ):
            return
    listed_places = " or ".join(f"{host}:{port}" for host, port in places)
    problem = f"nothing answers at {listed_places} within {_ANSWERS_WITHIN:g} seconds"
    raise EngineUnavailable(url, problem, "Start it, or correct engine in project.yaml")


def _connected(url: str) -> SparkSession:
    from pyspark.errors import PySparkException

    try:
        from pyspark.sql.connect.client.retries import DefaultPolicy
        from pyspark.sql.connect.session import SparkSession as Client

        # Not by pyspark.sql's builder, which turns the whole process into a client.
        session = Client.builder.remote(url).create()
        # Spark's own client would ask a server that is gone for ten minutes.
        session.client.set_retry_policies([DefaultPolicy(max_retries=5, max_backoff=2000)])
        with patiently():
            session.conf.get("spark.sql.session.timeZone")
    except ImportError as error:
        raise EngineUnavailable(url, _first_line(error), "Install it: pip install 'ml-platform[spark]'") from None
    except PySparkException:
        remedy = "See whether it is a Spark Connect server, or correct engine in project.yaml"
        raise EngineUnavailable(url, "it does not answer as Spark does", remedy) from None
    return cast("SparkSession", session)  # which offers the same


@contextlib.contextmanager
def patiently() -> Iterator[None]:
    """Let Spark's client retry without a warning: the error that follows states what is wrong."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\[RETRIES_EXCEEDED\]", UserWarning)
        yield


def _in_process(url: str) -> SparkSession:
    """Return a session of the process's one context, which is started for the first."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    active = SparkContext._active_spark_context
    if active is None:
        return _started(url).newSession()
    master = str(active.master)
    if master != url and not (is_local(master) and is_local(url)):
        problem = f"this process already works with {master}, and one process has one Spark"
        raise EngineUnavailable(url, problem, "Use another process")
    return SparkSession(active).newSession()


def _started(url: str) -> SparkSession:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    _require_java(url)
    builder = SparkSession.builder.master(url).appName("ml_platform")
    for name, value in (_SETTINGS | _start_settings(is_local(url))).items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkException, OSError) as error:
        remedy = "Spark 4 needs Java 17 or later: name its folder in JAVA_HOME"
        raise EngineUnavailable(url, f"Spark does not start: {_first_line(error)}", remedy) from None


def _start_settings(local: bool) -> dict[str, str]:
    """Return the settings of a new context; nothing is written but below a temporary folder."""
    stack = ExitStack()
    scratch = stack.enter_context(scratch_folder(private_temporary_folder()))
    atexit.register(stack.close)
    logging = scratch / "log4j2.properties"
    logging.write_text(_LOGGING)
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "8" if local else "200",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={logging.as_uri()}",
    }
    if local:
        settings |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
        settings |= {"spark.local.dir": str(scratch / "local")}
    return settings


def _require_java(url: str) -> None:
    home = os.environ.get("JAVA_HOME")
    if home and not (Path(home) / "bin" / "java").is_file():
        raise EngineUnavailable(url, f"JAVA_HOME is {home}, where there is no bin/java", "Set it to a Java 17 or later")
    if not home and shutil.which("java") is None:
        remedy = "Install Java 17 or later, such as openjdk-17-jre-headless, or name its folder in JAVA_HOME"
        raise EngineUnavailable(url, "Java is missing", remedy)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
