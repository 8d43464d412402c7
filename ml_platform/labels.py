"""Labels: the truth about rows, as it was known when their label horizon had passed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa

from ml_platform.clock import MICROSECOND
from ml_platform.engine import Engine
from ml_platform.engine.functions import epoch_us
from ml_platform.errors import SnapshotError
from ml_platform.expression import parse_expression
from ml_platform.features.source_log import KNOWN, UNTIL, source_versions
from ml_platform.frame import EFFECTIVE_TIME, to_frame
from ml_platform.project import Project

if TYPE_CHECKING:
    import pandas as pd

LABEL = "label"


def with_labels(project: Project, model_name: str, source_id: str, rows: pa.Table, engine: Engine) -> pa.Table:
    """Return rows with their ``label``, in their order; null where none had come when the horizon had passed.

    With ``missing: negative`` such rows are False instead.

    Parameters
    ----------
    source_id
        The artefact of the label's source.
    rows
        One row for each question, with the entity's key and ``effective_time``.

    Raises
    ------
    SnapshotError
        Where two rows of the label's source tell about one entity at once.
    """
    model = project.spec.models[model_name]
    keys = project.spec.file.entities[model.population.entity]
    questions = rows.select([*keys, EFFECTIVE_TIME])
    asked = engine.arrow("unlabelled", questions.append_column("_place", pa.array(range(rows.num_rows), pa.int64())))
    settled = epoch_us(asked[EFFECTIVE_TIME]) + ibis.literal(model.label.horizon // MICROSECOND, "int64")
    asked = asked.mutate(_settled=settled)
    told = _told(project, model_name, source_id, engine)
    same = [asked[key] == told[f"_key_{key}"] for key in keys]
    found = asked.left_join(told, [*same, told[KNOWN] <= asked["_settled"], asked["_settled"] < told[UNTIL]])
    label = found[f"_{LABEL}"]
    if model.label.missing == "negative":
        label = label.fill_null(False)
    labelled = engine.run(found.select(*keys, "_place", **{LABEL: label}).order_by("_place"))
    if labelled.num_rows != rows.num_rows:
        _refuse_twice(model_name, model.label.source, keys, labelled)
    return rows.append_column(LABEL, labelled[LABEL])


def _told(project: Project, model_name: str, source_id: str, engine: Engine) -> Any:
    """Return what the label's source says about each entity, with the interval in which it was known."""
    model = project.spec.models[model_name]
    source = project.spec.sources[model.label.source]
    artifact = project.store.get("source", source_id)
    rows = source_versions(engine, project.store, artifact, source.key, "label_rows")
    value = parse_expression(model.label.expression).to_ibis(rows)
    keys = {f"_key_{key}": rows[key] for key in project.spec.file.entities[model.population.entity]}
    return rows.select(KNOWN, UNTIL, **keys, **{f"_{LABEL}": value})


def _refuse_twice(model_name: str, source: str, keys: tuple[str, ...], labelled: pa.Table) -> None:
    counted = labelled.group_by("_place").aggregate([([], "count_all")]).to_pylist()
    place = next(row["_place"] for row in counted if row["count_all"] > 1)
    row = next(row for row in labelled.select([*keys, "_place"]).to_pylist() if row["_place"] == place)
    key = ", ".join(f"{name} {row[name]!r}" for name in keys)
    raise SnapshotError(
        f"{model_name}: several rows of {source} tell the label of {key}. A label has one row for each entity: "
        f"give {source} the entity's key as its key, or another entity to the population."
    )


def labels_of(project: Project, model_name: str, source_id: str, rows: pd.DataFrame) -> pd.Series[Any]:
    """Return the label of each row, as it was known when its horizon had passed; null where none had come.

    Parameters
    ----------
    source_id
        The artefact of the label's source.
    rows
        With the entity's key and ``effective_time``, such as rows of the prediction log.
    """
    if rows.empty:
        return rows[EFFECTIVE_TIME].astype(object)
    keys = project.spec.file.entities[project.spec.models[model_name].population.entity]
    asked = pa.Table.from_pandas(rows[[*keys, EFFECTIVE_TIME]], preserve_index=False)
    with project.engine() as engine:
        labels = with_labels(project, model_name, source_id, asked, engine)
    return to_frame(labels.select([LABEL]))[LABEL].set_axis(rows.index)


def label_facts(labels: pa.ChunkedArray, is_number: bool) -> Mapping[str, Any]:
    """Return how labels are distributed: counts by class, or mean and range of numbers."""
    import pyarrow.compute as pc

    if not is_number:
        counts = {str(item["values"]).lower(): item["counts"] for item in pc.value_counts(labels).to_pylist()}
        return {"classes": dict(sorted(counts.items()))}
    ends = pc.min_max(labels).as_py()
    quantiles = pc.quantile(labels, q=[0.05, 0.5, 0.95]).to_pylist()
    return {
        "mean": pc.mean(labels).as_py(),
        "min": float(ends["min"]),
        "max": float(ends["max"]),
        **dict(zip(("p05", "median", "p95"), quantiles, strict=True)),
    }
