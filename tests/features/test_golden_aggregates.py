"""Feature tables are what they were when all aggregates were one class: the same ids, keys, stored bytes and values.

Every value was recorded on 2026-11-28, before each aggregate became a class of its own; the ids and bytes of what is
stored on 2026-11-29, when limbs of floats became whole numbers of 64 bits. No value of a feature changed then.
"""

from ml_platform.core.hashing import content_id
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.graph import build_graph
from tests.features.feature_tables import answers, built, declared, project_of, row
from tests.features.world import at

ROWS = [
    row("r", 1, amount=0.1, items=3),
    row("s", 2, seen=4, amount=-7.25, kind="y"),
    row("t", 2, amount=None, items=None),
    row("u", 3, shop="b", amount=2.5e10, kind=None),
    row("r", 1, seen=5, amount=0.3),
]


LATER = ("oldest", "oldest_x", "some", "no_one")


def table():
    declaration = declared()
    declaration["features"] = {name: item for name, item in declaration["features"].items() if name not in LATER}
    declaration["features"] |= {
        "state": {"as_of": "kind", "unit": "x", "description": "Told."},
        "change": {"derived": "total_1h - total_ever"},
    }
    return declaration


def test_a_table_of_every_aggregate_has_the_same_ids_bytes_and_values(tmp_path):
    project = project_of(tmp_path, ROWS, table())
    spec = project.spec.feature_tables["recent"]
    artifact = built(project, at(9))
    answered = answers(project, artifact, [(shop, at(hour)) for shop in ("a", "b", "c") for hour in (0, 2, 3, 6)])
    plain = [{name: repr(value) for name, value in cells.items()} for cells in answered]
    about = {name: artifact.about[name] for name in ("columns", "rows", "known", "zeros", "chunks")}
    assert {
        "deciding": content_id(deciding_part(project.spec, "feature_table", "recent"))[:16],
        "kept": content_id(spec.model_dump(mode="json", by_alias=True, exclude_none=True))[:16],
        "versions": content_id({node.name: node.code_version for node in build_graph(project.spec)})[:16],
        "id": artifact.id[:16],
        "key": artifact.key[:16],
        "about": content_id(about)[:16],
        "objects": content_id({name: item.sha256 for name, item in artifact.objects.items()})[:16],
        "values": content_id(plain)[:16],
    } == {
        "deciding": "736784a411aa4af1",
        "kept": "caa452c3d6ae2312",
        "versions": "7b598c1d56bef914",
        "id": "dd69d36d8abded80",
        "key": "642ec9f1ddfc277f",
        "about": "9327ebe8fdbaee6f",
        "objects": "fe384b9491fcd493",
        "values": "953d4e2b9e894233",
    }
