"""Where cells are stored: found by part and chunk, and what was recorded first stays, on both databases."""

from __future__ import annotations

from ml_platform.features.tile_index import CellObject, find_cells, record_cells
from ml_platform.storage.database import Database
from ml_platform.storage.manifest import StoredObject


def cells(number: int, rows: int = 1) -> CellObject:
    return CellObject(f"id{number}", StoredObject(f"{number:064d}", 10 + number), {"rows": rows, "until": None})


def test_cells_are_looked_up_by_part_and_chunk(database: Database) -> None:
    cell_rows = {(f"part{part}", f"chunk{chunk}"): cells(10 * part + chunk) for part in range(3) for chunk in range(5)}
    record_cells(database, cell_rows)
    wanted = {(part, chunk) for part in ("part0", "part2") for chunk in ("chunk1", "chunk4")}
    assert find_cells(database, ["part0", "part2"], ["chunk1", "chunk4", "none"]) == {
        key: cell_rows[key] for key in wanted
    }


def test_what_was_recorded_first_stays_and_the_rest_is_added(database: Database) -> None:
    record_cells(database, {("p", "a"): cells(1), ("p", "b"): cells(2)})
    record_cells(database, {("p", "b"): cells(3, rows=9), ("p", "c"): cells(4)})
    record_cells(database, {})
    assert find_cells(database, ["p"], ["a", "b", "c"]) == {
        ("p", "a"): cells(1),
        ("p", "b"): cells(2),
        ("p", "c"): cells(4),
    }
