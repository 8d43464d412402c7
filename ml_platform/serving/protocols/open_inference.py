"""The Open Inference Protocol, version 2, over JSON, which KServe, Triton and Seldon speak.

Source: https://github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ml_platform.declarations.source import ColumnType
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.request_body import shown
from ml_platform.serving.served_model import ServedModel

_DATATYPES: Mapping[ColumnType, str] = {
    "int": "INT64",
    "float": "FP64",
    "bool": "BOOL",
    "string": "BYTES",
    "timestamp": "BYTES",
}
_INTEGERS = {
    **{f"INT{bits}": range(-(1 << bits - 1), 1 << bits - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": range(1 << bits) for bits in (8, 16, 32, 64)},
}
_LARGEST = {"FP16": 65504.0, "FP32": float.fromhex("0x1.fffffep127"), "FP64": sys.float_info.max}
"""The largest finite value of IEEE 754's binary16, binary32 and binary64."""
_OF: Mapping[str, type | tuple[type, ...]] = {
    "BYTES": str,
    "BOOL": bool,
    **dict.fromkeys(_INTEGERS, int),
    **dict.fromkeys(_LARGEST, (int, float)),
}


def metadata(model: ServedModel) -> Mapping[str, Any]:
    """Return the metadata of a model in the protocol's form."""
    inputs = [{"name": name, "datatype": _DATATYPES[kind], "shape": [-1]} for name, kind in model.sent.items()]
    outputs = [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in _outputs(model).items()]
    return {
        "name": model.spec.name,
        "versions": [str(model.version.number)],
        "platform": "ml_platform",
        "inputs": inputs,
        "outputs": outputs,
    }


def read_rows(value: Any) -> list[Any]:
    """Return the rows of an inference request: one tensor of one dimension for each column.

    Raises
    ------
    RequestProblem
    """
    inputs = value.get("inputs") if isinstance(value, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise RequestProblem.malformed("inputs must be a list of at least one tensor.")
    columns: dict[str, list[Any]] = {}
    for tensor in inputs:
        name, data = _column(tensor)
        if name in columns:
            raise RequestProblem.malformed(f"the tensor {shown(name)} comes twice.")
        columns[name] = data
    lengths = {len(data) for data in columns.values()}
    if len(lengths) > 1 or 0 in lengths:
        raise RequestProblem.malformed("all tensors must have the same number of values, and at least one.")
    (length,) = lengths
    return [{name: data[place] for name, data in columns.items()} for place in range(length)]


def require_outputs(model: ServedModel, asked: Any) -> None:
    """Refuse a request for outputs that the model does not have, before anything is predicted.

    Raises
    ------
    RequestProblem
    """
    kinds = _outputs(model)
    if unknown := [name for name in _wanted(asked) if name not in kinds]:
        raise RequestProblem.malformed(f"there is no output {shown(unknown[0])}. There are {', '.join(kinds)}.")


def answer(model: ServedModel, bodies: Sequence[Mapping[str, Any]], asked: Any) -> Mapping[str, Any]:
    """Return answers as the protocol has them; a value that is null, or that a version does not have, is null.

    While a version is rolled out, two may answer the rows of one request. Then ``model_version`` is left out, and the
    output ``version`` has the version of each row.
    """
    kinds, names = {**_outputs(model), **_outputs_of(bodies)}, _wanted(asked)
    outputs = [
        {"name": name, "datatype": kind, "shape": [len(bodies)], "data": [_value(body, name) for body in bodies]}
        for name, kind in kinds.items()
        if not names or name in names
    ]
    id = asked.get("id") if isinstance(asked, dict) else None
    identity = {"id": id} if isinstance(id, str) else {}
    versions = {body["version"] for body in bodies}
    one = {"model_version": str(versions.pop())} if len(versions) == 1 else {}
    return {"model_name": model.spec.name, **one, **identity, "outputs": outputs}


def _wanted(asked: Any) -> list[str]:
    """Return the names of the outputs that a request asks for; none where it asks for all."""
    wanted = asked.get("outputs") if isinstance(asked, dict) else None
    wanted = [] if wanted is None else wanted
    if not isinstance(wanted, list) or not all(isinstance(item, dict) for item in wanted):
        raise RequestProblem.malformed("outputs must be a list of objects, each with a name.")
    names = [item.get("name") for item in wanted]
    if not all(isinstance(name, str) for name in names):
        raise RequestProblem.malformed("each of outputs must have a name.")
    return names


def _column(tensor: Any) -> tuple[str, list[Any]]:
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise RequestProblem.malformed("each tensor must be an object with a name.")
    name, shape, data = tensor["name"], tensor.get("shape"), tensor.get("data")
    kind = tensor.get("datatype")
    if not isinstance(data, list) or any(isinstance(value, list) for value in data):
        raise RequestProblem.malformed(f"the data of tensor {shown(name)} must be a flat list.")
    if shape not in ([len(data)], [len(data), 1]):
        raise RequestProblem.malformed(
            f"tensor {shown(name)} has {len(data)} values and the shape {shown(str(shape))}."
        )
    if not isinstance(kind, str) or kind not in _OF:
        raise RequestProblem.malformed(f"tensor {shown(name)} has the unknown datatype {shown(kind)}.")
    for value in data:
        if value is not None and not _fits(value, kind):
            raise RequestProblem.malformed(f"tensor {shown(name)} is {kind}, and holds {shown(value)}.")
    return name, data


def _fits(value: Any, kind: str) -> bool:
    """Return whether a value is one of a data type, which has a largest and a least number."""
    if not isinstance(value, _OF[kind]) or (isinstance(value, bool) and kind != "BOOL"):
        return False
    if isinstance(value, int) and kind in _INTEGERS:
        return value in _INTEGERS[kind]
    return not (isinstance(value, int | float) and kind in _LARGEST) or abs(value) <= _LARGEST[kind]


def _outputs(model: ServedModel) -> Mapping[str, str]:
    several = len(model.predictor.classes) > 2
    scores = {f"score.{label}": "FP64" for label in model.predictor.classes} if several else {"score": "FP64"}
    predicted = {"predicted": "BYTES"} if several else {}
    values = {"action": "BYTES", "expected_value": "FP64", "version": "INT64"}
    return {"prediction_id": "BYTES", **scores, **predicted, **values}


def _outputs_of(bodies: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return the scores that answers have: the version that is rolled out may have learnt other classes."""
    labels = dict.fromkeys(label for body in bodies for label in body.get("scores", ()))
    only_score = {"score": "FP64"} if any("score" in body for body in bodies) else {}
    return {**only_score, **{f"score.{label}": "FP64" for label in labels}}


def _value(body: Mapping[str, Any], name: str) -> Any:
    if name.startswith("score."):
        return body.get("scores", {}).get(name.removeprefix("score."))
    return body.get(name)
