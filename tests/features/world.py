"""Projects of a few literal rows, written as files and opened as a person would."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from ml_platform.project import open_project

T0 = datetime(2024, 5, 1, tzinfo=UTC)
ABOUT = {"spec_version": 1, "description": "For a test.", "owner": "team:test"}
FILE = {"name": "test", "currency": "EUR", "clock": {"simulated_from": "2024-05-01T00:00:00Z"}}
SALES: dict[str, Any] = {
    "key": ["id"],
    "event_timestamp": "at",
    "known_at": {"column": "seen"},
    "columns": {"id": "string", "shop": "string", "at": "timestamp", "seen": "timestamp", "amount": "float"},
}


def at(hours=0.0, **more):
    return T0 + timedelta(hours=hours, **more)


def text(value):
    if value is None:
        return ""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def write_csv(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(header), *(",".join(text(value) for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def write_project(directory, *, sources=None, features=None, models=None, entities=None, **project):
    """Write declarations (JSON is YAML) and open the project."""
    file = FILE | {"entities": entities or {"sale": ["id"], "shop": ["shop"]}}
    _write(directory / "project.yaml", file | project)
    for folder, declared in (("sources", sources), ("features", features), ("models", models)):
        for name, body in (declared or {}).items():
            _write(directory / folder / f"{name}.yaml", {"name": name, **body})
    return open_project(directory)


def _write(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ABOUT | body, indent=1))


def sales_project(directory, rows, **changes):
    """A project with one source of sales: id, shop, at, seen, amount."""
    write_csv(directory / "data/sales.csv", list(SALES["columns"]), rows)
    return write_project(directory, sources={"sales": {"reader": {"csv": "data/sales.csv"}, **SALES, **changes}})


def sale(id, hours, seen=None, amount=1.0, shop="a"):
    return [id, shop, at(hours), at(hours if seen is None else seen), amount]
