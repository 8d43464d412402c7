"""Predictions for a file of any size: part by part, and continued where an earlier call was stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ml_platform.core.errors import PredictionError
from ml_platform.core.frames import to_frame
from ml_platform.core.hashing import content_id, format_instant
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.population_columns import required_columns
from ml_platform.operations.predictions.prediction_targets import Target
from ml_platform.operations.predictions.sent_rows import features_read, predict_rows
from ml_platform.project import Project
from ml_platform.storage.atomic_write import durable_file, write_durably
from ml_platform.storage.file_lock import file_lock
from ml_platform.storage.versions import Version

PART_ROWS = 100_000
"""Rows of one part. Memory holds a few parts, whatever the size of the file."""


@dataclass(frozen=True)
class PredictedFile:
    """What was written.

    Attributes
    ----------
    earlier
        Rows that an earlier call of the same request had predicted.
    """

    rows: int
    earlier: int


def predict_in_parts(
    project: Project,
    version: Version,
    rows: tuple[Path, Iterable[pa.Table]],
    target: Target,
    now: datetime,
    progress: Callable[[int], None] = lambda rows: None,
) -> PredictedFile:
    """Predict for the rows of a file, and write them with the predictions into another, or into a table.

    Parts that are done lie in a folder of the target. A later call that asks the same (version, content of
    the file, feature tables, declarations) continues after them, as of the `now` of the first call; any other predicts
    all rows.

    Parameters
    ----------
    rows
        The file, and its rows.
    target
        Where to write. Nothing is written there before all rows are predicted.
    progress
        Called with the number of rows that are done, after each part.

    Raises
    ------
    PredictionError
        As `predict_rows`; and where the file changed while it was read.
    """
    folder = target.folder
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(folder / "lock"):
        folder.mkdir(exist_ok=True)  # a call that ended meanwhile has removed it
        seen = _seen(rows[0])  # before its content is hashed: what changes from here on is noticed
        request = _begin(folder, {**_request(project, version, rows[0]), "now": format_instant(now)})
        parts = _Parts(folder, datetime.fromisoformat(request["now"]))
        try:
            parts.predict(project, version, rows[1], progress)
        except PredictionError:  # a row or a declaration has a fault: it is corrected, or time passes
            shutil.rmtree(folder)
            raise
        except BaseException:
            if not parts.done:
                shutil.rmtree(folder)
            raise
        if _seen(rows[0]) != seen:
            shutil.rmtree(folder)
            raise PredictionError(f"{rows[0]} changed while it was read. Repeat this when no process writes to it.")
        target.write(parts.done, content_id(request)[:16])
        shutil.rmtree(folder)
    return PredictedFile(parts.rows, parts.earlier)


class _Parts:
    """The parts of one file: those that are there, and those that are made."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._folder, self._now = folder, now
        self.done = list[Path]()
        self.rows = self.earlier = 0

    def predict(
        self, project: Project, version: Version, tables: Iterable[pa.Table], progress: Callable[[int], None]
    ) -> None:
        for table in _in_parts(tables):
            path = self._folder / f"{len(self.done):06}.parquet"
            if path.exists():
                self.earlier += table.num_rows
            else:
                _write_part(path, predict_rows(project, version, to_frame(table), self._now, before=self.rows))
            self.done.append(path)
            self.rows += table.num_rows
            progress(self.rows)


def _seen(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def _request(project: Project, version: Version, file: Path) -> dict[str, Any]:
    """Return all that decides the predictions, beside the time."""
    with file.open("rb") as opened:
        content = hashlib.file_digest(opened, "sha256").hexdigest()
    return {
        "version": version.id,
        "content": content,
        "kind": file.suffix,
        "features": features_read(project, version.model),
        "declared": content_id(_declared(project, version.model)),
        "part_rows": PART_ROWS,
    }


def _declared(project: Project, model: str) -> list[Any]:
    """Return what decides in the declarations how rows are read, and by which keys features are looked up."""
    population = required_columns(project.spec, project.spec.models[model])
    columns = [[name, column.model_dump(mode="json")] for name, column in population.columns.items()]
    return [columns, deciding_part(project.spec, "predictions", model)]


def _begin(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Keep the parts of an earlier call of the same request, or none; return the request with the time of the first."""
    about = folder / "request.json"
    try:
        earlier: Any = json.loads(about.read_bytes())
    except (FileNotFoundError, ValueError):
        earlier = {}
    kept = earlier if isinstance(earlier, dict) else {}
    if {**kept, "now": request["now"]} != request:
        for part in folder.glob("*.parquet"):
            part.unlink()
        write_durably(about, json.dumps(request).encode())
        kept = request
    for unfinished in folder.glob(".*.parquet.*"):  # of a process that was killed while it wrote
        unfinished.unlink()
    return kept


def _in_parts(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the rows in tables of `PART_ROWS`, the last one shorter; at least one table."""
    waiting: pa.Table | None = None
    yielded = False
    for table in tables:
        waiting = table if waiting is None else pa.concat_tables([waiting, table])
        while waiting.num_rows >= PART_ROWS:
            yield waiting.slice(0, PART_ROWS)
            waiting, yielded = waiting.slice(PART_ROWS), True
    if waiting is not None and (waiting.num_rows or not yielded):
        yield waiting


def _write_part(path: Path, predictions: pd.DataFrame) -> None:
    """Write a part in the form that is fastest to write and to read: it is read once, and removed."""
    table = pa.Table.from_pandas(predictions, preserve_index=False).replace_schema_metadata(None)
    with durable_file(path) as out:
        pq.write_table(table, out, compression="none", use_dictionary=False, write_statistics=False)
