"""What every online store does: one content or another, and never a mixture."""

import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import lmdb
import pytest
import redis

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.storage.online import lmdb_folder
from ml_platform.storage.online.description import NOTHING, Description
from ml_platform.storage.online.opened import open_online_store
from ml_platform.storage.online.store import Change
from tests.storage.online.servers import redis_server

KEYS = [b"thing:int\0%d" % number for number in range(50)]


def described(generation):
    return Description(generation=generation, as_of=generation * 10, key=str(generation))


def write(store, generation, keys=KEYS, removals=()):
    """Publish records that say their generation."""
    writes = [(key, b"%d of %s" % (generation, key)) for key in keys]
    store.publish([Change(writes, removals)], described(generation))


def everything(view):
    return {
        bytes(key): None if value is None else bytes(value) for key, value in zip(KEYS, view.get(KEYS), strict=True)
    }


def test_a_new_store_holds_nothing(store):
    with store.view() as view:
        assert view.description == NOTHING
        assert view.get([b"a", b"b"]) == [None, None]
        assert list(view.keys(b"")) == [] or all(key.startswith(b"\0") for key in view.keys(b""))


def test_what_is_published_is_read_with_its_description(store):
    write(store, 1)
    with store.view() as view:
        assert view.description == described(1)
        assert everything(view) == {key: b"1 of %s" % key for key in KEYS}
        assert sorted(view.keys(b"thing:int\0")) == sorted(KEYS)
        assert list(view.keys(b"other")) == []


def test_a_view_keeps_its_content_while_the_next_is_published(opens, store):
    write(store, 1)
    other = opens()
    with other.view() as view:
        write(store, 2, KEYS[:25], KEYS[25:30])
        assert view.description == described(1)
        assert everything(view) == {key: b"1 of %s" % key for key in KEYS}
    with other.view() as view:
        assert view.description == described(2)
        all_rows = everything(view)
    assert [all_rows[key] for key in KEYS[25:30]] == [None] * 5
    assert all(all_rows[key].startswith(b"2 of") for key in KEYS[:25])
    assert all(all_rows[key].startswith(b"1 of") for key in KEYS[30:])


def test_records_that_were_removed_can_come_back(store):
    write(store, 1)
    write(store, 2, (), KEYS[:3])
    write(store, 3, KEYS[:1])
    write(store, 4, ())
    with store.view() as view:
        all_rows = everything(view)
        assert all_rows[KEYS[0]] == b"3 of %s" % KEYS[0]
        assert all_rows[KEYS[1]] is None
        assert sorted(view.keys(b"thing")) == sorted([KEYS[0], *KEYS[3:]])


def test_changes_that_fail_half_way_leave_the_former_content(store):
    def broken() -> Iterator[Change]:
        yield Change([(key, b"never") for key in KEYS[:20]], KEYS[30:])
        raise RuntimeError("the publisher failed")

    write(store, 1)
    with pytest.raises(RuntimeError):
        store.publish(broken(), described(2))
    with store.view() as view:
        assert view.description == described(1)
        assert everything(view) == {key: b"1 of %s" % key for key in KEYS}
    write(store, 2, KEYS[10:12])  # the next publication is of its own records alone
    with store.view() as view:
        all_rows = everything(view)
    assert {key: value for key, value in all_rows.items() if value.startswith(b"2")}.keys() == set(KEYS[10:12])
    assert b"never" not in all_rows.values()
    assert None not in all_rows.values()


@pytest.mark.slow
def test_readers_see_one_generation_while_others_are_written(opens, store):
    write(store, 1)
    stop, torn, seen = threading.Event(), [], set()

    def read():
        opened = opens()
        while not stop.is_set():
            try:
                with opened.view() as view:
                    number = view.description.generation
                    all_rows = everything(view)
            except OnlineStoreUnavailable:  # Redis: it was published twice meanwhile
                continue
            seen.add(number)
            if set(all_rows.values()) != {b"%d of %s" % (number, key) for key in KEYS}:
                torn.append((number, all_rows))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for generation in range(2, 120):
        write(store, generation)
    stop.set()
    for reader in readers:
        reader.join()
    assert not torn
    assert len(seen) > 3


def test_what_was_removed_is_gone_from_disk_and_server_after_a_purge(opens, store, tmp_path, request):
    write(store, 1)
    other = opens()
    with other.view() as view:
        assert everything(view)[KEYS[0]] == b"1 of %s" % KEYS[0]
    store.publish([Change([(KEYS[1], b"the secret of the person")], KEYS[:1])], described(2))
    store.publish([Change([(KEYS[1], b"new")])], described(3))
    store.purge()
    for opened in (store, other, opens()):
        with opened.view() as view:
            all_rows = everything(view)
            assert view.description == described(3)
        assert (all_rows[KEYS[0]], all_rows[KEYS[1]]) == (None, b"new")
        assert all_rows[KEYS[2]] == b"1 of %s" % KEYS[2]
    assert not [path for path in (tmp_path / "online").glob("*") if not path.name.isdecimal()]
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    if url := (request.node.callspec.params["opens"] == "redis" and request.getfixturevalue("redis_url")):
        client: Any = redis.Redis.from_url(url)
        raw = b"".join(client.hvals(store._records))  # other tests have stores of their own on this server
        client.close()
    assert b"secret of the person" not in raw
    assert b"1 of %s" % KEYS[0] not in raw
    write(store, 4)
    with other.view() as view:
        assert everything(view) == {key: b"4 of %s" % key for key in KEYS}


@pytest.mark.slow
def test_readers_continue_while_the_content_is_rewritten(opens, store):
    write(store, 1)
    stop, wrong, count = threading.Event(), [], [0]

    def read():
        opened = opens()
        while not stop.is_set():
            try:
                with opened.view() as view:
                    number, actual = view.description.generation, everything(view)
            except OnlineStoreUnavailable as error:
                if "twice" not in str(error):
                    wrong.append(error)
                continue
            count[0] += 1
            if set(actual.values()) != {b"%d of %s" % (number, key) for key in KEYS}:
                wrong.append(actual)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for generation in range(2, 22):
        write(store, generation)
        store.purge()
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert count[0] > 20


WRITER = """
import sys
from pathlib import Path
from ml_platform.storage.online.opened import open_online_store
from tests.storage.online.test_stores import write
url, folder, name = sys.argv[1:]
store = open_online_store(url or None, Path(folder), name)
with store.view() as view:
    generation = view.description.generation
print("ready", flush=True)
while True:
    generation += 1
    write(store, generation)
"""


def killed_writers(url, folder, name, kills, seed):
    """Kill publishers at random moments, and look after each what is there."""
    draw = random.Random(seed)
    opened = open_online_store(url or None, folder, name)
    generations = []
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "-c", WRITER, url, folder, name], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with opened.view() as view:
            number = view.description.generation
            all_rows = everything(view)
        if number:
            assert set(all_rows.values()) == {b"%d of %s" % (number, key) for key in KEYS}
        generations.append(number)
    opened.close()
    assert generations == sorted(generations)
    assert generations[-1] > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_a_publisher_that_is_killed_leaves_one_whole_content(kind, tmp_path, request):
    url = request.getfixturevalue("redis_url") if kind == "redis" else ""
    killed_writers(url, tmp_path, f"killed_{tmp_path.name}", 6, 1)


# LMDB alone ------------------------------------------------------------------


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


# Redis alone -----------------------------------------------------------------


def test_a_server_that_is_gone_is_an_error_without_the_password():
    with redis_server() as url:
        gone = url.replace("redis://", "redis://user:hunter2hunter2@")
    store = open_online_store(gone, None, "any")
    with pytest.raises(OnlineStoreUnavailable, match="cannot be used") as caught, store.view():
        pass
    assert "hunter2" not in str(caught.value)


def test_a_view_that_was_overtaken_twice_is_an_error_and_no_mixture(redis_url):
    store = open_online_store(redis_url, None, f"overtaken_{os.getpid()}")
    write(store, 1)
    with store.view() as view:
        write(store, 2)
        assert everything(view) == {key: b"1 of %s" % key for key in KEYS}
        write(store, 3)
        with pytest.raises(OnlineStoreUnavailable, match="twice"):
            view.get(KEYS)
    store.close()
