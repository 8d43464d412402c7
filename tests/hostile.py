"""A shop whose names, descriptions and cells try to run as script, to end their element, or to steer the terminal."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

from tests.worlds import FILES, write_shop_data

HOSTILE = (
    "</script><script>window.PWNED=1</script><img src=x onerror=\"window.PWNED=2\"><svg onload='window.PWNED=3'>"
    "[x](javascript:window.PWNED=4) ![y](http://evil.example/y.png) {{7*7}} [red]'\"--></style></title>"
)
STEERING = "\x1b]0;owned\x07\x1b[2J"
COLUMN = "<img src=x onerror=PWNED=5>"


def write_hostile_shop(root: Path, *, days: int = 62, orders_a_day: int = 40) -> Path:
    """Write the shop with a hostile text in each description, unit, category, key, comment, and a column's name."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {HOSTILE}\n{_hostile(text)}")
    write_shop_data(root, days=days, orders_a_day=orders_a_day)
    for file in ("orders", "deliveries"):
        _hostile_cells(root / f"data/{file}.csv")
    model = root / "models/late_parcel.yaml"
    text = model.read_text().replace("orders.items]", "orders.items, orders.courier]")
    model.write_text(text + "release: {first: {do_nothing: 0.9, baselines: ignore}}\n")
    _add_dirty_rows(root)
    _add_parcels(root)
    _add_couriers(root)
    _add_visits(root)
    return root


def _add_dirty_rows(root: Path) -> None:
    """Let orders have rows in quarantine: a hostile text where a number, a time or a key is expected."""
    declaration = root / "sources/orders.yaml"
    declaration.write_text(declaration.read_text() + "on_error: quarantine\nquarantine: {at_most: 20%}\n")
    with (root / "data/orders.csv").open("a", newline="") as file:
        rows = csv.writer(file)
        for number in range(3):
            rows.writerow([f"dirty {number} {HOSTILE}", HOSTILE, HOSTILE, HOSTILE + STEERING, HOSTILE, HOSTILE])


def _add_parcels(root: Path) -> None:
    """Add a source that is derived from both others, with a hostile text in its query."""
    literal = HOSTILE.replace("'", "''")
    query = (
        f"select o.order_id as order_id, coalesce(o.courier, '{literal}') as courier, o.placed_at as placed_at, "
        f"'{literal}' as note from orders o left join deliveries d on o.order_id = d.order_id"
    )
    columns = {"order_id": "string", "courier": "string", "placed_at": "timestamp", "note": "string"}
    declared = {"reader": {"sql": query}, "key": ["order_id"], "event_timestamp": "placed_at", "columns": columns}
    _declare(root / "sources/parcels.yaml", declared)


def _add_couriers(root: Path) -> None:
    """Add a population of couriers, with a hostile text in its condition."""
    population = {"entity": "courier", "every": "0 6 * * * UTC"}
    condition = f"courier_recent.parcels_7d > 0 and {HOSTILE!r} != 'x'"
    declared = {
        "task": "binary",
        "population": population | {"while": condition},
        "label": {"source": "deliveries", "any": f"minutes_late >= 30 and courier != {HOSTILE!r}", "within": "1d"},
        "features": ["courier_recent.*"],
        "split": {"train": "28d", "validate": "7d", "test": "14d"},
        "algorithm": "logistic_regression",
    }
    _declare(root / "models/late_courier.yaml", declared)


def _add_visits(root: Path) -> None:
    """Add a source whose rows are posted, before its first row."""
    columns = {"visit": "string", "visited_at": "timestamp", "courier": "string"}
    declared = {"reader": {"streaming": True}, "key": ["visit"], "event_timestamp": "visited_at", "columns": columns}
    _declare(root / "sources/visits.yaml", declared)


def _declare(path: Path, declared: Mapping[str, object]) -> None:
    about = {"spec_version": 1, "name": path.stem, "description": HOSTILE, "owner": "team:shop"}
    path.write_text(json.dumps({**about, **declared}))


def _hostile(text: str) -> str:
    lines = [_described(line) if line.startswith("description: ") else line for line in text.splitlines()]
    described = json.dumps(HOSTILE)
    about = f"unit: {described}, description: {described}"
    text = "\n".join(lines) + "\n"
    text = text.replace("  courier: string\n", f"  courier: {{type: string, {about}}}\n")
    text = text.replace("unit: min}", f"{about}}}") if "features:" in text else text
    if text.startswith("spec_version: 1\nname: orders"):
        text = text.replace("  items: int\n", f"  items: int\n  {json.dumps(COLUMN)}: string\n")
        values = f"args: {{column: courier, value_set: {json.dumps([HOSTILE])}}}"
        text += f"  - {{expect: column_values_to_not_be_in_set, {values}, severity: warn}}\n"
    return text


def _described(line: str) -> str:
    return f"description: {json.dumps(line.removeprefix('description: ') + HOSTILE)}"


def _hostile_cells(path: Path) -> None:
    """Write a hostile text behind each order's id and instead of one courier's name, and fill the hostile column."""
    with path.open(newline="") as file:
        head, *rows = list(csv.reader(file))
    courier = head.index("courier")
    for row in rows:
        row[0] += HOSTILE + STEERING
        row[courier] = HOSTILE if row[courier] == "courier_a" else row[courier] + STEERING
    if path.stem == "orders":
        head, rows = [*head, COLUMN], [[*row, HOSTILE] for row in rows]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


class Inspection(HTMLParser):
    """What a browser would run of a page: scripts before and after the policy, handlers, and addresses of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.policy: str | None = None
        self.faults: list[str] = []
        self.scripts = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "meta" and named.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = named["content"]
        if tag in ("script", "style", "link", "img") and self.policy is None:
            self.faults.append(f"<{tag}> stands before the policy")
        self.scripts += tag == "script"
        self.faults += [f"{name} of <{tag}>" for name in named if name.startswith("on")]
        self.faults += [
            f"{name} of <{tag}> is {value[:40]}"
            for name, value in named.items()
            if name in ("href", "src", "action", "xlink:href")
            and value.strip().lower().startswith(("javascript:", "http:", "//", "data:text"))
        ]
