"""What is left of an artifact without one person's rows: other objects, other facts, and an id of its own."""

from __future__ import annotations

from dataclasses import replace

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.kinds import row_erasures
from ml_platform.audit.erasure.kinds.row_erasure import Remainder
from ml_platform.audit.erasure.staged_store import Rehearsal
from ml_platform.audit.erasure.texts import masked_bytes
from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds import artifact_kind
from ml_platform.storage.manifest import Artifact


def without(store: Rehearsal, artifact: Artifact, person: Person) -> Remainder:
    """Return what is left of an artifact without the rows of a person."""
    remainder = Remainder(store, person, artifact, dict(artifact.about), dict(artifact.objects))
    erasure = row_erasures().get(artifact.kind)
    if erasure is None:
        _take_out_and_mask(remainder)
    else:
        erasure.take_out(remainder)
    return remainder


def remainder_id(remainder: Remainder) -> str:
    """Return the id of what is left.

    Where the manifest does not define how ids of its kind are computed, the id follows from the former id and the new
    objects.
    """
    artifact = remainder.artifact
    manifest = artifact_kind(artifact.kind).of(replace(artifact, about=remainder.about, read={}))
    id = manifest.id_of(artifact.inputs, remainder.objects)
    if id is not None:
        return id
    objects = {name: stored.sha256 for name, stored in remainder.objects.items()}
    return content_id(
        {"kind": artifact.kind, "what is left of": artifact.id, "about": remainder.about, "objects": objects}
    )


def is_table(content: bytes) -> bool:
    """Return whether an object's bytes are those of a table."""
    return content[:4] == b"PAR1"


def _take_out_and_mask(remainder: Remainder) -> None:
    """Take rows out of tables, and mask the key in texts and in what the manifest holds."""
    remainder.about = dict(remainder.person.masked(remainder.about))
    for name in list(remainder.objects):
        if not remainder.may_hold(name):
            continue
        content = remainder.store.read(remainder.objects[name])
        if is_table(content):
            remainder.filter(name, 0)
            continue
        masked = masked_bytes(content, remainder.person)
        if masked is not None:
            remainder.replace(name, masked)
    if remainder.changed:
        remainder.about["erased"] = remainder.rows
