"""Every fault in the options of a study is reported by `validate`, with its place, before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.declarations.load.load import load_project
from tests.declarations.ferry import edit, faults, write_ferry

CASES = [
    ("backtest: {origins: 1}", "origins: input should be greater than or equal to 2"),
    ("backtest: {every: 36h}", "must be whole days, found 36h. Give days, such as 7d"),
    ("backtest: {orgins: 3}", "extra inputs are not permitted"),
    ("backtest: {every: 7d, origins: 30}", "30 origins 7d apart leave nothing of the snapshot's"),
    ("backtest: {every: 90d}", "6 origins 90d apart leave nothing of"),
    ("ablation: {features: 3}", "input should be a valid boolean"),
    ("ablations: {}", "Did you mean ablation?"),
]


@pytest.mark.parametrize(("declared", "message"), CASES)
def test_a_fault_names_its_place_and_the_remedy(tmp_path: Path, declared: str, message: str) -> None:
    ferry = write_ferry(tmp_path / "ferry")
    edit(ferry, "models/late.yaml", "baselines:\n", f"nodes: {{{declared}}}\nbaselines:\n")
    (text,) = faults(ferry)
    assert message.lower() in text.lower()
    assert text.startswith("models/late.yaml:11:")


def test_as_many_origins_as_the_periods_have_room_for_are_taken(tmp_path: Path) -> None:
    """Of 60 + 7 + 14 days, two validate periods are left to fit: 67 days have room for 33 origins 2 days apart."""
    for origins in (33, 34):
        ferry = write_ferry(tmp_path / str(origins))
        nodes = f"nodes: {{backtest: {{every: 2d, origins: {origins}}}}}"
        edit(ferry, "models/late.yaml", "baselines:\n", f"{nodes}\nbaselines:\n")
        if origins == 33:
            assert load_project(ferry, {}).models["late"].nodes is not None
        else:
            (text,) = faults(ferry)
            assert "leave 13 of the snapshot's 81 days to fit" in text
            assert "Take at most 33 origins" in text
