"""MLflow's scoring protocol: ``/ping`` and ``/invocations``, as ``mlflow models serve`` answers them.

Source: MLflow's documentation, "Inference Server Specification".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.request_body import json_type, shown

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def read_rows(value: Any) -> list[Any]:
    """Return the rows of a body in one of MLflow's four forms.

    Raises
    ------
    RequestProblem
    """
    forms = [name for name in _FORMS if isinstance(value, dict) and name in value]
    if len(forms) != 1 or set(value) - {*forms, "params"}:
        raise RequestProblem.malformed(f"the body must be an object with exactly one of {', '.join(_FORMS)}.")
    (form,) = forms
    content = value[form]
    if form == "dataframe_split":
        return _of_split(content)
    if form == "inputs" and isinstance(content, dict):
        return _of_columns(content)
    if not isinstance(content, list):
        raise RequestProblem.malformed(f"{form} must be a list of objects, found {json_type(content)}.")
    return content


def answer(bodies: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return answers as MLflow's clients read them."""
    return {"predictions": list(bodies)}


def _of_split(content: Any) -> list[Any]:
    columns, data = (content.get("columns"), content.get("data")) if isinstance(content, dict) else (None, None)
    if (
        not isinstance(columns, list)
        or not isinstance(data, list)
        or not all(isinstance(name, str) for name in columns)
    ):
        raise RequestProblem.malformed("dataframe_split must have columns, a list of names, and data, a list of rows.")
    if len(set(columns)) != len(columns):
        raise RequestProblem.malformed("dataframe_split names a column twice.")
    for number, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(columns):
            raise RequestProblem.malformed(f"row {number} of dataframe_split must have {len(columns)} values.")
    return [dict(zip(columns, row, strict=True)) for row in data]


def _of_columns(content: Mapping[str, Any]) -> list[Any]:
    lengths = {name: len(values) if isinstance(values, list) else -1 for name, values in content.items()}
    if not lengths or len(set(lengths.values())) > 1 or -1 in lengths.values():
        raise RequestProblem.malformed(f"inputs must have lists of one length, found {shown(str(lengths))}.")
    (length,) = set(lengths.values())
    return [{name: values[place] for name, values in content.items()} for place in range(length)]
