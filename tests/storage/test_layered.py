"""A store over another one: what is below is read, what is new is written above, and below nothing ever changes."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.hashing import bytes_hash
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.database import Database, sqlite_url
from ml_platform.storage.layered import LayeredStore
from ml_platform.storage.manifest import StoredObject
from ml_platform.storage.manifest_index import ManifestIndex


def content_of(store: ArtifactStore) -> dict[str, bytes]:
    files, root = fsspec.core.url_to_fs(store.url)
    return {path.removeprefix(root): files.cat_file(path) for path in files.find(root)} if files.exists(root) else {}


@pytest.fixture
def upper(store: ArtifactStore, tmp_path: Path) -> LayeredStore:
    return LayeredStore(str(tmp_path / "upper"), store)


def test_an_artifact_below_is_read_and_nothing_is_written(store: ArtifactStore, upper: LayeredStore) -> None:
    stored = store.put(b"rows")
    store.write("snapshot", "a" * 64, "k" * 64, objects={"rows": stored})
    before = content_of(store)
    artifact = upper.find("snapshot", "k" * 64)
    assert artifact is not None
    assert (artifact.id, upper.read(artifact.objects["rows"]), upper.holds(stored)) == ("a" * 64, b"rows", True)
    assert upper.local_path(stored).read_bytes() == b"rows"
    assert upper.put(b"rows") == stored
    assert (content_of(store), content_of(ArtifactStore(upper.url))) == (before, {})


def test_what_is_new_is_written_above_only(store: ArtifactStore, upper: LayeredStore) -> None:
    store.write("snapshot", "a" * 64, "k" * 64)
    before = content_of(store)
    stored = upper.put(b"new")
    upper.write("snapshot", "b" * 64, "o" * 64, objects={"rows": stored})
    assert content_of(store) == before
    assert store.find("snapshot", "o" * 64) is None
    assert list(upper.ids("snapshot")) == ["a" * 64, "b" * 64]
    artifact = upper.find("snapshot", "o" * 64)
    assert artifact is not None
    assert upper.local_path(artifact.objects["rows"]).read_bytes() == b"new"


def test_another_key_of_an_artifact_below_is_written_above(store: ArtifactStore, upper: LayeredStore) -> None:
    store.write("snapshot", "a" * 64, "k" * 64)
    before = content_of(store)
    upper.write("snapshot", "a" * 64, "o" * 64)
    assert upper.find("snapshot", "o" * 64) == store.find("snapshot", "k" * 64)
    assert content_of(store) == before
    assert list(content_of(ArtifactStore(upper.url))) == [f"/keys/snapshot/{'o' * 64}"]


def test_what_neither_store_has_is_missing_and_damage_below_is_an_error(
    store: ArtifactStore, upper: LayeredStore
) -> None:
    with pytest.raises(ArtifactMissing):
        upper.read(StoredObject("0" * 64, 1))
    assert upper.find("snapshot", "k" * 64) is None
    stored = store.put(b"rows")
    files, root = fsspec.core.url_to_fs(store.url)
    files.pipe_file(f"{root}/objects/{stored.sha256[:2]}/{stored.sha256}", b"Rows")
    with pytest.raises(ArtifactDamaged):
        upper.read(stored)


def test_what_was_set_aside_below_is_not_brought_back(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    below = ArtifactStore(str(tmp_path / "below"))
    stored = below.put(b"rows")
    assert below.removal.set_aside(f"objects/{stored.sha256[:2]}/{stored.sha256}", datetime(2024, 3, 1, tzinfo=UTC))
    before = content_of(below)
    with pytest.raises(ArtifactMissing):
        LayeredStore(str(tmp_path / "upper"), below).read(stored)
    assert content_of(below) == before


def test_one_index_knows_the_manifests_of_both(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "platform.sqlite"))
    index = ManifestIndex(database)
    below = ArtifactStore(str(tmp_path / "below"), index=index)
    below.write("snapshot", "a" * 64, "k" * 64)
    upper = LayeredStore(str(tmp_path / "upper"), ArtifactStore(below.url), index=index)
    upper.write("snapshot", "b" * 64, "o" * 64)
    assert [upper.get("snapshot", id).id for id in ("a" * 64, "b" * 64)] == ["a" * 64, "b" * 64]
    manifest = Path(below.url) / f"manifests/snapshot/{'a' * 64}.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"snapshot", b"Snapshot"))
    with pytest.raises(ArtifactDamaged):
        upper.get("snapshot", "a" * 64)
    database.engine.dispose()


def test_a_copy_of_an_object_is_checked_against_its_hash(store: ArtifactStore, upper: LayeredStore) -> None:
    stored = store.put(b"rows")
    assert bytes_hash(upper.local_path(stored).read_bytes()) == stored.sha256
