"""Functions of the project as readers: what they may give, and when they are called."""

from typing import Any

import pytest

from ml_platform.core.errors import EmptySource, MissingFile, SchemaChanged, SourceError
from ml_platform.sources.arrivals import source_fingerprints
from ml_platform.sources.ingest import ingest_source
from tests.features.world import SALES, at, write_project
from tests.sources.test_read_changed import log_of

FEED = """
import pathlib, pyarrow as pa
HERE = pathlib.Path(__file__).parent
SCHEMA = pa.schema([("id", pa.string()), ("shop", pa.string()), ("at", pa.timestamp("us", "UTC")),
                    ("seen", pa.timestamp("us", "UTC")), ("amount", pa.float64())])
def sales():
    calls = HERE / "calls"
    calls.write_text((calls.read_text() if calls.exists() else "") + "x")
    for number in range(3):
        when = [1_714_521_600_000_000 + number * 3_600_000_000]
        row = [pa.array([f"s{number}"]), pa.array(["a"]), *[pa.array(when, pa.timestamp("us", "UTC"))] * 2]
        batch = pa.record_batch([*row, pa.array([1.0])], schema=SCHEMA)
        yield batch if number else pa.Table.from_batches([batch])
def nothing():
    return iter(())
def breaks():
    yield pa.Table.from_pylist([], schema=SCHEMA)
    raise ValueError("the feed broke off")
def number():
    return 7
def none():
    return None
def version():
    return (HERE / "version").read_text()
"""


def feed(directory, **reader):
    directory.mkdir(exist_ok=True)
    (directory / "feed.py").write_text(FEED)
    return write_project(directory, sources={"sales": {**SALES, "reader": reader}})


def test_a_function_may_yield_batches_and_tables(tmp_path):
    project = feed(tmp_path, python="feed:sales")
    artifact = ingest_source(project, "sales", at(9)).made.artifact
    assert [(row[0], row[1]) for row in log_of(project, artifact)] == [(f"s{n}", at(n)) for n in range(3)]


@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        ("nothing", EmptySource, "feed:nothing: there is no row"),
        ("breaks", SourceError, "feed:breaks: the reader failed with ValueError: the feed broke off"),
        ("number", SchemaChanged, "the reader returned int. Return an Arrow table or a DataFrame, or yield"),
        ("none", SchemaChanged, "the reader returned NoneType"),
    ],
)
def test_what_a_function_may_not_give_is_reported(tmp_path, function, kind, message):
    with pytest.raises(kind, match=message):
        ingest_source(feed(tmp_path, python=f"feed:{function}"), "sales", at(9))


def test_a_function_with_an_equal_fingerprint_is_not_called(tmp_path):
    project = feed(tmp_path, python="feed:sales", fingerprint="feed:version")
    calls: list[Any] = []
    for version in ("1", "1", "2"):
        (tmp_path / "version").write_text(version)
        ingest_source(project, "sales", at(9 + len(calls)))
        calls.append((tmp_path / "calls").read_text())
    assert calls == ["x", "x", "xx"]


def test_a_fingerprint_that_is_no_text_is_an_error(tmp_path):
    project = feed(tmp_path, python="feed:sales", fingerprint="feed:number")
    with pytest.raises(SourceError, match=r"feed:number: the fingerprint is int\. Return a text that changes"):
        ingest_source(project, "sales", at(9))


def test_a_changed_fingerprint_of_a_function_is_noticed_from_the_outside(tmp_path):
    project = feed(tmp_path, python="feed:sales", fingerprint="feed:version")
    seen = []
    for version in ("1", "1", "2"):
        (tmp_path / "version").write_text(version)
        seen.append(source_fingerprints(project, at(1))["sales"])
    assert seen[0] == seen[1] != seen[2]
    assert not (tmp_path / "calls").exists()


def test_a_fingerprint_that_fails_is_reported_by_the_ingest(tmp_path):
    project = feed(tmp_path, python="feed:sales", fingerprint="feed:version")
    assert source_fingerprints(project, at(1))["sales"]  # there is no file to read the version from
    with pytest.raises(MissingFile, match="feed:version: no such file"):
        ingest_source(project, "sales", at(9))
