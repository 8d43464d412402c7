"""Sales with dirty rows, and where they are in quarantine."""

from ml_platform.sources.quarantine import dirty_rows
from tests.features.world import SALES, write_project

ANY = {"at_most": "100%"}


def dirty(project, source="sales"):
    """The open dirty rows of a source as dictionaries."""
    dirty_table = dirty_rows(project, source)
    return [] if dirty_table is None else dirty_table.to_pylist()


def places(project):
    return [(row["_part"], row["_number"], row["_line"], row["_column"], row["_reason"]) for row in dirty(project)]


def write(directory, content, **changes):
    (directory / "data").mkdir(parents=True, exist_ok=True)
    (directory / "data/sales.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return write_project(directory, sources={"sales": SALES | {"reader": {"csv": "data/sales.csv"}} | changes})


HEADER = "id,shop,at,seen,amount\n"


def row(id, amount="1", hour=0, shop="a", seen=None):
    time = f"2024-05-01T{hour:02d}:00:00Z"
    return f"{id},{shop},{time},{time if seen is None else seen},{amount}\n"
