"""A person's data in files beside the store is found, and removed or masked; what can be neither is named."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markupsafe import escape

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.files import HeldFile, Remedy, clear_files, held_files, unsearched
from ml_platform.project import Project, open_project
from ml_platform.storage.database_errors import DatabaseUnavailable
from tests.worlds import write_shop

KEY = "c-471108"
PERSON = Person("customer", {"customer_id": KEY}, "0" * 64)
OTHER = f"{KEY}9"
"""The key of another customer, which begins with the same characters."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    opened = open_project(write_shop(tmp_path / "shop", days=1))
    opened.state.mkdir()
    return opened


def write(project: Project, name: str, content: str | bytes) -> Path:
    path = project.state / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def table(*keys: str) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"customer_id": list(keys), "amount": range(len(keys))}), sink)
    return bytes(sink.getvalue().to_pybytes())


def database(project: Project, name: str, *cells: str) -> Path:
    path = project.state / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE event_logs (id INTEGER PRIMARY KEY, event TEXT, body BLOB)")
        connection.executemany("INSERT INTO event_logs (event) VALUES (?)", [(cell,) for cell in cells])
    return path


def test_texts_are_masked_word_by_word_and_json_keeps_its_form(project: Project) -> None:
    log = write(project, "logs/run.log", f"row of {KEY} failed\r\nrow of {OTHER} passed\n")
    alerts = write(project, "alerts.log", json.dumps({"body": f"key {KEY}", "rows": 2}) + "\n")
    page = write(project, "reports/late/2024-03-01.html", f"<td>{KEY}</td>")
    assert sorted(item.path for item in clear_files(project, PERSON)) == [
        "alerts.log",
        "logs/run.log",
        "reports/late/2024-03-01.html",
    ]
    assert log.read_bytes().decode() == f"row of [erased] failed\r\nrow of {OTHER} passed\n"
    assert json.loads(alerts.read_text()) == {"body": "key [erased]", "rows": 2}
    assert page.read_text() == "<td>[erased]</td>"
    assert list(held_files(project, PERSON)) == []


def test_tables_of_rows_and_half_written_objects_are_removed(project: Project) -> None:
    cached, whole = write(project, "cache/ab12", table(KEY, OTHER)), write(project, "cache/cd34", table(OTHER))
    half = write(project, "store/objects/ab/.ab12.f00d", table(KEY)[:-20])
    kept = write(project, "store/objects/ab/" + "ab12" * 16, table(KEY))  # the store is gone through object by object
    clear_files(project, PERSON)
    assert not cached.exists()
    assert not half.exists()
    assert whole.exists()
    assert kept.exists()


def test_cells_of_databases_are_masked_and_no_page_keeps_what_was_there(project: Project) -> None:
    event = json.dumps({"metadata": {"rows": [{"customer_id": KEY, "amount": 7}]}, "note": f"{KEY} is late"})
    path = database(project, "dagster/history/runs/index.db", event, json.dumps({"customer_id": OTHER}))
    assert list(held_files(project, PERSON)) == [HeldFile("dagster/history/runs/index.db", Remedy.MASK)]
    clear_files(project, PERSON)
    with closing(sqlite3.connect(path)) as connection:
        cells = [json.loads(text) for (text,) in connection.execute("SELECT event FROM event_logs ORDER BY id")]
    assert cells[0] == {
        "metadata": {"rows": [{"customer_id": "[erased]", "amount": 7}]},
        "note": "[erased] is late",
    }
    assert cells[1] == {"customer_id": OTHER}
    for file in path.parent.iterdir():
        assert file.read_bytes().replace(OTHER.encode(), b"").count(KEY.encode()) == 0


def test_a_database_in_use_is_an_error_that_names_what_to_end(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_platform.audit.erasure.files._WAIT_SECONDS", 0)
    path = database(project, "mlflow.sqlite", f"tag {KEY}")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            DatabaseUnavailable, match=r"Stop the process that uses it \(ml-platform up, a run\), then erase again\."
        ):
            clear_files(project, PERSON)
    clear_files(project, PERSON)
    assert list(held_files(project, PERSON)) == []


def test_bytes_that_are_no_text_are_named_and_stay(project: Project) -> None:
    picture = write(project, "mlflow-artifacts/late/plot.png", b"\x89PNG\xff" + KEY.encode())
    assert list(held_files(project, PERSON)) == [HeldFile("mlflow-artifacts/late/plot.png", Remedy.NAME)]
    before = picture.read_bytes()
    clear_files(project, PERSON)
    assert picture.read_bytes() == before


@pytest.mark.parametrize("key", ["o'neil & sons", "jörg@example.org", 'say "when"'])
def test_a_key_is_masked_as_pages_links_and_json_write_it(project: Project, key: str) -> None:
    forms = [key, html.escape(key), quote(key, safe=""), json.dumps(key)[1:-1]]
    page = write(project, "catalog/index.html", "".join(f"<td>{form}</td>\n" for form in forms))
    person = Person("customer", {"customer_id": key}, "0" * 64)
    clear_files(project, person)
    assert page.read_text() == "<td>[erased]</td>\n" * 4


def test_a_key_is_masked_as_templates_nested_json_and_logs_write_it(project: Project) -> None:
    """The forms are those of Jinja's escaping, JSON within JSON, Python's repr and a stream without the character."""
    key = "o'neil \U0001f600 \u00e9"
    event = json.dumps({"text": json.dumps(f"row\n{key}")})
    forms = [
        escape(key),
        str(escape(key)).replace("\u00e9", "&#233;"),
        event,
        ascii(key)[1:-1],
        f"a%3D{quote(key, safe='')}%26",
    ]
    log = write(project, "logs/run.log", "".join(f"<{form}>\n" for form in forms))
    clear_files(project, Person("customer", {"customer_id": key}, "0" * 64))
    assert log.read_text().count("[erased]") == len(forms)
    assert "neil" not in log.read_text()


def test_a_number_is_masked_under_its_name_or_alone_and_not_within_ids_and_instants(
    project: Project,
) -> None:
    person = Person("customer", {"customer_id": "4711"}, "0" * 64)
    table = {"customer_id": [4711, 4712], "amount": [4711, 0.4711]}
    cells = ["4711", json.dumps(table), json.dumps({"customer_id": {"0": 4711.0, "1": None}, "rows": 4711})]
    kept = ["1f0c81be-4711-4711-8000-00000000beef", "4711-12-03 00:00:00.004711", "took 0.4711 s"]
    path = database(project, "mlflow.sqlite", *cells, *kept)
    clear_files(project, person)
    with closing(sqlite3.connect(path)) as connection:
        actual = [text for (text,) in connection.execute("SELECT event FROM event_logs ORDER BY id")]
    assert actual[0] == "[erased]"
    assert json.loads(actual[1]) == {**table, "customer_id": ["[erased]", 4712]}
    assert json.loads(actual[2]) == {"customer_id": {"0": "[erased]", "1": None}, "rows": 4711}
    assert actual[3:] == kept


def test_a_packed_text_and_json_over_several_lines_stay_what_they_are(project: Project) -> None:
    packed = write(project, "mlflow-artifacts/log.txt.gz", gzip.compress(f"{KEY} failed, {OTHER} did not".encode()))
    person = Person("customer", {"customer_id": "471108"}, "0" * 64)
    written = write(project, "mlflow-artifacts/rows.json", json.dumps([{"customer_id": 471108, "n": 471108}], indent=1))
    assert {item.path for item in clear_files(project, PERSON)} == {"mlflow-artifacts/log.txt.gz"}
    assert gzip.decompress(packed.read_bytes()).decode() == f"[erased] failed, {OTHER} did not"
    clear_files(project, person)
    assert json.loads(written.read_text()) == [{"customer_id": "[erased]", "n": 471108}]


def test_the_scripts_of_a_report_run_after_the_key_is_masked_in_them(project: Project) -> None:
    script = f'show("{KEY}")'
    page = "<html><head><meta content=\"script-src 'sha256-{}'\"></head><script>{}</script></html>"
    report = write(project, "reports/late/2024-03-01.html", page.format(sha256(script), script))
    clear_files(project, PERSON)
    assert report.read_text() == page.format(sha256('show("[erased]")'), 'show("[erased]")')


def sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_what_a_database_has_deleted_is_in_none_of_its_pages(project: Project) -> None:
    path = database(project, "dagster/history/runs/index.db", *[f"{KEY} {number}" for number in range(100)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA secure_delete=OFF")  # as SQLite is built for Windows and macOS
        connection.execute("DELETE FROM event_logs")
    assert KEY.encode() in b"".join(file.read_bytes() for file in path.parent.iterdir())
    clear_files(project, PERSON)
    assert KEY.encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_a_key_in_several_columns_is_masked_where_the_whole_key_is_that_of_the_record(project: Project) -> None:
    person = Person("order", {"customer_id": KEY, "shop": "Oslo-1"}, "0" * 64)
    same = {"customer_id": KEY, "shop": "Oslo-1", "note": "x"}
    other = {"customer_id": "4711-other", "shop": "Oslo-1", "note": f"like {KEY}"}
    dotted = {"orders.customer_id": KEY, "orders.shop": "Bergen"}
    assert person.masked([same, other, dotted]) == [
        {"customer_id": "[erased]", "shop": "[erased]", "note": "x"},
        {"customer_id": "4711-other", "shop": "Oslo-1", "note": "like [erased]"},
        dotted,
    ]
    assert person.masked_text("shop Oslo-1 is closed") == "shop [erased] is closed"
    assert person.masked({"shop": "Oslo-1"}) == {"shop": "[erased]"}, "a record without the whole key"


def test_a_key_that_is_a_declared_name_is_masked_in_fields_and_in_no_sentence(project: Project) -> None:
    (name,) = list(project.spec.models)[:1]
    (column,) = project.spec.file.entities["courier"]
    person = Person.of(project, "courier", {column: name})
    assert person.masked_text(f"{name} was trained") == f"{name} was trained"
    assert person.masked({column: name, name: 1}) == {column: "[erased]", name: 1}
    assert any(f"{name} is also a name in a declaration" in sentence for sentence in unsearched(project, person))
