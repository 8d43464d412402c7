"""The head of the ledger is noted elsewhere, so that rewriting or cutting it shows."""

from __future__ import annotations

import hmac
import json
from random import Random

import pytest
import sqlalchemy as sa

from ml_platform.audit.verify.ledger_chain import chain_damages, pending_anchors
from ml_platform.audit.verify.verify import verify_project
from ml_platform.core.errors import DeclarationError, LedgerDamaged
from ml_platform.project import Project, open_project
from ml_platform.registry.deploy import deploy
from ml_platform.storage.append_only import may_change
from ml_platform.storage.ledger.anchors import Anchor, anchor_ledger, require_newest, stored_anchors
from ml_platform.storage.ledger.lines import LEDGER, Head, append_line, ledger_head, ledger_lines
from ml_platform.storage.outputs import current_output
from tests.audit.verify.factory import MODEL, NOON
from tests.audit.verify.faults import cut_ledger, rewrite_ledger

KEY = "a key of sixteen or more"


def _append(project: Project) -> None:
    with project.database.writing() as connection:
        append_line(connection, at=NOON, actor="ada", action="approve", ref="approval/late_parcel", reason="good")


def _signing(project: Project, key: str = KEY) -> Project:
    path = project.root / "project.yaml"
    path.write_text(path.read_text() + "audit: {ledger_key: '${LEDGER_KEY}'}\n")
    return open_project(project.root, {"LEDGER_KEY": key})


def test_each_deployment_notes_the_head_in_the_store(built: Project) -> None:
    lines = ledger_lines(built.database)
    assert [anchor.head for anchor in stored_anchors(built)] == [Head(line.seq, line.hash) for line in lines]
    document = json.loads((built.state / "store/anchors/ledger/000000002.json").read_text())
    assert document == {"seq": 2, "hash": lines[1].hash}


def test_lines_that_a_stopped_process_did_not_note_are_noted_with_the_next(factory: Project) -> None:
    _append(factory)
    _append(factory)
    assert list(pending_anchors(factory)) == [6, 7]
    verification = verify_project(factory)
    assert verification.whole
    assert verification.unfinished == [
        "2 of the last ledger lines have no anchor in the store yet: a process was interrupted. The next run that "
        "scores, ingests or deploys writes the anchors."
    ]
    assert anchor_ledger(factory) == ledger_head(factory.database)
    assert (list(pending_anchors(factory)), verify_project(factory).unfinished) == ([], [])


def test_a_note_that_is_missing_before_another_was_removed(factory: Project) -> None:
    (factory.state / "store/anchors/ledger/000000002.json").unlink()
    (damage,) = chain_damages(factory)
    assert (damage.state, damage.where) == ("missing", "anchors/ledger/000000002.json")


def test_all_notes_gone_is_damage_and_no_stopped_process(factory: Project) -> None:
    for _ in range(8):
        _append(factory)
    for path in (factory.state / "store/anchors/ledger").iterdir():
        path.unlink()
    assert len(list(chain_damages(factory))) == 13


def test_notes_are_written_in_order_so_that_a_stopped_process_leaves_no_gap(
    factory: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        _append(factory)
    written: list[str] = []
    monkeypatch.setattr(factory.store, "write_once", lambda path, content: written.append(path))
    anchor_ledger(factory)
    assert written == [f"anchors/ledger/00000000{seq}.json" for seq in (6, 7, 8)]


def test_half_a_note_of_a_stopped_process_is_surplus_and_no_damage(factory: Project) -> None:
    (factory.state / "store/anchors/ledger/.000000002.json.0f3a").write_text('{"seq": 2, "ha')
    (damage,) = chain_damages(factory)
    assert (damage.state, damage.thing) == ("surplus", "file")


def test_a_note_stays_as_it_was_written(factory: Project) -> None:
    before = list(stored_anchors(factory))
    rewrite_ledger(factory, Random(1))
    anchor_ledger(factory)
    assert list(stored_anchors(factory)) == before


@pytest.mark.parametrize("seed", range(4))
def test_a_ledger_that_was_rewritten_with_all_its_hashes_shows(factory: Project, seed: int) -> None:
    fault = rewrite_ledger(factory, Random(seed))
    damages = list(chain_damages(factory))
    assert fault.named_by(damages)
    assert "the ledger was truncated, or rewritten with all its hashes" in damages[0].problem


def test_a_ledger_whose_end_was_cut_shows(factory: Project) -> None:
    fault = cut_ledger(factory, Random(0))
    damages = [damage for damage in chain_damages(factory) if damage.thing == "ledger"]
    assert fault.named_by(damages)
    assert {damage.state for damage in damages} == {"missing"}


def test_anchors_that_are_kept_elsewhere_show_it_when_those_in_the_store_were_removed(factory: Project) -> None:
    head = ledger_head(factory.database)
    cut_ledger(factory, Random(0))
    for path in (factory.state / "store/anchors/ledger").iterdir():
        path.unlink()
    noted = [Anchor("Dagster's event log", head)]
    actual = [damage for damage in chain_damages(factory, noted) if damage.thing == "ledger"]
    assert [(damage.where, damage.was) for damage in actual] == [("line 5", "anchored in Dagster's event log")]


def test_a_ledger_whose_guard_was_taken_away_is_reported(factory: Project) -> None:
    with factory.database.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_no_delete")
    (damage,) = chain_damages(factory)
    assert (damage.where, damage.problem) == ("its triggers", "the triggers are missing: lines can be changed")


def test_with_a_key_notes_are_signed_and_a_forged_one_shows(factory: Project) -> None:
    signing = _signing(factory)
    _append(signing)
    head = anchor_ledger(signing)
    assert head is not None
    document = json.loads((factory.state / "store/anchors/ledger/000000006.json").read_text())
    signed_text = json.dumps({"hash": head.hash, "seq": 6}, sort_keys=True, separators=(",", ":"))
    assert document["signature"] == hmac.new(KEY.encode(), signed_text.encode(), "sha256").hexdigest()
    assert list(chain_damages(signing)) == []
    _append(signing)
    anchor_ledger(open_project(factory.root, {"LEDGER_KEY": "another key of sixteen"}))
    (damage,) = chain_damages(signing)
    assert (damage.where, damage.problem) == ("anchors/ledger/000000007.json", "it is signed with another key")


def test_a_note_without_signature_after_one_with_it_shows(factory: Project) -> None:
    signing = _signing(factory)
    _append(signing)
    anchor_ledger(signing)
    _append(signing)
    anchor_ledger(factory)
    (damage,) = chain_damages(signing)
    assert (damage.where, damage.problem) == ("anchors/ledger/000000007.json", "it is not signed")


def test_a_key_that_is_too_short_is_refused_when_it_is_declared(factory: Project) -> None:
    with pytest.raises(DeclarationError, match="ledger_key"):
        _signing(factory, "short")


def test_nothing_is_deployed_by_a_database_that_was_emptied_or_is_an_older_copy(factory: Project) -> None:
    trained, evaluation = (
        current_output(factory.database, f"{MODEL}/{kind}") for kind in ("trained_model", "evaluation")
    )
    require_newest(factory)
    last = ledger_lines(factory.database)[-1].seq
    with factory.database.writing() as connection, may_change(connection, LEDGER):
        connection.execute(sa.delete(LEDGER).where(LEDGER.c.seq == last))
    message = (
        rf"the ledger is damaged: it ends at line {last - 1}, and the store has anchors/ledger/00000000{last}.json"
    )
    for decide in (
        lambda: require_newest(factory),
        lambda: deploy(factory, MODEL, str(trained), str(evaluation), "ada", NOON),
    ):
        with pytest.raises(LedgerDamaged, match=message):
            decide()
