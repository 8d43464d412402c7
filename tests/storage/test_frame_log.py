"""Records that outlive the process that wrote them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from ml_platform.storage.frame_log import FrameLog, frame_files, has_writer, read_frames


def test_frames_come_back_in_order(tmp_path: Path) -> None:
    log = FrameLog(tmp_path / "log")
    bodies = [os.urandom(size) for size in (1, 7, 4096, 100_000)]
    for body in bodies:
        log.append(body)
    (file,) = frame_files(tmp_path / "log")
    assert list(read_frames(file)) == bodies
    assert has_writer(file)
    log.close()
    assert not has_writer(file)
    assert file.stat().st_mode & 0o077 == 0


def test_every_cut_leaves_the_whole_frames_before_it(tmp_path: Path) -> None:
    log = FrameLog(tmp_path)
    for body in (b"one", b"two", b"three"):
        log.append(body)
    log.close()
    (file,) = frame_files(tmp_path)
    content, ends = file.read_bytes(), [11, 22, 35]
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert len(list(read_frames(file))) == sum(end <= length for end in ends)


@pytest.mark.parametrize("at", range(35))
def test_no_damaged_byte_is_read_as_a_record(tmp_path: Path, at: int) -> None:
    log = FrameLog(tmp_path)
    for body in (b"one", b"two", b"three"):
        log.append(body)
    log.close()
    (file,) = frame_files(tmp_path)
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    assert list(read_frames(file)) == [b"one", b"two", b"three"][: sum(end <= at for end in (11, 22, 35))]


def test_a_large_or_old_file_is_followed_by_another(tmp_path: Path) -> None:
    log = FrameLog(tmp_path, max_bytes=20)
    numbers = []
    for body in (b"a" * 8, b"b" * 8, b"c" * 8):
        numbers.append(log.prepare())
        log.append(body)
    assert numbers == [1, 1, 2]
    assert [list(read_frames(file)) for file in frame_files(tmp_path)] == [[b"a" * 8, b"b" * 8], [b"c" * 8]]
    aged = FrameLog(tmp_path / "aged", max_seconds=0.0)
    for body in (b"1", b"2"):
        aged.prepare()
        aged.append(body)
    assert len(frame_files(tmp_path / "aged")) == 2


def _write_and_acknowledge(folder: str, written: str) -> None:
    log = FrameLog(Path(folder))
    with Path(written).open("ab", buffering=0) as acknowledged:
        for number in range(10**9):
            log.append(b"%d" % number)
            acknowledged.write(b"%d\n" % number)


@pytest.mark.slow
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    for trial in range(3):
        folder, acknowledged_file = tmp_path / f"log{trial}", tmp_path / f"told{trial}"
        writer = context.Process(target=_write_and_acknowledge, args=(str(folder), str(acknowledged_file)))
        writer.start()
        while not acknowledged_file.exists() or acknowledged_file.stat().st_size < 2000:
            assert writer.is_alive()
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        acknowledged = acknowledged_file.read_bytes().count(b"\n")
        actual = [body for file in frame_files(folder) for body in read_frames(file)]
        assert len(actual) >= acknowledged > 0
        assert actual == [b"%d" % number for number in range(len(actual))]
        assert not any(has_writer(file) for file in frame_files(folder))


def test_a_file_that_cannot_get_its_name_is_no_place_for_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk refuses the new name: no reader would look into the file under its first name."""
    log = FrameLog(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", full)
        with pytest.raises(OSError, match="No space"):
            log.append(b"lost")
    assert list(tmp_path.iterdir()) == []
    log.append(b"kept")
    (file,) = frame_files(tmp_path)
    assert list(read_frames(file)) == [b"kept"]


def test_after_the_disk_failed_records_go_to_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk lost is zeros when the machine comes up again, and the records after it could not be read."""
    log = FrameLog(tmp_path)
    log.append(b"lost")

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", broken)
        with pytest.raises(OSError, match="Input/output"):
            log.sync()
        assert log.prepare() == 2
    log.append(b"kept")
    log.sync()
    first, second = frame_files(tmp_path)
    first.write_bytes(bytes(first.stat().st_size))
    assert [body for file in (first, second) for body in read_frames(file)] == [b"kept"]
