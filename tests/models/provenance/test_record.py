import os
import subprocess
import sys

import pytest

from ml_platform.core.errors import DirtyTree
from ml_platform.core.hashing import bytes_hash
from ml_platform.declarations.load.load import load_project
from ml_platform.models.provenance import DECLARED, declared_files, provenance
from ml_platform.models.provenance.machine import machine
from ml_platform.models.provenance.packages import lock_files
from ml_platform.models.provenance.repository import commit_of
from ml_platform.models.train import train_model
from ml_platform.project import open_project
from tests.models.rows import keep_snapshots, shop_project, snapshot
from tests.worlds import PROJECT

REFUSING = PROJECT + "audit: {dirty_tree: refuse}\n"


def git(folder, *command):
    who = {f"GIT_{role}_{part}": "ada@shop.example" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *command],
        cwd=folder,
        env={**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {"s": snapshot()})
    return shop_project(tmp_path)


@pytest.fixture
def committed(project):
    git(project.root, "init", "--quiet")
    git(project.root, "add", ".")
    git(project.root, "commit", "--quiet", "-m", "The shop")
    return project


def record(project):
    return provenance(project.spec, declared_files(project.spec))


def test_a_clean_tree_is_recorded_by_its_commit(committed):
    head = git(committed.root, "rev-parse", "HEAD")
    assert record(committed)["git"] == {"commit": head, "dirty": False, "changed": []}


def test_an_edited_or_new_declaration_makes_the_tree_dirty_and_anything_else_does_not(committed):
    (committed.root / "notes.txt").write_text("nothing that takes part")
    assert not record(committed)["git"]["dirty"]
    model = committed.root / "models" / "late_parcel.yaml"
    model.write_text(model.read_text() + "\n")
    (committed.root / "models" / "twin.yaml").write_text(model.read_text().replace("late_parcel", "twin"))
    recorded = provenance(load_project(committed.root), declared_files(load_project(committed.root)))["git"]
    assert (recorded["dirty"], recorded["changed"]) == (True, ["models/late_parcel.yaml", "models/twin.yaml"])


def test_a_project_below_the_root_of_its_repository_records_paths_relative_to_itself(tmp_path, monkeypatch):
    project = shop_project(tmp_path / "team" / "shop")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "The shop")
    model = project.root / "models" / "late_parcel.yaml"
    model.write_text(model.read_text() + "\n")
    assert record(project)["git"]["changed"] == ["models/late_parcel.yaml"]


def test_outside_a_repository_there_is_no_commit(project, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.root.parent))
    assert record(project)["git"] is None


def test_without_git_there_is_no_commit_and_no_error(committed, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit_of(committed.root, ["project.yaml"]) is None


def test_a_dirty_tree_is_refused_where_the_project_declares_it_and_nothing_is_trained(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {"s": snapshot()})
    project = shop_project(tmp_path, project=REFUSING)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "The shop")
    model = tmp_path / "models" / "late_parcel.yaml"
    model.write_text(model.read_text() + "\n")
    head = git(tmp_path, "rev-parse", "HEAD")
    with pytest.raises(DirtyTree) as raised:
        train_model(open_project(tmp_path), "late_parcel", "s")
    assert str(raised.value) == (
        f"models/late_parcel.yaml differs from commit {head[:12]}, and project.yaml has audit.dirty_tree: "
        "refuse. Nothing was trained. Commit, or declare dirty_tree: mark."
    )
    assert list(project.store.ids("trained_model")) == []
    git(tmp_path, "commit", "--quiet", "-am", "A line more")
    assert not train_model(open_project(tmp_path), "late_parcel", "s").reused


def test_a_trained_model_keeps_its_declarations_and_what_it_was_made_with(project):
    trained = train_model(project, "late_parcel", "s").artifact
    kept = {name.removeprefix(DECLARED): item for name, item in trained.objects.items() if name.startswith(DECLARED)}
    written = {path.relative_to(project.root).as_posix(): path.read_bytes() for path in project.root.rglob("*.yaml")}
    assert {path: project.store.read(item) for path, item in kept.items() if path.endswith(".yaml")} == written
    details = trained.about["provenance"]
    assert details["packages"]["lightgbm"] == trained.about["environment"]["lightgbm"]
    assert details["threads"] == project.spec.file.threads
    assert details["machine"]["architecture"] == trained.about["environment"]["machine"]


def test_secrets_of_the_environment_are_not_kept(tmp_path):
    text = PROJECT + "connections: {orders: '${SHOP_DATABASE}'}\n"
    shop = shop_project(tmp_path)
    (tmp_path / "project.yaml").write_text(text)
    spec = load_project(shop.root, {"SHOP_DATABASE": "postgresql://ada:secret@db/orders"})
    assert spec.file.connections == {"orders": "postgresql://ada:secret@db/orders"}
    assert all(b"secret" not in content for content in declared_files(spec).values())


def test_the_nearest_lock_file_is_recorded_by_its_hash(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "uv.lock").write_bytes(b"far")
    shop = tmp_path / "shop"
    shop.mkdir()
    assert lock_files(shop) == {"uv.lock": bytes_hash(b"far")}
    (shop / "requirements.lock").write_bytes(b"near")
    assert lock_files(shop) == {"requirements.lock": bytes_hash(b"near")}


def test_no_lock_file_above_the_repository_is_taken(tmp_path):
    (tmp_path / "uv.lock").write_bytes(b"another's")
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    assert lock_files(tmp_path / "shop") == {}


def test_the_machine_is_recorded_in_plain_values():
    machine_facts = machine()
    assert machine_facts["cores"] == os.cpu_count()
    assert machine_facts["blas"]
    assert all(isinstance(value, str | int | list) for value in machine_facts.values())


@pytest.mark.slow
def test_of_two_installed_versions_the_one_that_is_imported_is_recorded(tmp_path):
    folder = tmp_path / "lightgbm-0.0.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: lightgbm\nVersion: 0.0.1\n")
    code = "from ml_platform.models.provenance.packages import installed; print(installed()['lightgbm'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.stdout.strip() == "0.0.1"
