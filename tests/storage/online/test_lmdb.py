"""What the online store in a folder does alone: its map grows, its folder moves, processes fork."""

import os
import stat
import subprocess
import sys

import lmdb
import pytest

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.storage.online import lmdb_folder
from ml_platform.storage.online.description import NOTHING
from ml_platform.storage.online.opened import open_online_store
from ml_platform.storage.online.store import Change
from tests.storage.online.contents import KEYS, described, everything, write


@pytest.fixture
def small_map(monkeypatch):
    monkeypatch.setattr(lmdb_folder, "FIRST_SIZE", 2**17)


@pytest.mark.slow
def test_a_map_that_is_full_grows_and_readers_of_other_processes_follow(small_map, tmp_path):
    store = open_online_store(None, tmp_path, "any")
    write(store, 1)
    reader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from ml_platform.storage.online import lmdb_folder;"
            "lmdb_folder.FIRST_SIZE = 2**17;"
            "from ml_platform.storage.online.opened import open_online_store;"
            "store = open_online_store(None, Path(sys.argv[1]), 'any');\n"
            "for line in sys.stdin:\n"
            "    with store.view() as view:\n"
            "        print(view.description.generation, len(view.get([line.strip().encode()])[0]), flush=True)",
            tmp_path,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    asked = lambda: (reader.stdin.write("large\n"), reader.stdin.flush(), reader.stdout.readline())[2]  # noqa: E731
    store.publish([Change([(b"large", b"x" * 10)])], described(2))
    assert asked() == "2 10\n"
    store.publish(
        [Change([(b"other%d" % n, b"y" * 10_000) for n in range(200)]), Change([(b"large", b"z" * 99)])], described(3)
    )
    assert asked() == "3 99\n"
    with store.view() as view:
        assert everything(view) == {key: b"1 of %s" % key for key in KEYS}
    reader.stdin.close()
    assert reader.wait() == 0
    reader.stdout.close()
    store.close()


def test_a_forked_process_reopens_the_folder(tmp_path):
    store = open_online_store(None, tmp_path, "any")
    write(store, 1)
    child = os.fork()
    if child == 0:
        with store.view() as view:
            same = everything(view) == {key: b"1 of %s" % key for key in KEYS}
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    write(store, 2)
    with store.view() as view:
        assert view.description.generation == 2
    store.close()


def test_two_stores_of_one_process_share_the_folder_and_others_cannot_read_it(tmp_path):
    one, other = (open_online_store(None, tmp_path, "any") for _ in range(2))
    write(one, 1)
    with other.view() as view:
        assert view.description.generation == 1
    folder = tmp_path / "online"
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    one.close()


def test_a_publisher_that_was_killed_before_it_wrote_anything_is_in_nobodys_way(tmp_path):
    (tmp_path / "online" / "1").mkdir(parents=True)
    store = open_online_store(None, tmp_path, "any")
    with store.view() as view:
        assert view.description == NOTHING
    write(store, 1)
    with store.view() as view:
        assert view.description == described(1)
    store.close()


def test_a_folder_that_is_moved_while_it_is_opened_counts_as_closed_and_readers_look_for_the_next(
    tmp_path, monkeypatch
):
    store = open_online_store(None, tmp_path, "retail")
    write(store, 1)
    opened = open_online_store(None, tmp_path, "retail")
    with opened.view():
        pass  # from here on it remembers where the content is
    lmdb_folder.close_folder(tmp_path / "online" / "1")
    really_open, moves = lmdb.open, list[str]()

    def open_late(path, **options):
        if not moves:
            moves.append(path)
            (tmp_path / "online" / "1").rename(tmp_path / "online" / "2")
        return really_open(path, **options)

    monkeypatch.setattr(lmdb, "open", open_late)
    with opened.view() as view:
        assert everything(view) == {key: b"1 of %s" % key for key in KEYS}
    assert moves
    opened.close()


def test_a_folder_that_is_no_store_is_an_error_that_names_it(tmp_path):
    (tmp_path / "online" / "1").mkdir(parents=True)
    (tmp_path / "online" / "1" / "data.mdb").write_bytes(b"not a store" * 1000)
    store = open_online_store(None, tmp_path, "any")
    with pytest.raises(OnlineStoreUnavailable, match="online"), store.view():
        pass
