"""Holding the ledger against itself, against its anchors, and the refs against it."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import sqlalchemy as sa

from ml_platform.audit.references.roots import CHAMPION
from ml_platform.audit.verify.findings import Damage
from ml_platform.core.errors import LedgerDamaged
from ml_platform.project import Project
from ml_platform.storage.append_only import is_guarded
from ml_platform.storage.ledger.anchors import Anchor, anchor_path, signature_of, stored_anchors
from ml_platform.storage.ledger.lines import LEDGER, chain_faults, head_at, ledger_head
from ml_platform.storage.refs import REFS, read_ref

_RESTORE = "Restore the database from a copy, and ask the people with write access."
_STOPPED_AT_ONCE = 10
"""So many processes may have been stopped right after their line; more notes than that are missing for another reason.
"""
_CUT = "the ledger was truncated, or rewritten with all its hashes"


def chain_damages(project: Project, elsewhere: Iterable[Anchor] = ()) -> Iterator[Damage]:
    """Yield each line that was changed, removed or added, and each ref that was moved without one.

    Parameters
    ----------
    elsewhere
        Anchors beside those in the store, such as those in Dagster's event log.
    """
    with project.database.reading() as connection:
        if not is_guarded(connection, LEDGER):
            was, problem = "the append-only triggers of table ledger", "the triggers are missing: lines can be changed"
            yield Damage("missing", "ledger", "its triggers", was, problem, _RESTORE)
    for seq, problem in chain_faults(project.database):
        was = "the record of who did what, and why"
        yield Damage("damaged", "ledger", f"line {seq}", was, problem, _RESTORE)
    yield from _anchor_damages(project, elsewhere)
    yield from _ref_damages(project)


def _anchor_damages(project: Project, elsewhere: Iterable[Anchor]) -> Iterator[Damage]:
    seen: set[int] = set()
    signed = False  # a key may have come later than the first lines
    for anchor in stored_anchors(project):
        if anchor.head is not None:
            seen.add(anchor.head.seq)
        signed = signed or anchor.signature is not None
        yield from _anchor_damage(project, anchor, signed)
    for anchor in elsewhere:
        yield from _anchor_damage(project, anchor, anchor.signature is not None)
    head = ledger_head(project.database)
    pending = pending_anchors(project)
    for seq in range(1, head.seq + 1 if head else 1):
        if seq not in seen and seq not in pending and project.store.read_file(anchor_path(seq)) is None:
            yield _unanchored(seq)


def pending_anchors(project: Project) -> range:
    """Return the last lines of the ledger that are not noted yet, as stopped processes leave them: few, and the last.

    Notes are written in order, so that one that is missing before another was removed.
    """
    head = ledger_head(project.database)
    if head is None:
        return range(0)
    last = head.seq
    while last > 0 and project.store.read_file(anchor_path(last)) is None:
        last -= 1
    return range(last + 1, head.seq + 1) if head.seq - last <= _STOPPED_AT_ONCE else range(0)


def _anchor_damage(project: Project, anchor: Anchor, signed: bool) -> Iterator[Damage]:
    place, was, key = anchor.place, "a note of the ledger's head", project.spec.file.audit.ledger_key
    if anchor.head is None and PurePosixPath(place).name.startswith("."):
        was, remedy = "nothing: the platform does not write such a file", "Nothing reads it: remove it."
        yield Damage("surplus", "file", place, was, "an unknown file in the store", remedy)
        return
    if anchor.head is None:
        yield Damage("damaged", "anchor", place, was, "it cannot be read", "Restore it from a copy.")
        return
    seq = anchor.head.seq
    recorded = head_at(project.database, seq)
    if recorded is None:
        yield Damage("missing", "ledger", f"line {seq}", f"anchored in {place}", _CUT, _RESTORE)
    elif recorded.hash != anchor.head.hash:
        problem = f"its hash {str(recorded.hash)[:12]} is not {anchor.head.hash[:12]}, as it was anchored: {_CUT}"
        yield Damage("damaged", "ledger", f"line {seq}", f"anchored in {place}", problem, _RESTORE)
    if key and signed and not hmac.compare_digest(anchor.signature or "", signature_of(anchor.head, key)):
        problem = "it is signed with another key" if anchor.signature else "it is not signed"
        yield Damage(
            "damaged", "anchor", place, was, problem, "Set the key that it was signed with, or find out who wrote it."
        )


def _unanchored(seq: int) -> Damage:
    return Damage(
        "missing",
        "anchor",
        anchor_path(seq),
        f"the note of line {seq} of the ledger",
        "it is not in the store",
        "Restore it from a copy, and ask the people with write access.",
    )


def _ref_damages(project: Project) -> Iterator[Damage]:
    with project.database.reading() as connection:
        names = set(connection.scalars(sa.select(REFS.c.name)))
        names |= set(connection.scalars(sa.select(LEDGER.c.ref).where(LEDGER.c.ref.startswith(CHAMPION))))
    for name in sorted(names):
        try:
            read_ref(project.database, name)
        except LedgerDamaged as error:
            if error.seq is None:  # a damaged line is already reported
                was = "the deployed version"
                yield Damage("damaged", "ref", name, was, error.problem, "Deploy again, or restore the database.")
