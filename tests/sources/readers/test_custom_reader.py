"""A reader from an installed package: the example of docs/guides/extend.md, and packages that add unusable readers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.core.errors import DeclarationError, MissingFile, PlatformError, SchemaChanged
from ml_platform.declarations.load.schema import json_schemas
from ml_platform.declarations.reader import readers
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import source_versions
from tests.features.world import SALES, at, write_project
from tests.installed import install

DOCUMENT = Path(__file__).parents[3] / "docs/guides/extend.md"
SECTION = "A reader of your own"
POINTS = "[ml_platform.readers]\njson_lines = own_reader:JsonLinesReader\n"
SOURCE = SALES | {"reader": {"json_lines": "data/sales.jsonl"}}


def example(language):
    text = DOCUMENT.read_text().partition(f"## {SECTION}\n")[2]
    return text.partition(f"```{language}\n")[2].partition("```")[0]


@pytest.fixture(autouse=True)
def _forget():
    readers.cache_clear()
    yield
    readers.cache_clear()
    sys.modules.pop("own_reader", None)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    folder = tmp_path / "packages"
    folder.mkdir()
    assert 'json_lines = "own_reader:JsonLinesReader"' in example("toml")
    install(folder, monkeypatch, "own_reader", example("python"), POINTS)
    return tmp_path / "project"


def put(directory, *rows):
    path = directory / "data/sales.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    os.utime(path, ns=(before + 10**9, before + 10**9))


def row(id, hours, amount=1.0):
    return {"id": id, "shop": "a", "at": at(hours).isoformat(), "seen": at(hours).isoformat(), "amount": amount}


def log_of(project, artifact):
    with project.engine() as engine:
        ran = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    return sorted((one["id"], one["amount"]) for one in ran)


def test_the_reader_of_the_guide_ingests_and_rereads_only_what_changed(installed):
    put(installed, row("a", 1), row("b", 2))
    project = write_project(installed, sources={"sales": SOURCE})
    assert log_of(project, ingest_source(project, "sales", at(3)).made.artifact) == [("a", 1.0), ("b", 1.0)]
    assert ingest_source(project, "sales", at(4)).made.reused
    put(installed, row("a", 1), row("b", 2, amount=7.5), row("c", 4))
    changed = ingest_source(project, "sales", at(5))
    assert (changed.new_rows, changed.corrections) == (2, 1)
    assert log_of(project, changed.made.artifact) == [("a", 1.0), ("b", 1.0), ("b", 7.5), ("c", 1.0)]


def test_its_faults_are_reported_as_those_of_any_reader(installed):
    put(installed, {"id": "a"})
    project = write_project(installed, sources={"sales": SOURCE})
    with pytest.raises(SchemaChanged, match=r"data/sales\.jsonl: column shop, at, seen, amount is missing"):
        ingest_source(project, "sales", at(3))
    (installed / "data/sales.jsonl").unlink()
    with pytest.raises(MissingFile, match=r"data/sales\.jsonl: no such file"):
        ingest_source(project, "sales", at(3))


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ({"json_lines": "sales.txt"}, "reader.json_lines: the name of the file does not end in .jsonl. Rename it."),
        ({"json_line": "sales.jsonl"}, "reader: the key json_line is unknown. Did you mean json_lines?"),
        ({"json_lines": 3}, "reader.json_lines must be text, found 3. Put it in quotes if text is meant."),
        (
            {"json_lines": "a.jsonl", "fingerprint": "f:f"},
            "fingerprint belongs to python, found json_lines. Remove it.",
        ),
        ({"json_lines": "https://a:secret@b/c.jsonl"}, "the password is written out"),
    ],
)
def test_its_declaration_is_checked_with_file_and_line(installed, reader, message):
    with pytest.raises(DeclarationError) as caught:
        write_project(installed, sources={"sales": SALES | {"reader": reader}})
    assert message in str(caught.value)
    assert "sources/sales.yaml:" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_editors_know_its_keys(installed):
    schema = json.dumps(json_schemas()["source"])
    assert "JsonLinesReader" in schema
    assert "Path relative to the project" in schema


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nowhere_to_be_found", "cannot be imported: ModuleNotFoundError"),
        ("class JsonLinesReader:\n    name = 'json_lines'", "is no ReaderSpec of ml_platform.declarations.reader"),
        (
            "from ml_platform.sources.reading.reader import Reader\n"
            "class JsonLinesReader(Reader):\n    name = 'json_lines'\n    json_lines: str\n",
            "It lacks parts. Extend that class.",
        ),
        (
            "from ml_platform.sources.reading.reader import Reader\n"
            "class JsonLinesReader(Reader):\n    name = 'csv'\n    csv: str\n    def parts(self, *rest): return []\n",
            "adds 'csv', which exists already. Give it another name.",
        ),
    ],
)
def test_a_package_whose_reader_cannot_be_used_is_named(tmp_path, monkeypatch, code, message):
    install(tmp_path, monkeypatch, "own_reader", code, POINTS)
    with pytest.raises(PlatformError) as caught:
        readers()
    assert "[ml_platform.readers] of own_reader" in str(caught.value)
    assert message in str(caught.value)


def test_null_values_are_refused_where_cells_are_no_text(tmp_path):
    reader = {"parquet": "data/*.parquet", "null_values": ["NA"]}
    with pytest.raises(DeclarationError, match="null_values belongs to csv, found parquet"):
        write_project(tmp_path, sources={"sales": SALES | {"reader": reader}})


def test_declarations_are_read_without_arrow_or_a_driver():
    code = (
        "import sys\n"
        "from ml_platform.declarations.reader import readers\n"
        "assert 'csv' in readers()\n"
        "heavy = ['pyarrow', 'pandas', 'fsspec', 'sqlalchemy', 'duckdb', 'ibis', 'deltalake', 'pyiceberg']\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
