"""Anchors: the head of the ledger, noted in the artifact store at each line, where the database cannot reach.

If someone rewrites the ledger with all its hashes, or cuts its end, the ledger no longer matches its anchors.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from ml_platform.core.errors import LedgerDamaged
from ml_platform.core.hashing import canonical_json
from ml_platform.storage.ledger.lines import LEDGER, Head, append_line, head_at, ledger_head
from ml_platform.storage.opened import OpenedStores
from ml_platform.storage.row_log import last_row_line

FOLDER = "anchors/ledger"
SEAL, PLATFORM = "seal", "ml-platform"
_SEAL_EVERY = timedelta(hours=1)
_SEALED = "binds the rows that were written since the line before"


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


def anchor_ledger(project: OpenedStores) -> Head | None:
    """Note the ledger's head in the store, and first each one before that a process was stopped from noting.

    Returns
    -------
    The head; None for an empty ledger.
    """
    head = last = ledger_head(project.database)
    waiting: list[Head] = []
    while head is not None and project.store.read_file(anchor_path(head.seq)) is None:
        waiting.append(head)
        head = head_at(project.database, head.seq - 1)
    for head in reversed(waiting):  # in order, so that a process that is stopped leaves no gap
        project.store.write_once(anchor_path(head.seq), _encode(head, project.spec.file.audit.ledger_key))
    return last


def require_newest(project: OpenedStores) -> None:
    """Refuse a database whose ledger ends before a line that the store has a note of.

    Raises
    ------
    LedgerDamaged
        Where the database was emptied, or restored from an older copy: what is decided by it would be at odds with
        the notes for good.
    """
    head = _last_seq(project)
    later = anchor_path(head + 1)
    if project.store.read_file(later) is not None and _last_seq(project) == head:  # else a process just wrote a line
        raise LedgerDamaged(
            None, f"it ends at line {head}, and the store has {later}: the database was emptied, or is an older copy"
        )


def _last_seq(project: OpenedStores) -> int:
    head = ledger_head(project.database)
    return head.seq if head else 0


def seal_rows(project: OpenedStores, now: datetime) -> None:
    """Write a ledger line that binds the rows written since the last line, unless that line is younger than an hour.

    Parameters
    ----------
    now
        By the project's clock.
    """
    with project.database.reading() as connection:
        if not _is_due(connection, now):
            return
    with project.database.writing() as connection:
        if _is_due(connection, now):
            append_line(connection, at=now, actor=PLATFORM, action=SEAL, ref="rows", reason=_SEALED)
    anchor_ledger(project)


def _is_due(connection: sa.Connection, now: datetime) -> bool:
    query = sa.select(LEDGER.c.clock, LEDGER.c.rows_seq).order_by(LEDGER.c.seq.desc()).limit(1)
    last, rows = connection.execute(query).first(), last_row_line(connection)
    if last is None or rows is None:
        return rows is not None
    return bool(abs(now - last.clock) >= _SEAL_EVERY and rows.seq > last.rows_seq)


def stored_anchors(project: OpenedStores) -> Iterator[Anchor]:
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
    return hmac.new(key.encode(), _signed_text(head), "sha256").hexdigest()


def _signed_text(head: Head) -> bytes:
    return canonical_json({"seq": head.seq, "hash": head.hash})


def _encode(head: Head, key: str | None) -> bytes:
    signed = {"signature": signature_of(head, key)} if key else {}
    return canonical_json({"seq": head.seq, "hash": head.hash, **signed})


def _decode(path: str, content: bytes) -> Anchor:
    try:
        content_of_anchor = json.loads(content)
        head = Head(int(content_of_anchor["seq"]), str(content_of_anchor["hash"]))
        signature = content_of_anchor.get("signature")
        whole = canonical_json(content_of_anchor) == content and path == anchor_path(head.seq)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Anchor(path, None)
    return Anchor(path, head if whole else None, signature)
