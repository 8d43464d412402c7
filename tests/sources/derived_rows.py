"""Derived sources of random rows, and what their queries give in loops."""

from typing import Any

from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import source_versions
from tests.features.world import at, write_csv, write_project

LINES = {"line": "string", "sku": "string", "qty": "int", "at": "timestamp", "seen": "timestamp", "gone": "bool"}
PRODUCTS = {
    "sku": "string",
    "price": "float",
    "brand": "string",
    "at": "timestamp",
    "seen": "timestamp",
    "gone": "bool",
}
BRANDS = {"brand": "string", "country": "string", "at": "timestamp", "seen": "timestamp", "gone": "bool"}
TABLES = {"lines": LINES, "products": PRODUCTS, "brands": BRANDS}
KEYS = {"lines": ["line"], "products": ["sku"], "brands": ["brand"]}
QUERIES = {
    "join": "select line, lines.at, qty * price as amount from lines join products using (sku)",
    "left": "select line, l.at, price as amount from lines l left join products p on p.sku = l.sku where qty > 1",
    "filter": "select line, at, cast(qty as double) as amount from lines where qty <> 2",
    "chain": "select line, l.at, coalesce(price, -1.0) as amount, country from lines l "
    "left join products p using (sku) left join brands b on b.brand = p.brand and b.country <> 'x'",
    "inner_left": "select line, l.at, price as amount, country from lines l join products p using (sku) "
    "left join brands b on p.brand = b.brand",
    "union": "select line, l.at, price as amount from lines l join products p using (sku) "
    "union all select 'p' || sku, at, price from products where brand = 'b1'",
}
COLUMNS = {"line": "string", "at": "timestamp", "amount": "float"}


def project_of(directory, rows, query, **changes):
    known = {"event_timestamp": "at", "known_at": {"column": "seen"}, "deletes": "gone"}
    sources: dict[str, Any] = {}
    for name, columns in TABLES.items():
        cells = [[row[column] for column in columns] for row in rows[name]]
        write_csv(directory / f"data/{name}.csv", list(columns), cells)
        reader = {"csv": f"data/{name}.csv"}
        sources[name] = {**known, "reader": reader, "key": KEYS[name], "columns": columns}
    columns = COLUMNS | ({"country": "string"} if "country from" in query else {})
    derived = {"reader": {"sql": query}, "key": ["line"], "event_timestamp": "at", "columns": columns}
    sources["sold"] = derived | changes.pop("derived", {})
    return write_project(directory, sources=sources, entities={"line": ["line"], "sku": ["sku"]}, **changes)


def ingest_all(project, now):
    for name in TABLES:
        ingest_source(project, name, at(now))
    return ingest_source(project, "sold", at(now))


def then(project, artifact, key, hour):
    """The rows that were known at an hour, by the log's own intervals."""
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, key, "rows")).to_pylist()
    instant = (at(hour) - at(0).replace(year=1970, month=1, day=1)).total_seconds() * 1e6
    return [row for row in rows if row["_known"] <= instant < row["_until"]]


def as_of(rows, key, instant):
    """The last row of each key that was known at an instant, without keys whose last row deletes."""
    last = {}
    for row in sorted(rows, key=lambda row: row["seen"]):
        if row["seen"] <= instant:
            last[row[key]] = row
    return [row for row in last.values() if not row["gone"]]


def loops(name, rows, instant):
    lines, products, brands = (as_of(rows[table], KEYS[table][0], instant) for table in TABLES)

    def product(line):
        return [item for item in products if item["sku"] == line["sku"]]

    def brand(item):
        return [one for one in brands if item["brand"] is not None and one["brand"] == item["brand"]]

    nothing = {"price": None, "brand": None}
    if name == "join":
        return [(line["line"], line["qty"] * item["price"]) for line in lines for item in product(line)]
    if name == "left":
        return [
            (line["line"], item["price"]) for line in lines if line["qty"] > 1 for item in product(line) or [nothing]
        ]
    if name == "filter":
        return [(line["line"], float(line["qty"])) for line in lines if line["qty"] != 2]
    if name == "union":
        sold = [(line["line"], item["price"]) for line in lines for item in product(line)]
        return sold + [(f"p{item['sku']}", item["price"]) for item in products if item["brand"] == "b1"]
    joined = []
    for line in lines:
        for item in product(line) or ([nothing] if name == "chain" else []):
            partners = [one for one in brand(item) if name != "chain" or one["country"] not in ("x", None)]
            for one in partners or [{"country": None}]:
                price = item["price"] if name != "chain" or item["price"] is not None else -1.0
                joined.append((line["line"], price, one["country"]))
    return joined


def random_rows(draw, count, first, last):
    minutes = iter(draw.sample(range(first * 60 + 1, last * 60), 3 * count))
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for _ in range(count):
        for name in TABLES:
            seen = at(next(minutes) / 60)
            row = {"line": f"l{draw.randint(0, 5)}", "sku": f"s{draw.randint(0, 3)}", "brand": f"b{draw.randint(0, 2)}"}
            row |= {"qty": draw.randint(1, 3), "price": draw.choice([1.5, 2.0, 4.25]), "country": draw.choice("xyz")}
            rows[name].append(row | {"at": at(draw.randint(-5, 5)), "seen": seen, "gone": draw.random() < 0.25})
    return rows


def agree(project, artifact, name, rows, hours):
    for hour in hours:
        in_log = then(project, artifact, ["line"], hour)
        columns = ("line", "amount", "country") if "country" in QUERIES[name] else ("line", "amount")
        logged = sorted((tuple(row[column] for column in columns) for row in in_log), key=repr)
        assert logged == sorted(loops(name, rows, at(hour)), key=repr), (name, hour)


def row(table, seen, gone=False, **values):
    blank = {"line": "l", "sku": "s", "qty": 1, "price": 1.0, "brand": "b", "country": "y", "at": at(0), "gone": gone}
    return {name: (blank | values | {"seen": at(seen)})[name] for name in TABLES[table]}


OTHER = row("products", 0, sku="other")
