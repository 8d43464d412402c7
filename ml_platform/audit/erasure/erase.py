"""Carrying out an erasure that was looked at before."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.files import clear_files
from ml_platform.audit.erasure.kinds import row_erasures
from ml_platform.audit.erasure.online_records import erase_online
from ml_platform.audit.erasure.plan import ErasurePlan, PersonData, Replaced, find_person, marks_for, plan_erasure
from ml_platform.audit.erasure.records import mask_records, rewrite_database
from ml_platform.audit.erasure.remove_rows import remainder_id, without
from ml_platform.audit.erasure.staged_store import Rehearsal
from ml_platform.audit.retention.reachability import look_at_store
from ml_platform.audit.retention.remove import StalePlan
from ml_platform.core.errors import PlatformError
from ml_platform.declarations.node_kinds import made_by, node_kinds
from ml_platform.features.tile_index import CELLS
from ml_platform.project import Project
from ml_platform.sources.suppression_list import lift, suppress
from ml_platform.storage.erasure_marks import add_marks
from ml_platform.storage.ledger.anchors import anchor_ledger
from ml_platform.storage.ledger.lines import append_line
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.manifest_index import forget_file
from ml_platform.storage.outputs import OUTPUTS
from ml_platform.storage.redirects import SUCCESSORS, replace_artifact
from ml_platform.storage.rows import delete_rows, update_rows

ERASE, LIFT = "erase", "lift erasure"
_ROUNDS = 3
_AT_ONCE = 400


class ReasonNamesKey(PlatformError):
    """The reason of an erasure holds the key itself, and the ledger is never rewritten."""

    def __init__(self) -> None:
        super().__init__(
            "the reason contains the key that is to be erased, and the ledger keeps reasons forever. "
            "Remove the key from the reason."
        )


def erase(project: Project, person: Person, plan_id: str, now: datetime, *, actor: str, reason: str) -> ErasurePlan:
    """Carry out an erasure plan if it is still current, and return it.

    First the key is suppressed, so that no ingest brings it back, and the ledger records this without the key. Then
    each artifact is replaced by what is left of it, one after the other; objects that held the person are removed last.
    If the process is stopped on the way, a second erasure completes the work. The returned plan lists, in `elsewhere`,
    what a last search still found.

    Raises
    ------
    StalePlan, ReasonNamesKey
        Nothing was changed.
    UnreadableDependency, ArtifactMissing, ArtifactDamaged, DatabaseUnavailable
    """
    if person.masked_text(reason) != reason:
        raise ReasonNamesKey
    plan = plan_erasure(project, person, now)
    if plan.id != plan_id:
        raise StalePlan(plan_id, plan.id)
    _record(project, plan, now, actor, reason)
    current = plan
    for _ in range(_ROUNDS):  # a run beside may have written more meanwhile, from what it had read before
        _perform(project, current, now)
        current = plan_erasure(project, person, now)
        if not (current.replaced or current.removed or current.objects):
            break
    erase_online(project, person)
    mask_records(project, person)
    rewrite_database(project)
    clear_files(project, person)
    return replace(plan, elsewhere=plan_erasure(project, person, now).elsewhere)


def lift_erasure(project: Project, person: Person, now: datetime, *, actor: str, reason: str) -> bool:
    """Let rows of a person be ingested again; False where they were not suppressed."""
    if person.masked_text(reason) != reason:
        raise ReasonNamesKey
    with project.database.writing() as connection:
        lifted = lift(connection, person.entity, person.hash)
        if lifted:
            facts = {"key_hash": person.hash}
            ref = f"entity/{person.entity}"
            append_line(connection, at=now, actor=actor, action=LIFT, ref=ref, reason=reason, facts=facts)
    anchor_ledger(project)
    return lifted


def _record(project: Project, plan: ErasurePlan, now: datetime, actor: str, reason: str) -> None:
    counts = Counter(item.kind for item in plan.replaced)
    facts = {"key_hash": plan.person.hash, "plan": plan.id, "artifacts": dict(counts), "rows": plan.rows}
    with project.database.writing() as connection:
        suppress(connection, plan.person.entity, plan.person.hash, now)
        ref = f"entity/{plan.person.entity}"
        append_line(connection, at=now, actor=actor, action=ERASE, ref=ref, reason=reason, facts=facts)
    anchor_ledger(project)


def _perform(project: Project, plan: ErasurePlan, now: datetime) -> None:
    hits = find_person(project, plan.person)
    for item in plan.replaced:
        _replace(project, plan, hits, item, now)
    for gone in plan.removed:
        _remove(project, hits.artifacts[gone.kind, gone.id])
    _remove_objects(project, plan)


def _replace(project: Project, plan: ErasurePlan, hits: PersonData, item: Replaced, now: datetime) -> None:
    """Let what is left of an artifact take its place, everywhere that the database names it, and remove it."""
    store = project.store
    artifact = hits.artifacts[item.kind, item.id]
    rehearsal = Rehearsal(store, hits.touched)
    remainder = without(rehearsal, artifact, plan.person)
    rehearsal.perform()
    new = store.write(
        item.kind,
        remainder_id(remainder),
        artifact.key,
        objects=remainder.objects,
        about=remainder.about,
        inputs=artifact.inputs,
    )
    path, marks = f"manifests/{item.kind}/{item.id}.json", list(marks_for(project, hits, [item], now))
    with project.database.writing() as connection:
        if not _is_done(connection, artifact, new):
            replace_artifact(connection, item.kind, item.id, new.id)
            _point(connection, artifact, new)
            add_marks(connection, marks)
        forget_file(connection, path)
    store.removal.remove(path)


def _remove(project: Project, artifact: Artifact) -> None:
    """Remove an artifact as a whole, so that its node recomputes it."""
    paths = [f"keys/{artifact.kind}/{artifact.key}", f"manifests/{artifact.kind}/{artifact.id}.json"]
    kinds = [name for name in node_kinds() if made_by(name) == artifact.kind]
    with project.database.writing() as connection:
        delete_rows(connection, OUTPUTS, OUTPUTS.c.kind.in_(kinds) & (OUTPUTS.c.id == artifact.id))
        for path in paths:
            forget_file(connection, path)
    for path in paths:
        project.store.removal.remove(path)


def _is_done(connection: sa.Connection, artifact: Artifact, new: Artifact) -> bool:
    query = sa.select(SUCCESSORS.c.successor)
    here = (SUCCESSORS.c.kind == artifact.kind) & (SUCCESSORS.c.id == artifact.id)
    return bool(connection.scalar(query.where(here)) == new.id)


def _point(connection: sa.Connection, artifact: Artifact, new: Artifact) -> None:
    """Let the database lead to what is left.

    A run that still works with the former state finds that it has moved, and is refused.
    """
    same = (OUTPUTS.c.kind == artifact.kind) & (OUTPUTS.c.id == artifact.id)
    update_rows(connection, OUTPUTS, same, {"id": new.id})
    erasure = row_erasures().get(artifact.kind)
    if erasure is not None:
        erasure.repoint(connection, artifact, new)


def _remove_objects(project: Project, plan: ErasurePlan) -> None:
    """Remove the objects that held the person, which no manifest names any more, here and in the cache of others."""
    store = project.store
    named = {
        item.sha256 for artifact in look_at_store(project).artifacts.values() for item in artifact.objects.values()
    }
    gone = sorted(plan.objects - named)
    with project.database.writing() as connection:
        for start in range(0, len(gone), _AT_ONCE):
            delete_rows(connection, CELLS, CELLS.c.sha256.in_(gone[start : start + _AT_ONCE]))
    for sha256 in gone:
        store.removal.remove(f"objects/{sha256[:2]}/{sha256}")
        (project.state / "cache" / sha256).unlink(missing_ok=True)
