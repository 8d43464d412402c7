"""Broken YAML, as people write it: the message names the place, what was read there, and how to write it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.declarations.yaml.document import read_document

WHOLE = b"""\
name: shop
description: "Will it be late?"
reader: {csv: data/orders.csv}
key: [order_id, courier]
columns:
    order_id: string
    courier: {type: string, required: true}
features:
- shop.*
- 'x'
"""
LIBRARY = re.compile(
    r"while (scanning|parsing)|token|stream|node|scalar|expected|context|<document|flow|block|simple key"
)
"""Words of the parser, which the messages do not quote."""


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (b"name: a\nreader:\n\tcsv: b\n", "3:1", ["a tab is used to indent", "Indent with spaces"]),
        (b"text: |\n\tb\n", "2:1", ["a tab is used to indent"]),
        (b"name: a\nowner x\nkey: b\n", "2:1", ["'owner x' has no colon", "Write a key and its value"]),
        (b"name:shop\nowner: x\n", "1:1", ["'name:shop' has no colon with a space after it"]),
        (b'name: "shop\nowner: x\n', "1:7", ['the quote " that opens here is not closed', 'Close it with "']),
        (b"name: 'shop\nowner: x's\n", "2:10", ["closes a text that began in a line above", "Close that text"]),
        (b"when: 'a' == b\n", "1:11", ["'== b' follows the closing quote '", "Put the whole value in quotes"]),
        (b"name: a\nkey: [a, b\nowner: x\n", "2:6", ["the [ that opens here is not closed", "Close it with ]"]),
        (b"reader: {csv: a", "1:9", ["the { that opens here is not closed", "Close it with }"]),
        (b"key: [a, b}\n", "1:11", ["} is where the [ of line 1 is closed", "Close it with ]"]),
        (b"key: [a]]\n", "1:9", ["this ] closes nothing", "Remove it"]),
        (b"a: b\nx: }\n", "2:4", ["this } closes nothing"]),
        (b"x: {a: b c: d}\n", "1:11", ["a comma or } is missing before ': d}'", "Put a comma between values"]),
        (b"key: [a,,b]\n", "1:9", ["there is no value before this comma"]),
        (b"key: [a,", "1:9", ["the text ends inside a list [ or mapping {"]),
        (b"name: a\n  owner: b\n", "2:3", ["indented by 2 spaces, below line 1", "Indent it by 0"]),
        (b"c:\n    a: b\n  d: e\n", "3:3", ["indented by 2 spaces, and the lines above it by 0 or 4"]),
        (b" name: a\nowner: b\n", "2:1", ["the first one is indented by 1 space", "in the same column"]),
        (b"name: a\n- b\n", "2:1", ["'- b' is an item of a list, among lines that are keys", "as key: value"]),
        (b"- a\nname: b\n", "2:1", ["'name: b' follows the items of a list", "Write a dash"]),
        (b"name: a\n---\nname: b\n", "2:1", ["a second document begins here", "one declaration in each file"]),
        (b"name: a\n...\nname: b\n", "3:1", ["a second document begins here", "one declaration in each file"]),
        (b"%YAML 1.2\nname: a\n", "2:1", ["begins with %", "Remove that line"]),
        (b"%FOO\n---\nname: a\n", "1:1", ["a line that begins with %", "Remove the line"]),
        (b"x: a: b\n", "1:5", ["the value 'a: b' contains a colon", "Put the value in quotes"]),
        (b"x: @a\n", "1:4", ["a value cannot begin with '@'", "Put the value in quotes"]),
        (b"x: *a*b\n", "1:4", ["a value cannot begin with '*'", "Put the value in quotes"]),
        (b"x: & a\n", "1:4", ["a value cannot begin with '&'", "Put the value in quotes"]),
        (b"x: !<a\n", "1:4", ["a value cannot begin with '!'", "Put the value in quotes"]),
        (b"auc: >= 0.5\n", "1:6", ["> begins a text of several lines", "'>= 0.5'", "Put the value in quotes"]),
        (b'x: "C:\\data"\n', "1:7", ["\\d has no meaning within double quotes", "two backslashes"]),
        (b"name: caf\xe9\n", "1:10", ["is not UTF-8 text: found the byte E9", "Save the file as UTF-8"]),
        ("name: a".encode("utf-16"), "1:1", ["is not UTF-8 text: it is UTF-16", "Save the file as UTF-8"]),
    ],
)
def test_a_broken_file_is_explained_in_plain_words(text: bytes, place: str, words: list[str]) -> None:
    (fault,) = read_document("a.yaml", text).faults
    assert f"{fault.line}:{fault.column}" == place
    assert [part for part in words if part not in fault.message] == []
    assert not LIBRARY.search(fault.message)


def test_the_whole_file_has_no_fault() -> None:
    assert read_document("a.yaml", WHOLE).faults == ()


@given(
    st.integers(0, len(WHOLE) - 1), st.integers(0, 2), st.sampled_from([*"\t:-'\"[]{},&*!%@`|>?#\n ~\\x", ": ", "- "])
)
def test_no_edit_of_a_file_is_answered_in_the_words_of_the_parser(place: int, removed: int, sign: str) -> None:
    text = WHOLE[:place] + sign.encode() + WHOLE[place + removed :]
    lines = text.decode().split("\n")
    for fault in read_document("a.yaml", text).faults:
        without_quotes = re.sub(r"'.*?'(?=[ .,])", "", fault.message)
        assert not LIBRARY.search(without_quotes), (text, fault.message)
        assert fault.message.endswith(".")
        assert fault.line <= len(lines) + 1
