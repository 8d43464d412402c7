"""Texts in files and in objects of the store, packed with gzip or not, and a person's key masked in them."""

from __future__ import annotations

import gzip
import json
import zlib

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.operations.monitoring.report_page import with_hashes_of

_PACKED = b"\x1f\x8b"


def text_of(content: bytes) -> str | None:
    """Return the text that bytes hold, unpacked; None where they are no text."""
    try:
        return (gzip.decompress(content) if content.startswith(_PACKED) else content).decode()
    except (UnicodeDecodeError, OSError, EOFError, zlib.error):
        return None


def masked_bytes(content: bytes, person: Person) -> bytes | None:
    """Return the bytes of a text with the key masked, packed as it was; None where there is nothing to mask."""
    text = text_of(content)
    if text is None or (masked := _masked(text, person)) == text:
        return None
    return gzip.compress(masked.encode(), mtime=0) if content.startswith(_PACKED) else masked.encode()


def _masked(text: str, person: Person) -> str:
    """Return a text with the key masked: what is JSON, as a whole or by lines, stays JSON."""
    if text.lstrip().startswith("<"):
        return with_hashes_of(person.masked_text(text), text)
    body = text.rstrip()
    if "\n" in body and body.startswith(("{", "[")) and _is_json(body):
        return person.masked_json(body) + text[len(body) :]
    masked = "".join(_masked_line(line, person) for line in text.splitlines(keepends=True))
    is_broken = any(len(value.splitlines()) > 1 for value in person.texts)  # such a key spans two lines
    return person.masked_text(masked) if is_broken else masked


def _masked_line(line: str, person: Person) -> str:
    body = line.rstrip("\r\n")
    masked = person.masked_json(body) if body.lstrip().startswith(("{", "[")) else person.masked_text(body)
    return masked + line[len(body) :]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
