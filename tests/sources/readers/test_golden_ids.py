"""Declarations of sources mean what they meant when all readers were one class: the same ids and stored copies.

Every value was recorded on 2026-11-28, before each reader became a class of its own.
"""

from pathlib import Path

import pytest

from ml_platform.core.hashing import content_id
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.serialized import kept_declarations, read_declarations
from ml_platform.declarations.source import SourceSpec
from ml_platform.project import open_project
from ml_platform.sources.change_detection import look_at_source
from ml_platform.sources.ingest import ingest_source
from tests.features.world import SALES, at, sale, write_csv, write_project
from tests.sources.readers.expected_minutes import EXPECTED
from tests.worlds import FILES

FEED = "def sales():\n    return []\n\n\ndef version():\n    return '1'\n"
TABLE = {"connection": "shop_db", "table": "sales", "cursor": "at"}
QUERY = {"connection": "shop_db", "query": "select 1"}
EMPTY = {"null_values": [""]}
NULLS = {"csv": "data/*.csv", "null_values": ["", "NA"]}

READERS = [
    ({"csv": "data/*.csv"}, {"csv": "data/*.csv"} | EMPTY, "90e6ecb5f3e5bd3c"),
    (NULLS, NULLS, "8531d3b4b088a1fb"),
    ({"parquet": "s3://sales/*.parquet"}, {"parquet": "s3://sales/*.parquet"} | EMPTY, "be31186a3761bded"),
    ({"python": "feed:sales"}, {"python": "feed:sales"} | EMPTY, "3383ccf0e69003b2"),
    (
        {"python": "feed:sales", "fingerprint": "feed:version"},
        {"python": "feed:sales", "fingerprint": "feed:version"} | EMPTY,
        "db8688da1dc4519f",
    ),
    ({"postgres": TABLE}, {"postgres": TABLE} | EMPTY, "d9b64997841e59ae"),
    ({"postgres": QUERY}, {"postgres": QUERY} | EMPTY, "cc187845197d6719"),
]

SHOP = {
    "sources/deliveries": "b77a41ca2f0fefed",
    "sources/orders": "1afa3245ca538092",
    "sources/expected": "405f4754270ba36f",
    "features/courier_recent": "e5253abad3758c0f",
    "late_parcel/snapshot": "71230f065d645108",
    "late_parcel/trained_model": "84524db48bc775b1",
    "lateness/snapshot": "4591402f62bd069f",
}


def shop(directory: Path):
    for name, text in (FILES | {"sources/expected.yaml": EXPECTED}).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return open_project(directory)


@pytest.mark.parametrize(("declared", "kept", "version"), READERS)
def test_a_reader_decides_the_same_and_is_kept_in_the_same_form(tmp_path, declared, kept, version):
    (tmp_path / "feed.py").write_text(FEED)
    source = SALES | {"reader": declared}
    project = write_project(tmp_path, sources={"sales": source}, connections={"shop_db": "postgresql://nowhere/golden"})
    spec = project.spec.sources["sales"]
    dumped = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert deciding_part(project.spec, "source", "sales")["reader"] == dumped["reader"] == kept
    assert list(dumped["reader"]) == list(kept)  # kept copies are hashed as they are written
    assert [node.code_version for node in build_graph(project.spec)] == [version]
    assert SourceSpec.model_validate(dumped) == spec


def test_the_nodes_of_a_project_keep_their_code_versions_and_models_their_copies(tmp_path):
    spec = shop(tmp_path).spec
    versions = {str(node.name): node.code_version for node in build_graph(spec)}
    assert {name: versions[name] for name in SHOP} == SHOP
    copies = {name: kept_declarations(spec, name) for name in spec.models}
    assert {name: content_id(copy)[:16] for name, copy in copies.items()} == {
        "late_parcel": "c28fda5dc9e5a774",
        "lateness": "09f1dba559ec745e",
    }
    expected = spec.sources["expected"].model_dump(mode="json", by_alias=True, exclude_none=True)
    assert content_id(expected)[:16] == "0fd593ec324e4f81"
    reread = read_declarations(spec, copies["late_parcel"])
    assert reread.sources == {name: spec.sources[name] for name in reread.sources}


def test_an_ingest_has_the_same_artifact_lineage_and_scope(tmp_path):
    write_csv(tmp_path / "data/sales.csv", list(SALES["columns"]), [sale("a", 1), sale("b", 2, amount=2.5)])
    project = write_project(tmp_path, sources={"sales": SALES | {"reader": {"csv": "data/sales.csv"}}})
    look = look_at_source(project, "sales", at(3))
    assert (look.lineage[:16], look.scope[:16]) == ("4a8f2dccf9d22537", "cf853eb0a272e003")
    assert ingest_source(project, "sales", at(3)).made.artifact.id.startswith("c39dbcf07248c0ba")


def test_a_source_of_predictions_has_the_same_lineage_and_scope(tmp_path):
    look = look_at_source(shop(tmp_path), "expected", at(3))
    assert (look.lineage[:16], look.scope[:16]) == ("9961b1ff6981164b", "f7a8241c9410eab5")
