"""The contract of the artifact store, over a local folder and over an fsspec file system."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, StoreUnavailable
from ml_platform.core.hashing import bytes_hash
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact, StoredObject

KEY, OTHER_KEY, ID = "k" * 64, "o" * 64, "a" * 64


def overwrite(store: ArtifactStore, part: str, content: bytes) -> str:
    """Damage the one file whose path holds `part`, behind the store's back."""
    files, root = fsspec.core.url_to_fs(store.url)
    (path,) = [path for path in files.find(root) if part in path]
    files.pipe_file(path, content)
    return str(path)


def files_of(store: ArtifactStore) -> list[str]:
    files, root = fsspec.core.url_to_fs(store.url)
    return [path.removeprefix(root) for path in files.find(root)]


class TestObjects:
    def test_bytes_come_back_as_they_were(self, store: ArtifactStore) -> None:
        content = bytes(range(256)) * 100
        stored = store.put(content)
        assert stored == StoredObject(bytes_hash(content), len(content))
        assert store.read(stored) == content

    def test_empty_bytes_are_bytes_too(self, store: ArtifactStore) -> None:
        assert store.read(store.put(b"")) == b""

    def test_the_same_bytes_are_kept_once(self, store: ArtifactStore) -> None:
        assert store.put(b"twice") == store.put(b"twice")
        assert len(files_of(store)) == 1

    def test_an_object_that_is_not_there_is_named(self, store: ArtifactStore) -> None:
        missing = StoredObject("0" * 64, 3)
        for use in (store.read, store.local_path):
            with pytest.raises(ArtifactMissing) as caught:
                use(missing)
            assert str(caught.value) == (
                f"object {'0' * 64} is not in {store.url}. It was never finished, or has been removed."
            )

    @pytest.mark.parametrize("damage", [b"", b"rigth", b"right and more"], ids=["emptied", "same size", "longer"])
    def test_damaged_bytes_are_never_handed_out(self, store: ArtifactStore, damage: bytes) -> None:
        stored = store.put(b"right")
        overwrite(store, stored.sha256, damage)
        for use in (store.read, store.local_path):
            with pytest.raises(ArtifactDamaged) as caught:
                use(stored)
            assert str(caught.value) == (
                f"object {stored.sha256[:12]} is damaged: expected sha256 {stored.sha256[:12]}, found "
                f"{bytes_hash(damage)[:12]}. It is not used. Restore it from a copy, or materialize it again."
            )

    @pytest.mark.parametrize("damage", [b"", b"rigth", b"right and more"], ids=["emptied", "same size", "longer"])
    def test_storing_the_same_bytes_twice_repairs_a_damaged_object(self, store: ArtifactStore, damage: bytes) -> None:
        stored = store.put(b"right")
        overwrite(store, stored.sha256, damage)
        assert ArtifactStore(store.url).put(b"right") == stored
        assert store.read(stored) == b"right"

    def test_a_local_file_holds_the_bytes(self, store: ArtifactStore) -> None:
        stored = store.put(b"for a library that wants a file")
        path = store.local_path(stored)
        assert path.read_bytes() == b"for a library that wants a file"
        assert store.local_path(stored) == path

    def test_a_local_file_that_went_away_comes_back(self, store: ArtifactStore, tmp_path: Path) -> None:
        stored = store.put(b"cached")
        path = store.local_path(stored)
        if path.is_relative_to(tmp_path / "cache"):
            path.unlink()
        assert store.local_path(stored).read_bytes() == b"cached"


class TestArtifacts:
    def test_an_artifact_comes_back_whole(self, store: ArtifactStore) -> None:
        objects = {"rows.parquet": store.put(b"rows"), "model.txt": store.put(b"trees")}
        about = {"rows": 3, "share": 0.25, "names": ["a", "b"], "nested": {"none": None}}
        written = store.write("snapshot", ID, KEY, objects=objects, about=about, inputs={"sources/a": "b" * 64})
        assert store.get("snapshot", ID) == written == store.find("snapshot", KEY)
        assert written == Artifact("snapshot", ID, KEY, about, {"sources/a": "b" * 64}, objects)
        assert written.short_id == "a" * 12

    def test_instants_in_about_are_kept_as_text(self, store: ArtifactStore) -> None:
        store.write("snapshot", ID, KEY, about={"at": datetime(2024, 1, 1, tzinfo=UTC)})
        assert store.get("snapshot", ID).about == {"at": "2024-01-01T00:00:00.000000Z"}

    def test_what_was_never_written_is_missing(self, store: ArtifactStore) -> None:
        assert store.find("snapshot", KEY) is None
        assert list(store.ids("snapshot")) == []
        with pytest.raises(ArtifactMissing) as caught:
            store.get("snapshot", ID)
        assert str(caught.value) == (
            f"snapshot {ID} is not in {store.url}. It was never finished, or has been removed."
        )

    def test_kinds_do_not_meet(self, store: ArtifactStore) -> None:
        store.write("snapshot", ID, KEY)
        assert store.find("trained_model", KEY) is None
        with pytest.raises(ArtifactMissing):
            store.get("trained_model", ID)

    def test_an_id_is_written_once_and_stays_as_it_is(self, store: ArtifactStore) -> None:
        store.write("snapshot", ID, KEY, about={"rows": 1})
        store.write("snapshot", ID, OTHER_KEY, about={"rows": 2})
        assert store.get("snapshot", ID).about == {"rows": 1}

    def test_several_keys_may_lead_to_one_id(self, store: ArtifactStore) -> None:
        store.write("snapshot", ID, KEY)
        store.write("snapshot", ID, OTHER_KEY)
        for key in (KEY, OTHER_KEY):
            artifact = store.find("snapshot", key)
            assert artifact is not None
            assert artifact.id == ID

    def test_ids_are_listed_in_order(self, store: ArtifactStore) -> None:
        for id in ("c" * 64, "a" * 64, "b" * 64):
            store.write("snapshot", id, id)
        store.write("evaluation", "d" * 64, KEY)
        assert list(store.ids("snapshot")) == ["a" * 64, "b" * 64, "c" * 64]

    def test_objects_without_a_manifest_are_no_artifact(self, store: ArtifactStore) -> None:
        store.put(b"rows")
        assert list(store.ids("snapshot")) == []
        assert store.find("snapshot", KEY) is None

    def test_a_key_whose_manifest_is_gone_finds_nothing(self, store: ArtifactStore) -> None:
        store.write("snapshot", ID, KEY)
        files, root = fsspec.core.url_to_fs(store.url)
        files.rm(f"{root}/manifests/snapshot/{ID}.json")
        assert store.find("snapshot", KEY) is None

    @pytest.mark.parametrize(
        "damage",
        [b"", b"{", b"[]", b"null", b'{"manifest": {}, "sha256": "0"}', b"\xff\xfe"],
        ids=["empty", "torn", "a list", "null", "another", "not text"],
    )
    def test_a_damaged_manifest_is_never_handed_out(self, store: ArtifactStore, damage: bytes) -> None:
        store.write("snapshot", ID, KEY)
        overwrite(store, "manifests", damage)
        with pytest.raises(ArtifactDamaged, match=r"^manifest of snapshot aaaaaaaaaaaa is damaged: "):
            store.get("snapshot", ID)

    def test_a_changed_manifest_is_never_handed_out(self, store: ArtifactStore) -> None:
        store.write("snapshot", ID, KEY, about={"auc": 0.71})
        files, root = fsspec.core.url_to_fs(store.url)
        path = f"{root}/manifests/snapshot/{ID}.json"
        files.pipe_file(path, files.cat_file(path).replace(b"0.71", b"0.91"))
        with pytest.raises(ArtifactDamaged):
            store.get("snapshot", ID)

    def test_a_manifest_under_another_id_is_never_handed_out(self, store: ArtifactStore) -> None:
        store.write("snapshot", ID, KEY)
        files, root = fsspec.core.url_to_fs(store.url)
        files.copy(f"{root}/manifests/snapshot/{ID}.json", f"{root}/manifests/snapshot/{'b' * 64}.json")
        with pytest.raises(ArtifactDamaged):
            store.get("snapshot", "b" * 64)

    def test_a_damaged_manifest_is_remade_rather_than_reused(self, store: ArtifactStore) -> None:
        store.write("snapshot", ID, KEY, about={"rows": 1})
        overwrite(store, "manifests", b"{")
        assert store.find("snapshot", KEY) is None
        store.write("snapshot", ID, KEY, about={"rows": 1})
        assert store.get("snapshot", ID).about == {"rows": 1}

    def test_a_value_without_a_canonical_form_writes_nothing(self, store: ArtifactStore) -> None:
        with pytest.raises(TypeError):
            store.write("snapshot", ID, KEY, about={"auc": float("nan")})
        assert store.find("snapshot", KEY) is None
        assert list(store.ids("snapshot")) == []

    def test_many_writers_of_the_same_artifact_agree(self, store: ArtifactStore) -> None:
        def write(_: int) -> Artifact:
            writer = ArtifactStore(store.url)
            return writer.write("snapshot", ID, KEY, objects={"rows": writer.put(b"rows" * 1000)})

        with ThreadPoolExecutor(8) as pool:
            written = list(pool.map(write, range(32)))
        assert {artifact.id for artifact in written} == {ID}
        assert store.read(store.get("snapshot", ID).objects["rows"]) == b"rows" * 1000


class TestTornWrites:
    """A write that dies leaves what was there, and no artifact that is half there."""

    @pytest.fixture
    def local(self, tmp_path: Path) -> ArtifactStore:
        return ArtifactStore(str(tmp_path / "store"))

    def test_a_write_that_dies_leaves_nothing(self, local: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
        def die(*_: object) -> None:
            raise OSError("no space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(Path, "replace", die)
            with pytest.raises(OSError, match="no space left"):
                local.put(b"rows")
        assert files_of(local) == []
        assert local.read(local.put(b"rows")) == b"rows"

    def test_a_run_that_dies_before_the_manifest_made_no_artifact(
        self, local: ArtifactStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        objects = {"rows": local.put(b"rows")}
        replace = Path.replace

        def die_at_manifest(source: Path, target: Path) -> Path:
            if "manifests" in str(target):
                raise OSError("killed")
            return replace(source, target)

        with monkeypatch.context() as broken:
            broken.setattr(Path, "replace", die_at_manifest)
            with pytest.raises(OSError, match="killed"):
                local.write("snapshot", ID, KEY, objects=objects)
        assert local.find("snapshot", KEY) is None
        assert list(local.ids("snapshot")) == []

    def test_a_run_that_dies_before_the_key_is_repeated(
        self, local: ArtifactStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace = Path.replace

        def die_at_key(source: Path, target: Path) -> Path:
            if "keys" in str(target):
                raise OSError("killed")
            return replace(source, target)

        with monkeypatch.context() as broken:
            broken.setattr(Path, "replace", die_at_key)
            with pytest.raises(OSError, match="killed"):
                local.write("snapshot", ID, KEY)
        assert local.find("snapshot", KEY) is None
        local.write("snapshot", ID, KEY)
        assert local.find("snapshot", KEY) == local.get("snapshot", ID)


@pytest.mark.parametrize("url", ["nosuch://bucket/x", "wandb://project/x", "ftp://127.0.0.1:1/x"])
def test_a_store_whose_file_system_is_not_installed_or_does_not_answer_is_one_sentence(url: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        ArtifactStore(url)
    text = str(caught.value)
    assert text.startswith(f"the artifact store {url.partition('://')[0]}://... cannot be opened: ")
    remedy = "Install the package that reads it, start its server, or correct storage.artifacts in project.yaml."
    assert text.endswith(remedy)
