"""A manifest or a key that somebody edited is not believed, though it is whole in itself."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.hashing import bytes_hash, canonical_json
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.database import Database
from ml_platform.storage.manifest_index import ManifestIndex, forget_file


@pytest.fixture
def indexed(database: Database, tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "store"), index=ManifestIndex(database))


def _edit(store: ArtifactStore, kind: str, id: str) -> None:
    path = Path(store.url) / f"manifests/{kind}/{id}.json"
    document = json.loads(path.read_bytes())
    document["manifest"]["about"]["rows"] = 7
    document["sha256"] = bytes_hash(canonical_json(document["manifest"]))
    path.write_bytes(canonical_json(document))


def test_an_edited_manifest_with_a_matching_hash_is_damaged(indexed: ArtifactStore) -> None:
    indexed.write("snapshot", "a", "k", about={"rows": 5})
    assert indexed.get("snapshot", "a").about == {"rows": 5}
    _edit(indexed, "snapshot", "a")
    with pytest.raises(ArtifactDamaged, match="manifest of snapshot a is damaged"):
        indexed.get("snapshot", "a")
    assert indexed.find("snapshot", "k") is None


def test_a_manifest_whose_writer_was_killed_before_it_was_remembered_is_no_finished_artifact(
    indexed: ArtifactStore, database: Database
) -> None:
    for id in ("a", "b", "c"):
        indexed.write("snapshot", id, f"k{id}")
    with database.writing() as connection:
        forget_file(connection, "manifests/snapshot/b.json")
    assert list(indexed.ids("snapshot")) == ["a", "c"]


def test_a_manifest_that_is_rewritten_over_an_edited_one_counts(indexed: ArtifactStore) -> None:
    indexed.write("snapshot", "a", "k", about={"rows": 5})
    _edit(indexed, "snapshot", "a")
    indexed.write("snapshot", "a", "k", about={"rows": 6})
    assert indexed.get("snapshot", "a").about == {"rows": 6}


def test_a_key_that_leads_elsewhere_than_it_did_finds_nothing(indexed: ArtifactStore) -> None:
    indexed.write("snapshot", "a", "k1")
    indexed.write("snapshot", "b", "k2")
    (Path(indexed.url) / "keys/snapshot/k1").write_text("b")
    assert indexed.find("snapshot", "k1") is None
    assert indexed.find("snapshot", "k2") == indexed.get("snapshot", "b")


def test_many_who_write_the_same_at_once_leave_what_is_remembered(indexed: ArtifactStore, database: Database) -> None:
    def write(number: int) -> None:
        other_store = ArtifactStore(indexed.url, index=ManifestIndex(database))
        other_store.write("snapshot", "a", f"k{number}", about={"by": number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))
    artifact = indexed.get("snapshot", "a").about["by"]
    assert 0 <= artifact < 16
    assert all(indexed.find("snapshot", f"k{number}") is not None for number in range(16))


def test_an_artifact_that_is_forgotten_may_be_removed(indexed: ArtifactStore, database: Database) -> None:
    indexed.write("snapshot", "a", "k1")
    indexed.write("snapshot", "b", "k2")
    with database.writing() as connection:
        forget_file(connection, "manifests/snapshot/a.json")
        forget_file(connection, "keys/snapshot/k1")
        forget_file(connection, "objects/ab/abc")
    index = ManifestIndex(database)
    assert list(index.manifests()) == [("snapshot", "b")]
    assert list(index.keys()) == [("snapshot", "k2")]


def test_a_manifest_and_a_key_that_the_index_does_not_know_are_missing(indexed: ArtifactStore) -> None:
    indexed.write("snapshot", "known", "k0")
    without_index = ArtifactStore(indexed.url)
    without_index.write("snapshot", "a", "k1", about={"rows": 7})
    with pytest.raises(ArtifactMissing):
        indexed.get("snapshot", "a")
    assert indexed.find("snapshot", "k1") is None
    (Path(indexed.url) / "keys/snapshot/k2").write_text("known")
    assert indexed.find("snapshot", "k2") is None, "nothing was written under this key"
    assert list(indexed.unknown()) == ["keys/snapshot/k1", "keys/snapshot/k2", "manifests/snapshot/a.json"]


def test_what_is_written_in_place_of_an_unknown_manifest_counts(indexed: ArtifactStore) -> None:
    ArtifactStore(indexed.url).write("snapshot", "a", "k1", about={"rows": 7})
    indexed.write("snapshot", "a", "k1", about={"rows": 5})
    assert indexed.get("snapshot", "a").about == {"rows": 5}
    assert list(indexed.unknown()) == []
