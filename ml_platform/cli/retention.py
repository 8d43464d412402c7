"""The commands that remove data: unused artifacts, and one person's data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ml_platform.cli.json_output import print_json
from ml_platform.core.clock import format_duration
from ml_platform.core.formatting import bytes_text, counted
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.project import open_project
from ml_platform.storage.who import real_user

if TYPE_CHECKING:
    from ml_platform.audit.erasure.plan import ErasurePlan
    from ml_platform.audit.retention.plan import Item, RemovalPlan

_SHOWN = 20


def collect_garbage(directory: Path, plan_id: str | None, as_json: bool) -> None:
    """Print what would go and why the rest stays; or do it, where the plan is named."""
    from ml_platform.audit.retention.plan import plan_removal
    from ml_platform.audit.retention.remove import remove

    project = open_project(directory)
    now, wall_now = project.clock.now(), datetime.now(UTC)
    if plan_id is None:
        plan = plan_removal(project, now, wall_now)
    else:
        plan = remove(project, plan_id, now, wall_now, actor=real_user())
    if as_json:
        print_json({**plan.as_json(), "done": plan_id is not None})
        return
    grace = format_duration(project.spec.file.retention.grace)
    _print_removal(plan, directory, grace, done=plan_id is not None)


def _print_removal(plan: RemovalPlan, directory: Path, grace: str, *, done: bool) -> None:
    console = SafeConsole()
    if not done:
        if plan.goes:
            console.print(_table(("removed", "", "size", "reason"), [_going(item) for item in plan.goes[:_SHOWN]]))
        if len(plan.goes) > _SHOWN:
            console.print(f"and {len(plan.goes) - _SHOWN} more; --json lists all of them.")
        console.print(_table(("kept", "", "reason"), _staying(plan.stays)))
    would = "" if done else "would be "
    moved = (
        f"{counted(len(plan.goes), 'artifact')} and {counted(len(plan.objects), 'object')}, {bytes_text(plan.bytes)}"
    )
    lines = [
        f"{moved}, {would}moved to the trash; they can be restored for {grace}."
        if plan.set_aside
        else "Nothing to remove."
    ]
    if plan.final:
        verb, count = "is" if len(plan.final) == 1 else "are", counted(len(plan.final), "file")
        files = f"{count} that {'was' if verb == 'is' else 'were'} moved to the trash before"
        lines.append(f"{files}, {bytes_text(plan.final_bytes)}, {verb if done else 'would be'} deleted permanently.")
    if plan.back:
        lines.append(f"{len(plan.back)} objects {'are' if done else 'would be'} restored, since they are needed again.")
    if plan.unfinished:
        files = f"{len(plan.unfinished)} manifests and keys of an interrupted removal"
        lines.append(f"{files}, {'are' if done else 'would be'} deleted.")
    if not done and not plan.is_empty:
        lines.append(f"To do this, and only this: ml-platform gc {quote(str(directory))} --delete {plan.id}")
    for text in lines:
        console.print(line(text, hang=0))


def erase_person(
    entity: str, words: Sequence[str], reason: str, plan_id: str | None, lift: bool, as_json: bool
) -> None:
    """Print what is stored about one entity; or erase it, where the plan is named; or let it be ingested again."""
    from ml_platform.audit.erasure.data_subject import Person
    from ml_platform.audit.erasure.erase import erase, lift_erasure
    from ml_platform.audit.erasure.plan import plan_erasure

    key = dict(word.split("=", 1) for word in words if "=" in word)
    directory = next((Path(word) for word in words if "=" not in word), Path())
    project = open_project(directory)
    person, now, actor = Person.of(project, entity, key), project.clock.now(), real_user()
    if lift:
        lifted = lift_erasure(project, person, now, actor=actor, reason=reason)
        if as_json:
            print_json({"lifted": lifted})
        else:
            print("Its rows are ingested again from now on." if lifted else "Its rows were not excluded.")
        return
    if plan_id is None:
        plan = plan_erasure(project, person, now)
    else:
        plan = erase(project, person, plan_id, now, actor=actor, reason=reason)
    if as_json:
        print_json({**plan.as_json(), "done": plan_id is not None})
        return
    _print_erasure(plan, done=plan_id is not None)


def _print_erasure(plan: ErasurePlan, *, done: bool) -> None:
    from ml_platform.storage.artifact_kinds import artifact_kind

    console = SafeConsole()
    for item in plan.removed:
        console.print(
            f"{item.kind} {item.id} contains the key and is removed as a whole; the next run computes it again."
        )
    if plan.replaced:
        rows = [(item.kind, item.id, f"{item.rows}", item.successor) for item in plan.replaced[:_SHOWN]]
        console.print(_table(("has rows", "", "rows", "replaced by"), rows))
        if len(plan.replaced) > _SHOWN:
            console.print(f"and {len(plan.replaced) - _SHOWN} more; --json lists all of them.")
    learnt = [mark for mark in plan.marks if artifact_kind(mark.kind).persons == "learnt"]
    if learnt:
        marked = [(mark.kind, mark.id, mark.description) for mark in learnt[:_SHOWN]]
        console.print(_table(("is marked", "", "since"), marked))
    would = "are erased" if done else "would be erased"
    if plan.is_empty:
        lines = ["Nothing with this key is stored."]
    else:
        lines = [
            f"{counted(len(plan.replaced) + len(plan.removed), 'artifact')} and "
            f"{counted(len(plan.objects), 'object')} {would}, permanently."
        ]
        lines += _beside(plan, done)
    lines += [f"The key may remain in {where}." for where in plan.elsewhere]
    if done:
        lines.append("Its rows are no longer ingested; --lift allows them again.")
    else:
        lines.append("Afterwards every ingest would leave out its rows.")
        lines.append(f"To do this, and only this: the same command with --delete {plan.id}")
    for text in lines:
        console.print(line(text, hang=0))


def _beside(plan: ErasurePlan, done: bool) -> list[str]:
    """Return what happens in rows of the database and in files beside the store."""
    verb = "is" if done else "would be"
    lines = [
        f"The key {verb} masked in {count} rows of the database ({place})." for place, count in plan.records.items()
    ]
    if plan.online:
        lines.append(f"Records that {'left' if done else 'would leave'} the online store: {plan.online}.")
    for item in plan.files[:_SHOWN]:
        what = {
            "masked": f"The key {verb} masked in",
            "rows removed": f"Rows {'are' if done else 'would be'} removed from",
        }.get(item.remedy.value, "Removed:")
        lines.append(f"{what} {item.path}.")
    if len(plan.files) > _SHOWN:
        lines.append(f"... and in {len(plan.files) - _SHOWN} more files; --json lists all of them.")
    return lines


def _going(item: Item) -> tuple[str, ...]:
    return item.kind, item.id, bytes_text(item.bytes), item.why


def _staying(items: Iterable[Item]) -> list[tuple[str, str, str]]:
    """Return a line for each kind and reason, without the way that leads from the reason to the artifact."""
    kinds = Counter((item.kind, item.why.partition(" > ")[0]) for item in items)
    by_kind: dict[str, list[tuple[str, int]]] = {}
    for (kind, why), count in kinds.items():
        by_kind.setdefault(kind, []).append((why, count))
    rows = []
    for kind, reasons in sorted(by_kind.items()):
        reasons.sort(key=lambda reason: (-reason[1], reason[0]))
        more = f"; and {counted(len(reasons) - 3, 'more reason')}" if len(reasons) > 3 else ""
        summary = "; ".join(f"{why} ({count})" for why, count in reasons[:3])
        rows.append((kind, str(sum(count for _, count in reasons)), summary + more))
    return rows


def _table(names: Sequence[str], rows: Iterable[tuple[str, ...]]) -> PlainTable:
    table = PlainTable(*names, whole=range(len(names) - 1))
    for row in rows:
        table.add_row(*row)
    return table
