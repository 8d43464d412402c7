"""The command that predicts for the rows of a file, for looking: nothing is logged."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.cli.arguments import UsageError
from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import PredictionError, SourceError
from ml_platform.core.formatting import counted
from ml_platform.core.private_files import shared_as_wanted
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.project import Project, open_project

if TYPE_CHECKING:
    import pyarrow as pa

_FORMATS = (".csv", ".parquet")


def predict_file(directory: Path, version: str, file: Path, to: Path | None, as_json: bool) -> None:
    """Predict for the rows of a CSV or Parquet file, and write them with the predictions."""
    import pyarrow as pa

    from ml_platform.core.frames import to_frame
    from ml_platform.operations.predictions.file_in_parts import predict_in_parts
    from ml_platform.operations.predictions.sent_rows import predict_rows
    from ml_platform.registry.resolve import version_named

    for path in (file, to):
        if path is not None and path.suffix not in _FORMATS:
            raise UsageError(f"{path} is neither {' nor '.join(_FORMATS)}. Name a file of one of these kinds.")
    if not file.is_file():
        raise UsageError(f"there is no file {file}.")
    if to is not None and to.exists() and file.exists() and to.samefile(file):
        raise UsageError(f"--to {to} is the file with the rows, which would be lost. Name another file.")
    project = open_project(directory)
    named = version_named(project, version)
    tables = _tables(project, named.model, file)
    if to is None:
        rows = to_frame(pa.concat_tables(tables))
        predict_rows(project, named, rows, project.clock.now()).to_csv(sys.stdout, index=False)
        return
    with shared_as_wanted(), SafeConsole(stderr=True).status("Predicting ...") as status:
        written = predict_in_parts(
            project,
            named,
            (file, tables),
            to,
            project.clock.now(),
            lambda rows: status.update(f"{rows:,} rows are predicted. After Ctrl-C the same command continues."),
        )
    if as_json:
        print_json({"version": str(named), **asdict(written), "file": str(to)})
        return
    verb = "is" if written.rows == 1 else "are"
    before = f" An earlier call had predicted {written.earlier:,} of them." if written.earlier else ""
    print(f"{counted(written.rows, 'prediction')} of {named} {verb} in {to}.{before} Nothing is logged.")


def _tables(project: Project, model: str, file: Path) -> Iterator[pa.Table]:
    """Yield the rows of a file, each column in its declared type."""
    from ml_platform.declarations.population_columns import required_columns
    from ml_platform.declarations.resolve import feature_type
    from ml_platform.declarations.source import Column
    from ml_platform.sources.rows_file import rows_file_tables

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
        yield from rows_file_tables(file, source.name, column_of)
    except SourceError as error:
        raise PredictionError(str(error).removeprefix(f"source {source.name}: ")) from None
