"""YAML as plain values with positions."""

from __future__ import annotations

import pytest

from ml_platform.core.errors import Fault, FaultKind
from ml_platform.declarations.yaml.document import Document, read_document


def read(text: str) -> Document:
    return read_document("a.yaml", text.encode())


def messages(text: str) -> list[str]:
    return [str(fault) for fault in read(text).faults]


def test_values_are_those_of_yaml_1_2() -> None:
    document = read("a: no\nb: 12:30:45\nc: 010\nd: 1e3\ne: ~\nf: true\non: [x, 'y']\n1: one\n")
    assert document.value == {
        "a": "no",
        "b": "12:30:45",
        "c": 10,
        "d": 1000.0,
        "e": None,
        "f": True,
        "on": ["x", "y"],
        "1": "one",
    }
    assert document.faults == ()


def test_timestamps_stay_text_so_that_their_zone_is_not_lost() -> None:
    assert read("a: 2024-01-01T00:00:00+02:00\nb: 2024-01-01").value == {
        "a": "2024-01-01T00:00:00+02:00",
        "b": "2024-01-01",
    }


def test_every_duplicate_key_is_a_fault_and_the_first_value_is_kept() -> None:
    text = "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n"
    assert messages(text) == [
        "a.yaml:4:3: the key c is declared twice: first in line 3. Remove one.",
        "a.yaml:5:1: the key a is declared twice: first in line 1. Remove one.",
    ]
    assert read(text).value == {"a": 1, "b": {"c": 1}}


def test_a_syntax_error_names_its_place() -> None:
    assert messages("a: [1, 2\nb: 3\n") == [
        "a.yaml:1:4: is not YAML: the [ that opens here is not closed. Close it with ]."
    ]


def test_a_second_document_is_a_syntax_error() -> None:
    assert messages("a: 1\n---\nb: 2\n") == [
        "a.yaml:2:1: is not YAML: a second document begins here. Write one declaration in each file."
    ]


def test_an_anchor_that_contains_itself_is_a_cycle() -> None:
    assert messages("a: &loop [1, *loop]\n") == [
        "a.yaml:1:4: anchor &loop contains itself: a cycle. Write the value out."
    ]


def test_an_anchor_may_be_used_twice() -> None:
    assert read("a: &list [1]\nb: *list\n").value == {"a": [1], "b": [1]}


@pytest.mark.parametrize("text", ["a: !!python/object:os.system x", "a: !secret x", "a: !!python/name:eval {b: 1}"])
def test_a_tag_is_never_followed(text: str) -> None:
    (fault,) = read(text).faults
    assert fault.message.startswith("the tag ")
    assert fault.message.endswith("Write a plain value.")
    assert read(text).value == {"a": None}


def test_merge_keys_are_refused() -> None:
    assert messages("a: &a {x: 1}\nb: {<<: *a}\n") == [
        "a.yaml:2:5: merge keys (<<) are not understood. Write the keys out."
    ]


def test_a_character_that_yaml_forbids_is_named_at_its_place() -> None:
    assert messages("a: 1\nbc: \x1f\n") == ["a.yaml:2:5: the character U+001F is not allowed in YAML. Remove it."]


def test_text_that_is_not_utf_8_is_a_fault() -> None:
    document = read_document("a.yaml", b"a: \xff\n")
    message = "is not UTF-8 text: found the byte FF. Save the file as UTF-8."
    assert document.faults == (Fault("a.yaml", 1, 4, message, FaultKind.SYNTAX),)


def test_faults_stand_at_values_and_those_of_mappings_at_their_keys() -> None:
    document = read("top:\n  list: [a, {key: 'quoted text'}]\n")
    assert str(document.fault(["top"], "x")) == "a.yaml:1:1: x"
    assert str(document.fault(["top", "list"], "x")) == "a.yaml:2:9: x"
    assert str(document.fault(["top", "list", 0], "x")) == "a.yaml:2:10: x"
    assert str(document.fault(["top", "list", 1, "key"], "x")) == "a.yaml:2:19: x"
    assert str(document.fault(["top", "list", 1, "key"], "x", at_key=True)) == "a.yaml:2:14: x"
    assert str(document.fault(["top", "list", 1, "key"], "x", offset=7)) == "a.yaml:2:27: x"
    assert str(document.fault(["top", "missing"], "x")) == "a.yaml:1:1: x"


def test_an_offset_in_a_text_of_several_lines_stays_at_its_start() -> None:
    document = read("a: |\n  one\n  two\n")
    assert str(document.fault(["a"], "x", offset=5)) == "a.yaml:1:4: x"


def test_a_message_is_one_line_without_signs_that_move_or_hide_text() -> None:
    fault = read("a: 1\n").fault(["a"], "the key x\ny\x1b[31m\u202ez is unknown.")
    assert fault.message == r"the key x\ny\x1b[31m\u202ez is unknown."
