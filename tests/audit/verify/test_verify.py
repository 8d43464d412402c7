"""What verifying says: what is damaged, what it was, and what to do."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from ml_platform.audit.retention.plan import plan_removal
from ml_platform.audit.verify.verify import verify_project
from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.hashing import bytes_hash, canonical_json
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.ledger.anchors import anchor_ledger
from ml_platform.storage.ledger.lines import append_line
from ml_platform.storage.manifest import StoredObject
from ml_platform.storage.manifest_index import MANIFESTS, forget_file
from ml_platform.storage.removals import begin_removal
from ml_platform.storage.rows import put_row
from tests.audit.verify.factory import DAY, MODEL, NOON, inputs_of


def _object(project: Project, stored: StoredObject) -> Path:
    return project.state / "store/objects" / stored.sha256[:2] / stored.sha256


def _snapshot_of_champion(project: Project) -> str:
    trained = champion(project, MODEL)
    assert trained is not None
    return trained.snapshot


def test_a_damaged_object_is_reported_with_who_needs_it_and_what_to_do(factory: Project) -> None:
    snapshot = factory.store.get("snapshot", _snapshot_of_champion(factory))
    day = sorted(snapshot.objects)[-1]
    path = _object(factory, snapshot.objects[day])
    path.write_bytes(path.read_bytes()[:-7])
    (damage,) = verify_project(factory).damages
    assert (damage.state, damage.thing) == ("damaged", "object")
    assert damage.where == path.relative_to(factory.state / "store").as_posix()
    assert damage.was.startswith(f"{day} of champion of late_parcel > trained_model ")
    assert damage.was.endswith(f" > snapshot {snapshot.short_id}")
    assert (
        damage.remedy
        == "Restore it from a copy, or remove it and the manifest, then run: the platform computes it again."
    )


def test_a_file_that_this_user_may_not_read_is_not_called_damaged(factory: Project) -> None:
    """Whoever runs tests may be allowed everything, so the file system itself refuses."""

    def refuse(self: LocalFileSystem, path: str, **kwargs: object) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalFileSystem, "cat_file", refuse)
        with pytest.raises(PermissionError, match="Permission denied"):
            verify_project(factory)


def test_what_can_be_remade_is_the_same_after_its_remedy(factory: Project) -> None:
    id = _snapshot_of_champion(factory)
    stored = factory.store.get("snapshot", id).objects["2024-02-01"]
    _object(factory, stored).unlink()
    (damage,) = verify_project(factory).damages
    assert (damage.state, damage.thing) == ("missing", "object")
    (factory.state / f"store/manifests/snapshot/{id}.json").unlink()
    assert build_snapshot(factory, MODEL, inputs_of(factory), NOON + DAY).artifact.id == id
    assert verify_project(factory).whole


def test_a_manifest_that_was_edited_with_its_hash_and_what_remembers_it_is_detected_by_its_id(factory: Project) -> None:
    id = _snapshot_of_champion(factory)
    path = factory.state / f"store/manifests/snapshot/{id}.json"
    document = json.loads(path.read_bytes())
    document["manifest"]["about"]["boundaries"]["test_start"] = "2024-02-20T00:00:00.000000Z"
    _seal(factory, path, document)
    (damage,) = verify_project(factory).damages
    assert (damage.state, damage.thing) == ("damaged", "content")
    assert damage.problem.startswith("its id is ")
    with pytest.raises(ArtifactDamaged, match=r"snapshot .* is damaged"):
        load_snapshot(factory, id)


def _seal(project: Project, path: Path, document: dict[str, object]) -> None:
    """Write a manifest with its own hash, and let the database know it as if it had been written so."""
    document["sha256"] = bytes_hash(canonical_json(document["manifest"]))
    path.write_bytes(canonical_json(document))
    with project.database.writing() as connection:
        put_row(
            connection,
            MANIFESTS,
            {"kind": path.parent.name, "id": path.stem},
            {"sha256": bytes_hash(path.read_bytes())},
        )


def test_a_whole_manifest_that_the_database_never_knew_is_called_unknown_and_never_read(factory: Project) -> None:
    other = ArtifactStore(str(factory.state / "store"))  # as a process that is killed before the database knows
    other.write("snapshot", "f" * 64, "e" * 64, about={"rows": 1})
    verification = verify_project(factory)
    assert verification.whole
    assert verification.unknown == [f"manifests/snapshot/{'f' * 64}.json", f"keys/snapshot/{'e' * 64}"]
    with pytest.raises(ArtifactMissing):
        factory.store.get("snapshot", "f" * 64)


def test_a_database_that_cannot_be_read_is_one_damage_and_the_store_is_checked_as_it_is(factory: Project) -> None:
    factory.database.engine.dispose()
    for path in factory.state.glob("platform.sqlite*"):
        path.unlink()
    (factory.state / "platform.sqlite").write_bytes(b"this is no database" * 1000)
    stored = next(path for path in sorted((factory.state / "store/objects").rglob("*")) if path.is_file())
    stored.write_bytes(b"?")
    verification = verify_project(open_project(factory.root))
    assert [damage.thing for damage in verification.damages] == ["database", "object"]
    assert verification.damages[0].problem == "it cannot be read (file is not a database)"
    assert verification.damages[0].where == str(factory.state / "platform.sqlite")
    assert verification.damages[0].remedy == "The file is damaged or is no SQLite database. Restore it from a copy."
    assert verification.damages[1].where == stored.relative_to(factory.state / "store").as_posix()


def test_an_object_that_no_artifact_names_is_no_damage_unless_it_is_one(factory: Project) -> None:
    stored = factory.store.put(b"left by a process that was stopped")
    verification = verify_project(factory)
    assert verification.whole
    assert verification.unused == 1
    _object(factory, stored).write_bytes(b"something else")
    (damage,) = verify_project(factory).damages
    assert damage.was == "an object that no artifact uses"


def test_a_file_without_a_place_is_surplus(factory: Project) -> None:
    before = plan_removal(factory, NOON, NOON)
    names = (
        "objects/ab/.half.written",
        "manifests/snapshot/notes.txt",
        "keys/snapshot/readme",
        "keys/note",
        "manifests/x",
    )
    for name in (*names, "manifests/x", "aside/.DS_Store", "aside/mine/rows.csv"):
        path = factory.state / "store" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("?")
    verification = verify_project(factory)
    assert sorted(damage.where for damage in verification.damages) == [
        "keys/note",
        "keys/snapshot/readme",
        "manifests/snapshot/notes.txt",
        "manifests/x",
        "objects/ab/.half.written",
    ]
    assert set(verification.counts) == {"surplus file"}
    assert plan_removal(factory, NOON, NOON) == before
    assert not factory.store.removal.bring_back("objects/00/0000")


def test_remains_of_a_killed_process_are_counted_and_no_damage(factory: Project) -> None:
    (factory.state / "store/tmp").mkdir(exist_ok=True)
    (factory.state / "store/tmp/.0a1b.half").write_bytes(b"half an object")
    verification = verify_project(factory)
    assert (verification.whole, verification.leftovers, verification.as_json()["leftover_files"]) == (True, 1, 1)


def test_a_removal_that_was_stopped_is_unfinished_and_no_damage(factory: Project) -> None:
    (id,) = set(factory.store.ids("snapshot")) - {_snapshot_of_champion(factory)}
    path = f"manifests/snapshot/{id}.json"
    begin_removal(factory.database, [path, "objects/00/0000"])
    (factory.state / "store" / path).unlink()
    verification = verify_project(factory)
    assert [damage.where for damage in verification.damages if damage.thing != "key"] == []
    assert verification.unfinished == ["the removal of 1 files: a process was interrupted. ml-platform gc finishes it."]


def test_what_was_removed_on_purpose_is_not_missed(factory: Project) -> None:
    (id,) = set(factory.store.ids("snapshot")) - {_snapshot_of_champion(factory)}
    key = factory.store.get("snapshot", id).key
    (factory.state / f"store/manifests/snapshot/{id}.json").unlink()
    (factory.state / f"store/keys/snapshot/{key}").unlink()
    assert {damage.where.split("/")[0] for damage in verify_project(factory).damages} == {"manifests", "keys"}
    with factory.database.writing() as connection:
        forget_file(connection, f"keys/snapshot/{key}")
        facts = {"removed": {"snapshot": [id]}}
        append_line(connection, at=NOON, actor="ada", action="delete", ref="retention", reason="old", facts=facts)
    anchor_ledger(factory)
    assert verify_project(factory).whole


def test_what_was_set_aside_to_be_removed_stays_aside_and_is_not_missed(factory: Project) -> None:
    (id,) = set(factory.store.ids("snapshot")) - {_snapshot_of_champion(factory)}
    path = f"manifests/snapshot/{id}.json"
    assert factory.store.removal.set_aside(path, NOON)
    assert verify_project(factory).whole
    assert [file.path for file, _ in factory.store.removal.aside()] == [path]


def test_a_thousand_damages_are_kept_and_all_are_counted(factory: Project) -> None:
    folder = factory.state / "store/objects/zz"
    folder.mkdir(parents=True)
    for number in range(1100):
        (folder / f"{number}").write_text("")
    verification = verify_project(factory)
    assert len(verification.damages) == 1000
    assert verification.counts == {"surplus file": 1100}


def _command(root: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "ml-platform"), "verify", str(root), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.server
def test_the_command_prints_the_damage_and_fails(factory: Project) -> None:
    whole = _command(factory.root)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.startswith("shop: store verified, no damage (5 ledger lines, ")
    trained = champion(factory, MODEL)
    assert trained is not None
    (factory.state / f"store/manifests/trained_model/{trained.id}.json").write_text("{}")
    damaged = _command(factory.root)
    assert damaged.returncode == 1
    assert f"✗ damaged manifest manifests/trained_model/{trained.id}.json" in damaged.stdout
    assert f"was:  champion of late_parcel > trained_model {trained.id[:12]}" in damaged.stdout
    document = json.loads(_command(factory.root, "--json").stdout)
    assert document["whole"] is False
    assert document["damage_counts"] == {"damaged manifest": 1}
    assert document["damages"][0]["remedy"].startswith("Restore it from a copy")


def test_a_database_that_cannot_be_read_is_reported(factory: Project) -> None:
    factory.database.engine.dispose()
    path = factory.state / "platform.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    for name in ("platform.sqlite-wal", "platform.sqlite-shm"):
        (factory.state / name).unlink(missing_ok=True)
    verification = verify_project(open_project(factory.root))
    assert "damaged database" in verification.counts
    assert {damage.thing for damage in verification.damages} <= {"database", "ledger", "manifest", "key"}
