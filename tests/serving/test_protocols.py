"""Clients of MLflow and of the open inference protocol are answered by the same service."""

from __future__ import annotations

from typing import Any

import pytest

from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.protocols.open_inference import read_rows
from tests.serving.served import ROW, Server


def test_mlflow_clients_are_answered(server: Server) -> None:
    wanted = server.post("/models/by_rows/predict", ROW).json()["score"]
    split = {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())] * 2}}
    for body in (
        split,
        {"dataframe_records": [ROW, ROW]},
        {"instances": [ROW, ROW]},
        {"inputs": {name: [value, value] for name, value in ROW.items()}},
        {**split, "params": {}},
    ):
        answer = server.post("/models/by_rows/invocations", body)
        assert answer.status_code == 200, answer.text
        assert [item["score"] for item in answer.json()["predictions"]] == [wanted, wanted]
    assert server.get("/ping").status_code == 200
    assert server.post("/invocations", split).json()["error"]["code"] == "unknown_model"  # four models answer here


def test_clients_of_the_open_inference_protocol_are_answered(server: Server) -> None:
    wanted = server.post("/models/by_rows/predict", ROW).json()
    kinds = {"id": "BYTES", "shop": "BYTES", "customer": "INT64", "items": "INT64", "gift": "BOOL"}
    inputs = [{"name": name, "datatype": kinds[name], "shape": [3], "data": [value] * 3} for name, value in ROW.items()]
    answer = server.post("/v2/models/by_rows/infer", {"id": "42", "inputs": inputs, "outputs": [{"name": "score"}]})
    assert answer.json() == {
        "model_name": "by_rows",
        "model_version": str(wanted["version"]),
        "id": "42",
        "outputs": [{"name": "score", "datatype": "FP64", "shape": [3], "data": [wanted["score"]] * 3}],
    }
    assert server.get("/v2/health/live").status_code == server.get("/v2/health/ready").status_code == 200
    about = server.get("/v2/models/by_rows").json()
    assert {"name": "customer", "datatype": "INT64", "shape": [-1]} in about["inputs"]
    inputs[0] = {**inputs[0], "shape": [4]}
    assert server.post("/v2/models/by_rows/infer", {"inputs": inputs}).status_code == 400
    unknown = server.post("/v2/models/by_rows/infer", {"inputs": inputs[1:], "outputs": [{"name": "magic"}]})
    assert unknown.status_code in (400, 422)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("INT8", 1000),
        ("INT8", -129),
        ("UINT8", -1),
        ("UINT16", 65_536),
        ("INT32", 2**31),
        ("UINT64", 2**64),
        ("INT64", 2**63),
        ("INT64", 1.0),
        ("INT64", True),
        ("BOOL", 1),
        (["INT64"], 1),
        ({}, 1),
        (None, 1),
    ],
)
def test_a_tensor_with_a_value_that_its_datatype_does_not_have_is_refused(
    server: Server, kind: Any, value: object
) -> None:
    kinds = {"id": "BYTES", "shop": "BYTES", "customer": "INT64", "items": kind, "gift": "BOOL"}
    row = ROW | {"items": value}
    inputs = [{"name": name, "datatype": kinds[name], "shape": [1], "data": [row[name]]} for name in row]
    answer = server.post("/v2/models/by_rows/infer", {"inputs": inputs})
    assert answer.status_code == 400, answer.text
    assert '"items"' in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "largest", "beyond"),
    [("FP16", 65504, 65505), ("FP32", 3.4028234663852886e38, 3.5e38), ("UINT8", 255, 256), ("INT16", -32768, -32769)],
)
def test_the_largest_value_of_a_datatype_is_one_of_it(kind: str, largest: float, beyond: float) -> None:
    """By IEEE 754 and the sizes of integers."""
    tensor = {"name": "items", "datatype": kind, "shape": [1]}
    assert read_rows({"inputs": [{**tensor, "data": [largest]}]}) == [{"items": largest}]
    with pytest.raises(RequestProblem, match=kind):
        read_rows({"inputs": [{**tensor, "data": [beyond]}]})


@pytest.mark.parametrize(
    "outputs", ["score", 5, {"name": "score"}, ["score"], [["score"]], [{"name": ["score"]}], [{}]]
)
def test_outputs_that_are_no_list_of_names_are_refused(server: Server, outputs: Any) -> None:
    kinds = {"id": "BYTES", "shop": "BYTES", "customer": "INT64", "items": "INT64", "gift": "BOOL"}
    inputs = [{"name": name, "datatype": kinds[name], "shape": [1], "data": [value]} for name, value in ROW.items()]
    answer = server.post("/v2/models/by_rows/infer", {"inputs": inputs, "outputs": outputs})
    assert answer.status_code == 400, answer.text
