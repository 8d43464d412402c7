"""What every online store does: one content or another, and never a mixture."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.storage.online.description import NOTHING
from ml_platform.storage.online.opened import open_online_store
from ml_platform.storage.online.store import Change
from tests.storage.online.contents import KEYS, described, everything, killed_writers, write
from tests.storage.online.servers import redis_server


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


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_a_publisher_that_is_killed_leaves_one_whole_content(kind, tmp_path, request):
    url = request.getfixturevalue("redis_url") if kind == "redis" else ""
    killed_writers(url, tmp_path, f"killed_{tmp_path.name}", 6, 1)


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
