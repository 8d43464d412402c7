"""Faults, planted at random into a factory's store and database, as a disk or a person would."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from ml_platform.audit.verify.findings import Damage
from ml_platform.core.hashing import bytes_hash, canonical_json
from ml_platform.project import Project
from ml_platform.storage.append_only import may_change
from ml_platform.storage.ledger.lines import LEDGER, ledger_lines, line_hash


@dataclass(frozen=True)
class Fault:
    """What was done, and how a damage that names it can be told."""

    what: str
    names: tuple[str, ...]

    def named_by(self, damages: Sequence[Damage]) -> bool:
        return any(name in f"{damage.where} | {damage.was}" for damage in damages for name in self.names)


# Files ------------------------------------------------------------------------------


def flip_bit(draw: Random, content: bytes) -> bytes:
    place = draw.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]


def flip_byte(draw: Random, content: bytes) -> bytes:
    place = draw.randrange(len(content))
    return content[:place] + bytes([content[place] ^ draw.randrange(1, 256)]) + content[place + 1 :]


def cut_short(draw: Random, content: bytes) -> bytes:
    return content[: draw.randrange(len(content))]


def add_bytes(draw: Random, content: bytes) -> bytes:
    return content + draw.randbytes(draw.randrange(1, 20))


def edit_manifest(draw: Random, content: bytes, *, seal: bool) -> bytes:
    """Change one value somewhere in a manifest; `seal` makes its own hash anew."""
    document = json.loads(content)
    holder, name = draw.choice(list(_leaves(document["manifest"])))
    holder[name] = _other(draw, holder[name])
    if seal:
        document["sha256"] = bytes_hash(canonical_json(document["manifest"]))
    return canonical_json(document)


def _leaves(value: Any) -> Any:
    for name in value if isinstance(value, dict) else range(len(value)):
        if isinstance(value[name], dict | list) and value[name]:
            yield from _leaves(value[name])
        else:
            yield value, name


def _other(draw: Random, value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, datetime):
        return value + timedelta(seconds=1)
    if isinstance(value, int | float):
        return value + draw.choice([-1, 1])
    if isinstance(value, str) and value:
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return "x"


CHANGES: dict[str, Callable[[Random, bytes], bytes]] = {
    "bit flipped": flip_bit,
    "byte flipped": flip_byte,
    "cut short": cut_short,
    "longer": add_bytes,
}
MANIFEST_CHANGES = {
    "edited": lambda draw, content: edit_manifest(draw, content, seal=False),
    "edited with its hash": lambda draw, content: edit_manifest(draw, content, seal=True),
}


def plant_in_files(project: Project, draw: Random, folder: str, count: int) -> list[Fault]:
    """Damage so many files of a folder of the store, each once."""
    root = project.state / "store"
    files = sorted(path for path in (root / folder).rglob("*") if path.is_file())
    chosen = draw.sample(files, min(count, len(files)))
    faults: list[Fault] = []
    while chosen:
        path = chosen.pop()
        other = chosen.pop() if chosen and draw.random() < 0.15 and _differ(path, chosen[-1]) else None
        faults += _plant(draw, root, path, other)
    return faults


def _differ(one: Path, other: Path) -> bool:
    return one.read_bytes() != other.read_bytes()


def _plant(draw: Random, root: Path, path: Path, other: Path | None) -> list[Fault]:
    name = path.relative_to(root).as_posix()
    if other is not None:
        content = path.read_bytes()
        path.write_bytes(other.read_bytes())
        other.write_bytes(content)
        swapped = (name, other.relative_to(root).as_posix())
        return [Fault(f"{one} swapped with another", (one,)) for one in swapped]
    if draw.random() < 0.2:
        path.unlink()
        return [Fault(f"{name} removed", (name,))]
    changes = CHANGES | (MANIFEST_CHANGES if name.startswith("manifests/") else {})
    what = draw.choice(sorted(changes))
    path.write_bytes(changes[what](draw, path.read_bytes()))
    return [Fault(f"{name} {what}", (name,))]


# The database -----------------------------------------------------------------------


def plant_in_database(project: Project, draw: Random) -> Fault:
    """Change one thing in the database, going round what it refuses."""
    return draw.choice([edit_line, delete_line, rewrite_ledger, cut_ledger, move_ref_by_hand, change_row])(
        project, draw
    )


def edit_line(project: Project, draw: Random) -> Fault:
    line = draw.choice(ledger_lines(project.database))
    name = draw.choice([column.name for column in LEDGER.c if column.name not in ("seq", "at", "facts")])
    value = _other(draw, getattr(line, name)) or "x"
    with project.database.writing() as connection, may_change(connection, LEDGER):
        connection.execute(sa.update(LEDGER).where(LEDGER.c.seq == line.seq).values({name: value}))
    return Fault(f"{name} of ledger line {line.seq} edited", (f"line {line.seq}",))


def delete_line(project: Project, draw: Random) -> Fault:
    line = draw.choice(ledger_lines(project.database))
    with project.database.writing() as connection, may_change(connection, LEDGER):
        connection.execute(sa.delete(LEDGER).where(LEDGER.c.seq == line.seq))
    return Fault(f"ledger line {line.seq} deleted", (f"line {line.seq}", f"line {line.seq + 1}"))


def rewrite_ledger(project: Project, draw: Random) -> Fault:
    """Change a line and make its hash and all later ones anew."""
    lines = ledger_lines(project.database)
    first = draw.choice(lines)
    previous = first.previous
    with project.database.writing() as connection, may_change(connection, LEDGER):
        for line in lines[first.seq - 1 :]:
            fields = vars(line) | {"previous": previous}
            if line.seq == first.seq:
                fields["reason"] += "!"
            fields["hash"] = previous = line_hash(fields)
            connection.execute(sa.update(LEDGER).where(LEDGER.c.seq == line.seq).values(fields))
    return Fault(f"the ledger rewritten from line {first.seq}", (f"line {first.seq}",))


def cut_ledger(project: Project, draw: Random) -> Fault:
    first = draw.choice(ledger_lines(project.database)).seq
    with project.database.writing() as connection, may_change(connection, LEDGER):
        connection.execute(sa.delete(LEDGER).where(LEDGER.c.seq >= first))
    return Fault(f"the ledger cut before line {first}", (f"line {first}",))


def move_ref_by_hand(project: Project, draw: Random) -> Fault:
    ids = [line.to_value for line in ledger_lines(project.database) if line.to_value is not None][:-1]
    with project.database.writing() as connection:
        connection.execute(sa.text("UPDATE refs SET value = :id"), {"id": draw.choice([*ids, "0" * 64])})
    return Fault("a ref moved by hand", ("champion/",))


def change_row(project: Project, draw: Random) -> Fault:
    statement, names = draw.choice(
        [
            ("UPDATE prediction_days SET rows = rows + 1", ("late_parcel on 2024-03-0",)),
            ("UPDATE versions SET id = '00' WHERE number = 1", ("late_parcel@1",)),
            ("UPDATE versions SET id = id || 'x' WHERE number = 2", ("late_parcel@2",)),
            ("UPDATE manifests SET sha256 = '00'", ("manifests/",)),
            ("UPDATE keys SET id = '00'", ("keys/",)),
        ]
    )
    with project.database.writing() as connection:
        connection.execute(sa.text(statement))
    return Fault(statement, names)
