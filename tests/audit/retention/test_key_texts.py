"""A key in every way that texts, logs and posted rows write it: signs that are escaped, line breaks, and zeros."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import yaml

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.files import clear_files
from ml_platform.audit.erasure.texts import masked_bytes
from ml_platform.core.clock import to_micros
from ml_platform.sources.suppression_list import suppress, suppressed_rows
from ml_platform.storage.posted_rows import posted_rows
from tests.features.world import write_project

KEYS = [
    *(f"anna{sign}berg" for sign in "\0\a\b\t\n\v\f\r\x1b\x7f\x85\xa0\u2028\u2029\u202e/\\%+\"'&<;"),
    "caf\u00e9 anna",
    "cafe\u0301 anna",
    "\U0001f469\u200d\U0001f467 anna",
]
FORMS: list[Callable[[str], str]] = [
    str,
    lambda key: json.dumps(key)[1:-1],
    lambda key: json.dumps(key, ensure_ascii=False)[1:-1],
    lambda key: json.dumps(json.dumps(key))[3:-3],
    lambda key: repr(key)[1:-1],
    lambda key: ascii(key)[1:-1],
    lambda key: yaml.safe_dump(key, default_style='"', width=10_000).strip()[1:-1],
    lambda key: key.encode("unicode_escape").decode(),
    lambda key: quote(key, safe=""),
    quote_plus,
    html.escape,
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_masked_as_json_python_yaml_links_and_pages_write_it(key: str) -> None:
    person = Person("customer", {"name": key}, "hash")
    texts = [f"row [{form(key)}] failed" for form in FORMS]
    assert [person.masked_text(text) for text in texts] == ["row [[erased]] failed"] * len(FORMS)
    for text in texts:
        assert masked_bytes(f"before\n{text}\nafter\n".encode(), person) == b"before\nrow [[erased]] failed\nafter\n"


def test_the_other_normal_form_is_another_key() -> None:
    person = Person("customer", {"name": "caf\u00e9 anna"}, "hash")
    assert person.masked_text("cafe\u0301 anna") == "cafe\u0301 anna"


def test_posted_rows_of_a_key_of_several_types_are_erased_and_stay_away(tmp_path: Path) -> None:
    columns = {"at": "timestamp", "customer": "int", "business": "bool", "place": "float"}
    source = {"reader": {"streaming": True}, "key": ["customer", "at"], "event_timestamp": "at", "columns": columns}
    key = ["customer", "business", "place"]
    project = write_project(tmp_path, sources={"visits": source}, entities={"account": key})
    rows = [
        {"at": f"2024-05-01T00:00:0{number}.000000Z", "customer": 7, "business": business, "place": place}
        for number, (business, place) in enumerate([(True, 0.0), (True, -0.0), (False, 0.0), (True, 1.0), (None, 0.0)])
    ]
    posted = posted_rows(project.state, "visits")
    now = datetime(2024, 5, 2, tzinfo=UTC)
    posted.add(rows, ["customer", "at"], to_micros(now))
    person = Person.of(project, "account", {"customer": "7", "business": "true", "place": "-0"})
    clear_files(project, person)
    remaining = [row.values for some in posted.read() for row in some]
    assert [(row["business"], row["place"]) for row in remaining] == [(False, 0.0), (True, 1.0), (None, 0.0)]
    with project.database.writing() as connection:
        suppress(connection, "account", person.hash, now)
    is_erased = suppressed_rows(project, "visits")
    assert [is_erased(row) for row in rows] == [True, True, False, False, False]
