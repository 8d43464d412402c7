"""Starting an experiment: a confined process tries it, on what was prepared for it, and its results are recorded."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Any

from ml_platform.core.hashing import format_instant
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.project import ProjectSpec
from ml_platform.models.provenance import declared_files
from ml_platform.operations.experiments.changed import changed_models, needs_network, sources_to_read
from ml_platform.operations.experiments.declared_keys import declared_keys
from ml_platform.operations.experiments.environment import child_environment
from ml_platform.operations.experiments.request import Request, WithoutSecrets
from ml_platform.operations.experiments.space import ExperimentError, Space, files_below, keep_files, new_space
from ml_platform.project import Project
from ml_platform.storage.database import Database, sqlite_url
from ml_platform.storage.database_copy import copy_database
from ml_platform.storage.who import real_user

_CHILD = "ml_platform.operations.experiments.child"
_TRIAL = "ml_platform.operations.experiments.trial"
_LONGEST_LINE = 4_000_000
_END_SECONDS = 30
Progress = Callable[[Mapping[str, Any]], None]
"""Takes each event as it comes: a step that was made, or the result of a model."""


@dataclass(frozen=True)
class Wanted:
    """What is to be tried.

    Attributes
    ----------
    changed
        The folder of the changed project; the project's own where none is given.
    models
        Only these models; those that the change concerns where none is named.
    """

    name: str
    changed: Path | None = None
    models: Sequence[str] = ()


def run_experiment(production: Project, wanted: Wanted, at: datetime, progress: Progress = lambda _: None) -> Space:
    """Try a changed project on production's sources, snapshots and features, and return where the result is.

    Nothing of production is written: the process that runs the project's code is confined to the folder of the
    experiment, works on a copy of the database, and has none of production's secrets.

    Parameters
    ----------
    at
        The time of the machine, for the record.

    Raises
    ------
    ExperimentError
        Where the name is taken, a model is unknown, or the process ended without a result.
    DeclarationError
        With every fault of the changed declarations.
    """
    environ = WithoutSecrets(os.environ)
    spec = load_project(wanted.changed or production.root, environ)
    for model in wanted.models:
        Project(spec).require_model(model)
    space = new_space(production, wanted.name)
    begun = monotonic()
    try:
        request, environment = prepared_request(production, spec, space, wanted.models)
        events = list(events_of(request, space, environment, progress))
    except BaseException:
        shutil.rmtree(space.folder, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(space.work, ignore_errors=True)
    _record(space, spec, request, events, {"at": format_instant(at), "seconds": round(monotonic() - begun, 3)})
    return space


def prepared_request(
    production: Project,
    spec: ProjectSpec,
    space: Space,
    wanted: Sequence[str],
    study: Mapping[str, Any] | None = None,
) -> tuple[Request, dict[str, str]]:
    """Copy what the process needs of production and of the declarations.

    Parameters
    ----------
    wanted
        The models; those that the change concerns where none is named.
    study
        What is made of the model in place of an experiment.

    Returns
    -------
    What the process is asked to do, and its environment.
    """
    keep_files(declared_files(spec), space.declared)
    keep_files(declared_files(production.spec), space.base)
    copy = space.work / "platform.sqlite"
    import_module(_TRIAL)  # it knows every table that the process reads
    copy_database(production.database_url, copy)
    database = Database(sqlite_url(copy))
    try:
        models = [*wanted] or changed_models(spec, database) or [*spec.models]
        sources = sources_to_read(spec, database, models) if study is None else []
    finally:
        database.engine.dispose()
    network = "://" in production.store_url or needs_network(spec, sources)
    request = Request(
        name=space.name,
        project=str(spec.root),
        folder=str(space.folder),
        store=production.store_url,
        database=str(copy),
        models=tuple(models),
        ingest=tuple(sources),
        network=network,
        study=study,
    )
    return request, child_environment(os.environ, spec, space, request.ingest, remote=request.network)


# The process ------------------------------------------------------------------


def events_of(
    request: Request, space: Space, environment: Mapping[str, str], progress: Progress
) -> Iterator[Mapping[str, Any]]:
    """Run the process and yield its events; when the block ends, whatever the process started is gone."""
    log = space.folder / "log.txt"
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [sys.executable, "-m", _CHILD],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(f"{request.as_text()}\n")
                process.stdin.close()
            while line := process.stdout.readline(_LONGEST_LINE):
                event = _parsed(line)
                if event is not None and event["event"] == "end":
                    break
                if event is not None:
                    progress(event)
                    yield event
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode not in (0, 1):
        yield {"event": "failed", "problem": _ended(process.returncode, log)}


def _parsed(line: str) -> Mapping[str, Any] | None:
    """Return an event; None for what the project's code may have written in its place."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _ended(code: int, log: Path) -> str:
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    return f"the process of the experiment {how}. Its last lines:\n{tail}"


# The record -------------------------------------------------------------------


def _record(
    space: Space, spec: ProjectSpec, request: Request, events: Sequence[Mapping[str, Any]], about: Mapping[str, Any]
) -> None:
    """Write what the experiment was, and its results.

    Raises
    ------
    ExperimentError
        Where the process ended without the result of a model. It is recorded first.
    """
    begin = next((event for event in events if event["event"] == "begin"), {})
    results = [{**event} for event in events if event["event"] == "result" and event.get("model") in spec.models]
    problem = next((str(event.get("problem")) for event in events if event["event"] == "failed"), None)
    if problem is None and len(results) < len(request.models):
        problem = _ended(1, space.folder / "log.txt")
    record = {
        "format": 1,
        "name": space.name,
        "by": real_user(),
        **about,
        "project": request.project,
        "models": results,
        "steps": [{**event} for event in events if event["event"] == "step"],
        "ingested": list(request.ingest),
        "network": request.network,
        "not_confined": begin.get("not_confined", "the process did not begin"),
        "problem": problem,
        "declared": declared_keys(files_below(space.declared)),
    }
    space.record.write_text(json.dumps(record, ensure_ascii=False, sort_keys=True), encoding="utf-8")
    if problem is not None:
        raise ExperimentError(f"experiment {space.name}: {problem}")
