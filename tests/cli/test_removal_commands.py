"""The commands that show and remove what is stored: snapshots, gc, erase and rules of retention."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Call
from tests.worlds import write_shop


def test_snapshots_are_listed_shown_and_compared(tmp_path: Path, inside: Call) -> None:
    from tests.datasets.snapshot.shop_snapshots import snapshots_of_shop

    shop, first, second = snapshots_of_shop(tmp_path)
    lines = inside("snapshots", "late_parcel", str(shop)).stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [first, second]
    assert [item["id"] for item in json.loads(inside("snapshots", str(shop), "--json").stdout)["snapshots"]] == [
        first,
        second,
    ]
    shown = json.loads(inside("snapshot", "show", "late_parcel", str(shop), "--json").stdout)
    assert (shown["id"], shown["boundaries"]["horizon"]) == (second, "2d")
    assert [item["node"] for item in shown["inputs"]] == [
        "features/courier_recent",
        "sources/deliveries",
        "sources/orders",
        "features/courier_recent/source",
    ]
    assert all(len(part["sha256"][0]) == 64 for item in shown["inputs"] for part in item["partitions"])
    output = inside("snapshot", "diff", first[:6], "late_parcel@latest", str(shop)).stdout
    assert "40 added, 40 gone, 0 changed; 47 days are the same" in output
    assert "courier_recent.mean_late_7d" in output
    unknown = inside("snapshot", "show", "late_parcel@4", str(shop))
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("snapshot 'late_parcel@4': late_parcel has no version 4. Give the beginning of")


def test_gc_looks_first_and_removes_only_what_was_looked_at(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=3)
    declared = shop / "project.yaml"
    declared.write_text(declared.read_text() + "retention: {grace: 0s}\n")
    objects = shop / ".ml_platform/store/objects/ab"
    objects.mkdir(parents=True)
    name = "ab12" * 16
    (objects / name).write_bytes(b"of a run that was killed")
    dry = inside("gc", str(shop)).stdout
    assert "0 artifacts and 1 object, 24 B, would be moved to the trash; they can be restored for 0d." in dry
    plan = json.loads(inside("gc", str(shop), "--json").stdout)["plan"]
    assert dry.splitlines()[-1] == f"To do this, and only this: ml-platform gc {shop} --delete {plan}"
    other = inside("gc", str(shop), "--delete", "0123456789ab")
    assert (other.returncode, other.stderr.split(":")[0]) == (1, "plan 0123456789ab is out of date")
    assert (objects / name).exists()
    assert "1 object, 24 B, moved to the trash" in inside("gc", str(shop), "--delete", plan).stdout
    assert not (objects / name).exists()
    plan = json.loads(inside("gc", str(shop), "--json").stdout)["plan"]
    assert (
        "1 file that was moved to the trash before, 24 B, is deleted permanently."
        in inside("gc", str(shop), "--delete", plan).stdout
    )


def test_a_rule_of_retention_that_does_not_exist_is_a_fault(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path, days=3)
    declared = shop / "project.yaml"
    declared.write_text(declared.read_text() + "retention: {snapshot: 90d}\n")
    output = inside("validate", str(shop)).stderr
    assert output.startswith("project.yaml:11:13: retention: the key snapshot is unknown. Did you mean snapshots?")


def test_erase_looks_first_and_never_names_the_key_in_the_ledger(tmp_path: Path, inside: Call) -> None:
    from tests.datasets.snapshot.shop_snapshots import snapshots_of_shop

    shop, first, _ = snapshots_of_shop(tmp_path)
    words = ("erase", "order", "order_id=o001000", str(shop), "--reason", "asked for by letter 17")
    dry = inside(*words).stdout
    assert "would be erased, permanently." in dry
    plan = json.loads(inside(*words, "--json").stdout)
    assert dry.splitlines()[-1] == f"To do this, and only this: the same command with --delete {plan['plan']}"
    assert "o001000" not in json.dumps(plan)
    assert inside(*words, "--delete", "0123456789ab").returncode == 1
    assert "are erased, permanently." in inside(*words, "--delete", plan["plan"]).stdout
    assert "Nothing with this key is stored." in inside(*words).stdout
    shown = json.loads(inside("snapshot", "show", first, str(shop), "--json").stdout)
    assert shown["id"] != first
    assert shown["erased"] == ["1 row erased: models trained on it can no longer be reproduced exactly"]
    named = inside("erase", "order", "order_id=o001000", str(shop), "--reason", "o001000 asked", "--delete", "x")
    assert named.stderr.startswith("the reason contains the key that is to be erased")
    wrong = inside("erase", "order", "id=o001000", str(shop), "--reason", "letter")
    assert wrong.stderr.startswith("order: its key is order_id, found id. Give the entity and each column of its key")
    assert inside(*words, "--lift").stdout == "Its rows are ingested again from now on.\n"
