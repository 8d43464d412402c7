"""What clients of every protocol get while two versions answer: the version of each row, and no fault of the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

import tests.serving.world as made_world
from ml_platform.operations.online.content import PopulationNeeds
from ml_platform.operations.online.sent_values import SentValues
from ml_platform.serving.candidate import entity_place
from tests.serving.served import Server, serve
from tests.serving.test_rollout import CANARY
from tests.serving.world import ServedWorld, made_up_rows, served_world

SHOPS = [f"s{number}" for number in range(40)]
TENSOR = {"name": "shop", "datatype": "BYTES", "shape": [len(SHOPS)], "data": SHOPS}
OTHER_CLASSES = {"x": "w", "y": "y", "z": "v"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    """A rollout of a version that has learnt other classes than the champion: w and v in place of x and z."""

    def others(*arguments: Any) -> pd.DataFrame:
        rows = made_up_rows(*arguments)
        return rows.assign(label=rows["label"].map(OTHER_CLASSES))

    with pytest.MonkeyPatch.context() as patch:
        world = served_world(tmp_path_factory.mktemp("served"), patch, ["kind"])
        patch.setattr(made_world, "made_up_rows", others)
        world.roll_out("kind", 7, CANARY)
        yield world


@pytest.fixture(scope="module")
def server(world: ServedWorld) -> Iterator[Server]:
    yield from serve(world)


def infer(server: Server, **tensor: Any) -> dict[str, Any]:
    answer = server.post("/v2/models/kind/infer", {"inputs": [{**TENSOR, **tensor}]})
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


def test_an_inference_client_learns_which_version_answered_each_row(server: Server) -> None:
    answers = server.post("/models/kind/predict", {"rows": [{"shop": shop} for shop in SHOPS]}).json()["predictions"]
    versions = [answer["version"] for answer in answers]
    assert set(versions) == {1, 2}
    answer = infer(server)
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    assert outputs["version"] == versions
    assert "model_version" not in answer
    for label in "vwxyz":
        assert outputs[f"score.{label}"] == [item["scores"].get(label) for item in answers]
    assert outputs["predicted"] == [item["predicted"] for item in answers]


@pytest.mark.parametrize("version", [1, 2])
def test_a_single_row_names_the_version_that_answered_it(server: Server, version: int) -> None:
    chosen = next(shop for shop in SHOPS if (entity_place("kind", (shop,)) < 0.3) == (version == 2))
    answer = infer(server, data=[chosen], shape=[1])
    assert answer["model_version"] == str(version)
    classes = {output["name"].removeprefix("score.") for output in answer["outputs"]}
    assert classes >= ({"x", "y", "z"} if version == 1 else {"v", "w", "y"})


@pytest.mark.parametrize("key", [b"1180591620717411303424", rb'"\ud800"', b"[1]", b"{}", b"null", b"true", b"1.5"])
def test_a_key_of_another_type_is_refused_as_without_a_rollout(server: Server, key: bytes) -> None:
    """2**70 has no 64 bits, and half of a surrogate pair is no text."""
    for body in (b'{"shop": %b}' % key, b'{"rows": [{"shop": %b}]}' % key):
        answer = server.post("/models/kind/predict", body)
        assert answer.status_code == 422, answer.text
        assert "shop" in answer.json()["error"]["message"]


def test_one_key_is_one_entity_however_json_writes_it() -> None:
    """-0.0 equals 0.0 by IEEE 754, and 7 is the float 7.0 where the column holds floats."""
    sent = SentValues("m", PopulationNeeds("rows", ("id",), {"id": "float"}, {"id": "float"}, "rows"))
    for one, other in ((7, 7.0), (0.0, -0.0), (0, -0.0), (10**22, 1e22)):
        places = {entity_place("m", sent.read_key({"id": value, "more": 1})) for value in (one, other)}
        assert len(places) == 1
    assert entity_place("m", (0.0,)) != entity_place("m", (1.0,))
