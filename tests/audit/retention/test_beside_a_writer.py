"""A writer in another process goes on with objects that are being removed, and never loses one."""

import multiprocessing
import os
import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from ml_platform.audit.retention.plan import plan_removal
from ml_platform.audit.retention.remove import StalePlan, remove
from ml_platform.core.hashing import content_id
from ml_platform.project import open_project
from ml_platform.storage.artifacts import ArtifactStore
from tests.features.world import write_project

CONTENTS = [f"the bytes of object {number}".encode() * 20 for number in range(300)]
SECONDS = 7


def _write(root, seed):
    """Write artifacts of objects that mostly are there already, with pauses between an object and its manifest."""
    store, draw, end = open_project(root).store, random.Random(seed), time.monotonic() + SECONDS
    while time.monotonic() < end:
        names = draw.sample(range(len(CONTENTS) - 100), 3)
        objects = {str(name): store.put(CONTENTS[name]) for name in names}
        time.sleep(draw.uniform(0, 0.2))
        id = content_id([seed, draw.random()])
        store.write("note", id, id, objects=objects)


def test_a_writer_beside_never_loses_what_it_wrote(tmp_path):
    project = write_project(tmp_path, retention={"grace": "2s"})
    old = time.time() - 1000
    for content in CONTENTS:
        stored = project.store.put(content)
        os.utime(project.state / f"store/objects/{stored.sha256[:2]}/{stored.sha256}", (old, old))
    project.database.engine.dispose()
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(tmp_path, seed)) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    final, back = 0, 0
    while any(writer.is_alive() for writer in writers):
        for path in (project.state / "store/objects").rglob("*"):  # nothing is young: only being needed keeps it
            if path.is_file() and not path.name.startswith("."):
                try:
                    os.utime(path, (old, old))
                except FileNotFoundError:
                    continue
        now = datetime.now(UTC)
        try:
            done = remove(project, plan_removal(project, now, now).id, now, now, actor="ada")
        except StalePlan:
            continue
        final, back = final + len(done.final), back + len(done.back)
        time.sleep(0.2)
    assert [writer.exitcode for writer in writers] == [0, 0]
    notes = list(project.store.ids("note"))
    for id in notes:
        for name, stored in project.store.get("note", id).objects.items():
            assert project.store.read(stored) == CONTENTS[int(name)]
    assert len(notes) > 20
    assert final > 20, "something went for good meanwhile"


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    if request.param == "local":
        yield ArtifactStore(str(tmp_path / "store"))
    else:
        store = ArtifactStore(f"memory://{tmp_path.name}", tmp_path / "cache")
        yield store
        store._fs.rm(store._root, recursive=True)


def test_what_is_set_aside_is_listed_brought_back_and_removed_on_any_file_system(store):
    now = datetime(2024, 5, 1, tzinfo=UTC)
    one, two = store.put(b"one"), store.put(b"two")
    artifact = store.write("note", "a" * 64, "k", objects={"one": one, "two": two})
    removal = store.removal
    paths = [file.path for folder in ("keys", "manifests", "objects") for file in removal.files(folder)]
    assert len(paths) == 4
    assert all(removal.set_aside(path, now) for path in paths)
    assert not removal.set_aside(paths[0], now), "it is gone already"
    assert [file.path for file in removal.files("objects")] == []
    assert sorted((file.path, file.written_at) for file, _ in removal.aside()) == sorted((path, now) for path in paths)
    assert store.find("note", "k") == artifact
    assert store.read(one) == b"one"
    assert store.put(b"one") == one
    assert sorted(file.path for file, _ in removal.aside()) == [path for path in paths if path.endswith(two.sha256)]
    for _, at in list(removal.aside()):
        removal.remove(at)
        removal.remove(at)
    assert not removal.bring_back(f"objects/{two.sha256[:2]}/{two.sha256}")
    assert abs(next(removal.files("objects")).written_at - datetime.now(UTC)) < timedelta(minutes=5)
