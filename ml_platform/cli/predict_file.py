"""The command that predicts for the rows of a file, for looking: nothing is logged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.cli.arguments import UsageError
from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import PredictionError
from ml_platform.project import Project, open_project

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
    project = open_project(directory)
    named = version_named(project, version)
    predictions = predict_rows(project, named, _read(project, named.model, file), project.clock.now())
    if to is None:
        predictions.to_csv(sys.stdout, index=False)
        return
    predictions.to_parquet(to, index=False) if to.suffix == ".parquet" else predictions.to_csv(to, index=False)
    if as_json:
        print_json({"version": str(named), "rows": len(predictions), "file": str(to)})
    else:
        print(f"{len(predictions):,} predictions of {named} are in {to}. None of them is logged.")


def _read(project: Project, model: str, file: Path) -> pd.DataFrame:
    """Return the rows of a file, each column of the population in its declared type."""
    import pandas as pd

    from ml_platform.declarations.resolve import feature_type, population_columns

    if not file.exists():
        raise UsageError(f"there is no file {file}.")
    if file.suffix == ".parquet":
        return pd.read_parquet(file)
    rows = pd.read_csv(file, dtype=object, keep_default_na=False, na_values=[""])
    spec = project.spec.models[model]
    columns = population_columns(project.spec, spec)
    kinds = {name.partition(".")[2]: kind for name, kind in columns.items()} | columns | {"time": "timestamp"}
    for name in rows.columns:
        kind = kinds.get(name)
        if kind is None and "." in name:
            try:
                kind = feature_type(project.spec, name, spec)
            except KeyError:
                continue  # the prediction names it
        rows[name] = _typed(rows[name], kind, file)
    return rows


def _typed(values: pd.Series, kind: str | None, file: Path) -> pd.Series:
    import pandas as pd

    try:
        if kind == "timestamp":
            return pd.to_datetime(values, utc=True, format="ISO8601")
        if kind in ("int", "float"):
            return pd.to_numeric(values).astype("Int64" if kind == "int" else "float64")
        if kind == "bool":
            known = {"true": True, "false": False, "1": True, "0": False}
            return values.map(lambda text: pd.NA if pd.isna(text) else known[str(text).lower()]).astype("boolean")
    except (ValueError, TypeError, KeyError) as error:
        text = f"{file}: column {values.name} must be {kind}: {error}. Correct the file."
        raise PredictionError(text) from None
    return values
