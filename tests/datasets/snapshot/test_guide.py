"""The lines of docs/guides/snapshots.md for a notebook do as they stand there."""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from tests.datasets.snapshot.shop_snapshots import snapshots_of_shop

PAGE = Path(__file__).parents[3] / "docs/guides/snapshots.md"


def test_the_notebook_lines_of_the_guide_give_frames(tmp_path):
    shop, _, _ = snapshots_of_shop(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code.replace("examples/flights", str(shop)).replace("late_arrival", "late_parcel"), names)
    snapshot = names["snapshot"]
    assert all(isinstance(getattr(snapshot, part), pd.DataFrame) for part in ("train", "validate", "test"))
    assert len(snapshot.train) == snapshot.about["rows"]["train"]
    assert snapshot.train["effective_time"].max() < snapshot.validate["effective_time"].min()
