"""Anchors: the head of the ledger, noted in the artefact store at each line, where the database cannot reach.

Whoever rewrites the ledger with all its hashes, or cuts its end, leaves it at odds with its anchors.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_platform.identity import canonical_json
from ml_platform.store.ledger import Head, head_at, ledger_head

if TYPE_CHECKING:
    from ml_platform.project import Project

FOLDER = "anchors/ledger"


@dataclass(frozen=True)
class Anchor:
    """A head of the ledger, as it was noted elsewhere.

    Attributes
    ----------
    place
        Where it was noted, in words.
    head
        None where the note cannot be read.
    signature
        Of the head by the project's key; None where it had none.
    """

    place: str
    head: Head | None
    signature: str | None = None


def anchor_ledger(project: Project) -> Head | None:
    """Note the ledger's head in the store, and each one before that a process was stopped from noting.

    Returns
    -------
    The head; None for an empty ledger.
    """
    head = last = ledger_head(project.database)
    while head is not None and project.store.read_file(anchor_path(head.seq)) is None:
        project.store.write_once(anchor_path(head.seq), _encode(head, project.spec.file.audit.ledger_key))
        head = head_at(project.database, head.seq - 1)
    return last


def stored_anchors(project: Project) -> Iterator[Anchor]:
    """Yield the anchors in the store, in order."""
    for path in project.store.files(FOLDER):
        content = project.store.read_file(path)
        if content is not None:
            yield _decode(path, content)


def anchor_path(seq: int) -> str:
    """Return where the anchor of a line is, below the store's root."""
    return f"{FOLDER}/{seq:09d}.json"


def signature_of(head: Head, key: str) -> str:
    """Return the HMAC-SHA-256 (RFC 2104) of a head."""
    return hmac.new(key.encode(), _said(head), "sha256").hexdigest()


def _said(head: Head) -> bytes:
    return canonical_json({"seq": head.seq, "hash": head.hash})


def _encode(head: Head, key: str | None) -> bytes:
    signed = {"signature": signature_of(head, key)} if key else {}
    return canonical_json({"seq": head.seq, "hash": head.hash, **signed})


def _decode(path: str, content: bytes) -> Anchor:
    try:
        told = json.loads(content)
        head = Head(int(told["seq"]), str(told["hash"]))
        signature = told.get("signature")
        whole = canonical_json(told) == content and path == anchor_path(head.seq)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Anchor(path, None)
    return Anchor(path, head if whole else None, signature)
