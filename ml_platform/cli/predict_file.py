"""The command that predicts for the rows of a file, for looking: nothing is logged."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.cli.arguments import UsageError
from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import PredictionError, SourceError
from ml_platform.core.formatting import counted
from ml_platform.core.plain_values import json_value
from ml_platform.core.private_files import shared_as_wanted
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.project import Project, open_project
from ml_platform.sources.reading.postgres_driver import url_in
from ml_platform.sources.reading.table_or_query import dotted_name

if TYPE_CHECKING:
    import pyarrow as pa

    from ml_platform.operations.predictions.prediction_targets import Target

_FORMATS = (".csv", ".parquet")


@dataclass(frozen=True)
class Destination:
    """Where predictions go, as it was typed: a file, a table with the variable of its database, or stdout."""

    file: Path | None
    table: str | None
    database: str | None

    @property
    def named(self) -> Path | str | None:
        """The file or table; None for stdout."""
        return self.table if self.file is None else self.file

    def target(self, rows: Path, environ: Mapping[str, str]) -> Target:
        """Return what writes there.

        Raises
        ------
        UsageError
        """
        from ml_platform.operations.predictions.prediction_targets import FileTarget, TableTarget

        if self.file is not None:
            return FileTarget(self.file)
        assert self.table is not None
        assert self.database is not None
        try:
            dotted_name(self.table, ["SCHEMA"])
        except ValueError as error:
            raise UsageError(f"--to-table {self.table}: the name of a table {error}.") from None
        try:
            url = url_in(self.database, environ)
        except ValueError as error:
            raise UsageError(str(error)) from None
        return TableTarget(self.table, url, self.database, rows)

    def check(self, rows: Path) -> None:
        """Raise where it cannot be written.

        Raises
        ------
        UsageError
        """
        if self.file is not None and self.table is not None:
            raise UsageError("give either --to FILE or --to-table TABLE.")
        if (self.table is None) != (self.database is None):
            raise UsageError("--to-table TABLE and --database VARIABLE belong together: give both, or neither.")
        _require_format(rows)
        if not rows.is_file():
            raise UsageError(f"there is no file {rows}.")
        if self.file is not None:
            _require_format(self.file)
            if self.file.exists() and self.file.samefile(rows):
                raise UsageError(f"--to {self.file} is the file with the rows, which would be lost. Name another file.")


def _require_format(path: Path) -> None:
    if path.suffix not in _FORMATS:
        raise UsageError(f"{path} is neither {' nor '.join(_FORMATS)}. Name a file of one of these kinds.")


def predict_file(directory: Path, version: str, file: Path, to: Destination, as_json: bool) -> None:
    """Predict for the rows of a CSV or Parquet file, and write them with the predictions."""
    import pyarrow as pa

    from ml_platform.core.frames import to_frame
    from ml_platform.operations.predictions.file_in_parts import predict_in_parts
    from ml_platform.operations.predictions.sent_rows import predict_rows
    from ml_platform.registry.resolve import version_named

    to.check(file)
    project = open_project(directory)
    named = version_named(project, version)
    tables = _tables(project, named.model, file)
    if to.named is None:
        rows = to_frame(pa.concat_tables(tables))
        predicted = predict_rows(project, named, rows, project.clock.now())
        if as_json:
            records = json_value(predicted.to_dict("records"))
            print_json({"version": str(named), "rows": len(predicted), "predictions": records})
        else:
            predicted.to_csv(sys.stdout, index=False)
        return
    target = to.target(file, os.environ)
    with shared_as_wanted(), SafeConsole(stderr=True).status("Predicting ...") as status:
        written = predict_in_parts(
            project,
            named,
            (file, tables),
            target,
            project.clock.now(),
            lambda rows: status.update(f"{rows:,} rows are predicted. After Ctrl-C the same command continues."),
        )
    if as_json:
        where = {"file": str(to.file)} if to.file is not None else {"table": to.table}
        print_json({"version": str(named), **asdict(written), **where})
        return
    verb = "is" if written.rows == 1 else "are"
    before = f" An earlier call had predicted {written.earlier:,} of them." if written.earlier else ""
    print(f"{counted(written.rows, 'prediction')} of {named} {verb} in {to.named}.{before} Nothing is logged.")


def _tables(project: Project, model: str, file: Path) -> Iterator[pa.Table]:
    """Yield the rows of a file, each column in its declared type.

    Where a file has all columns of the source, those that the source does not declare are not read.
    """
    from ml_platform.declarations.population_columns import population_source, required_columns
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

    like = population_source(project.spec, spec)
    try:
        for table in rows_file_tables(file, source.name, column_of, like):
            names = table.column_names
            is_whole = like is not None and {*like.columns} <= {*names}
            yield table.drop_columns([name for name in names if is_whole and name not in known and "." not in name])
    except SourceError as error:
        raise PredictionError(str(error).removeprefix(f"source {source.name}: ")) from None
