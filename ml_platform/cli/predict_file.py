"""The command that predicts for the rows of a file, for looking: nothing is logged."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.cli.arguments import UsageError
from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import PredictionError, SourceError
from ml_platform.core.formatting import counted
from ml_platform.core.private_files import shared_as_wanted
from ml_platform.project import Project, open_project
from ml_platform.storage.atomic_write import write_durably

if TYPE_CHECKING:
    import pandas as pd

_FORMATS = (".csv", ".parquet")


def predict_file(directory: Path, version: str, file: Path, to: Path | None, as_json: bool) -> None:
    """Predict for the rows of a CSV or Parquet file, and write them with the predictions."""
    from ml_platform.operations.predictions.sent_rows import predict_rows
    from ml_platform.registry.resolve import version_named

    for path in (file, to):
        if path is not None and path.suffix not in _FORMATS:
            raise UsageError(f"{path} is neither {' nor '.join(_FORMATS)}. Name a file of one of these kinds.")
    if to is not None and to.exists() and file.exists() and to.samefile(file):
        raise UsageError(f"--to {to} is the file with the rows, which would be lost. Name another file.")
    project = open_project(directory)
    named = version_named(project, version)
    predictions = predict_rows(project, named, _read(project, named.model, file), project.clock.now())
    if to is None:
        predictions.to_csv(sys.stdout, index=False)
        return
    with shared_as_wanted():
        write_durably(to, _written(predictions, to.suffix))
    if as_json:
        print_json({"version": str(named), "rows": len(predictions), "file": str(to)})
    else:
        verb = "is" if len(predictions) == 1 else "are"
        print(f"{counted(len(predictions), 'prediction')} of {named} {verb} in {to}. Nothing is logged.")


def _written(predictions: pd.DataFrame, suffix: str) -> bytes:
    if suffix == ".csv":
        return predictions.to_csv(index=False).encode()
    buffer = io.BytesIO()
    predictions.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _read(project: Project, model: str, file: Path) -> pd.DataFrame:
    """Return the rows of a file, each column in its declared type."""
    from ml_platform.core.frames import to_frame
    from ml_platform.declarations.population_columns import required_columns
    from ml_platform.declarations.resolve import feature_type
    from ml_platform.declarations.source import Column
    from ml_platform.sources.rows_file import read_rows_file

    if not file.is_file():
        raise UsageError(f"there is no file {file}.")
    spec = project.spec.models[model]
    source = required_columns(project.spec, spec)
    known = dict(source.columns) | {"time": Column(type="timestamp")}
    known |= {f"{source.name}.{name}": column for name, column in source.columns.items()}

    def column_of(name: str) -> Column:
        if name in known or "." not in name:
            return known.get(name, Column(type="string"))  # the prediction names it
        try:
            return Column(type=feature_type(project.spec, name, spec))
        except KeyError:
            return Column(type="string")

    try:
        return to_frame(read_rows_file(file, source.name, column_of))
    except SourceError as error:
        raise PredictionError(str(error).removeprefix(f"source {source.name}: ")) from None
