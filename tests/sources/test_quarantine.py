"""What is kept of dirty rows: verified, removed by its rule, erased with a person, listed, and never half written."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.audit.retention.plan import plan_removal
from ml_platform.audit.verify.verify import verify_project
from ml_platform.cli.main import main
from ml_platform.project import open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.ingest_history import last_ingest
from ml_platform.storage.artifact_kinds.quarantine import QuarantineManifest
from tests.features.world import SALES, at, sale, sales_project
from tests.sources.dirty_sales import ANY, HEADER, dirty, row, write
from tests.sources.test_ingest import rewrite


def ids(project):
    return list(project.store.ids("quarantine"))


def test_the_manifest_counts_dirty_rows_by_reason(tmp_path):
    columns = SALES["columns"] | {"shop": {"type": "int", "on_error": "null"}}
    content = (
        HEADER + row("a", shop="7") + row("b", "?", shop="?") + row("c", shop="?") + row("d", "?") + row("e", "1,2")
    )
    project = write(tmp_path, content, columns=columns, on_error="quarantine", quarantine=ANY)
    ingest_source(project, "sales", at(4))
    [id] = ids(project)
    about = QuarantineManifest.of(project.store.get("quarantine", id))
    assert about.rows == 4
    assert [(item.reason, item.column, item.handled, item.rows) for item in about.dirty] == [
        ("wrong_value", "amount", "quarantine", 2),
        ("wrong_cell_count", None, "quarantine", 1),
        ("wrong_value", "shop", "null", 1),
    ]


def two_ingests(directory, **changes):
    """A project whose second ingest found another dirty row than its first, and the artifacts of both."""
    project = sales_project(
        directory, [sale("x", 1), sale("y", 2, amount="?")], **{"on_error": "quarantine", **changes}
    )
    ingest_source(project, "sales", at(4))
    [first] = ids(project)
    rewrite(project, [sale("x", 1), sale("y", 2, amount="??")])
    ingest_source(project, "sales", at(5))
    [second] = set(ids(project)) - {first}
    return project, first, second


def test_open_dirty_rows_stay_and_replaced_ones_go_by_their_rule(tmp_path):
    _, first, second = two_ingests(tmp_path)
    declared = json.loads((tmp_path / "project.yaml").read_text())
    (tmp_path / "project.yaml").write_text(json.dumps(declared | {"retention": {"quarantine": "1d"}}))
    plan = plan_removal(open_project(tmp_path), at(24 * 30), datetime.now(UTC) + timedelta(days=30))
    assert {item.id for item in plan.goes if item.kind == "quarantine"} == {first}
    assert {item.id: item.why for item in plan.stays if item.kind == "quarantine"} == {second: "dirty rows of sales"}


def test_verifying_reads_the_open_dirty_rows(tmp_path):
    project, _, second = two_ingests(tmp_path)
    assert verify_project(project).whole
    [stored] = project.store.get("quarantine", second).objects.values()
    path = project.state / "store/objects" / stored.sha256[:2] / stored.sha256
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-9] + b"x" * 9)
    verification = verify_project(open_project(tmp_path))
    assert not verification.whole
    assert any(stored.sha256[:12] in str(damage) for damage in verification.damages)


def test_erasing_a_person_takes_their_dirty_rows_with_cells_and_lines(tmp_path):
    content = (
        HEADER
        + row("x")
        + row("customer-17", "?")
        + row("y", "customer-17")
        + row("customer-17", "1,2")
        + row("z", "?")
        + row("customer-177", "1,2")
    )
    project = write(tmp_path, content, on_error="quarantine", quarantine=ANY)
    ingest_source(project, "sales", at(4))
    assert [dirty_row["_number"] for dirty_row in dirty(project)] == [2, 3, 4, 5, 6]
    person = Person.of(project, "sale", {"id": "customer-17"})
    erase(project, person, plan_erasure(project, person, at(5)).id, at(5), actor="ada", reason="asked by letter")
    fresh = open_project(tmp_path)
    assert [dirty_row["_number"] for dirty_row in dirty(fresh)] == [5, 6]
    assert verify_project(fresh).whole
    [id] = set(ids(fresh))
    about = QuarantineManifest.of(fresh.store.get("quarantine", id))
    assert [(item.reason, item.rows) for item in about.dirty] == [("wrong_cell_count", 1), ("wrong_value", 1)]
    rewrite(fresh, [sale("x", 1), ["customer-17", "a", at(1), at(1), "?"], sale("z", 2, amount="?")])
    ingested = ingest_source(fresh, "sales", at(6))
    assert (ingested.rows.suppressed, ingested.rows.quarantined) == (1, 1)
    assert [dirty_row["id"] for dirty_row in dirty(fresh)] == ["z"]


def listed(capsys, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["ml-platform", "quarantine", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


def test_the_command_lists_place_reason_and_values(tmp_path, capsys, monkeypatch):
    two_ingests(tmp_path)
    code, out, _ = listed(capsys, monkeypatch, str(tmp_path))
    assert code == 0
    assert "sales: 1 dirty row" in out
    for word in (
        "data/sales.csv: row 2 (line 3)",
        "wrong_value",
        "amount '??' is not a float",
        "id y",
        "in quarantine",
    ):
        assert word in out
    _, out, _ = listed(capsys, monkeypatch, str(tmp_path), "--source", "sales", "--json")
    [document] = json.loads(out)["sources"]["sales"]
    assert (document["part"], document["number"], document["line"]) == ("data/sales.csv", 2, 3)
    assert (document["cells"], document["values"]["shop"]) == ({"amount": "??"}, "a")
    code, _, err = listed(capsys, monkeypatch, str(tmp_path), "--source", "sale")
    assert code == 1
    assert "Did you mean sales?" in err


KILLED = """
import os, sys
from datetime import datetime
from ml_platform.project import open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage import atomic_write
import ml_platform.storage.artifacts as artifacts

left, write = int(sys.argv[3]), artifacts.write_durably

def dies(*given):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), 9)
    write(*given)

artifacts.write_durably = dies
ingest_source(open_project(sys.argv[1]), "sales", datetime.fromisoformat(sys.argv[2]))
"""


def test_an_ingest_that_is_killed_at_any_write_of_the_store_leaves_what_was_there(tmp_path):
    project, *_ = two_ingests(tmp_path)
    before = last_ingest(project.database, "sales")
    rewrite(project, [sale("x", 1), sale("w", 3), sale("y", 2, amount="???"), sale("v", 3)])
    for writes in range(12):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path), at(6).isoformat(), str(writes)],
            capture_output=True,
            timeout=120,
        )
        fresh = open_project(tmp_path)
        assert verify_project(fresh).whole
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr.decode()
        assert last_ingest(fresh.database, "sales") == before
        assert [dirty_row["_cells"] for dirty_row in dirty(fresh)] == ['{"amount":"??"}']
    assert writes >= 3
    assert [dirty_row["_cells"] for dirty_row in dirty(fresh)] == ['{"amount":"???"}']
    assert last_ingest(fresh.database, "sales").new_rows == 2


def test_a_full_disk_changes_nothing(tmp_path, monkeypatch):
    project, *_ = two_ingests(tmp_path)
    rewrite(project, [sale("x", 1), sale("w", 3), sale("y", 2, amount="???")])

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ml_platform.storage.artifacts.write_durably", full)
    with pytest.raises(OSError, match="No space left"):
        ingest_source(project, "sales", at(6))
    monkeypatch.undo()
    assert [dirty_row["_cells"] for dirty_row in dirty(project)] == ['{"amount":"??"}']
    assert ingest_source(project, "sales", at(6)).new_rows == 1
