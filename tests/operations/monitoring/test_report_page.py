"""The drift report: values of the data stay text in it, and where that cannot be made sure of there is no report."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest

from ml_platform.operations.monitoring.report import drift_report
from ml_platform.operations.monitoring.report_page import ReportNotSafe, harden
from tests.hostile import HOSTILE, Inspection
from tests.operations.monitoring.test_report import LOOKED, same

ID = "0" * 32
PAGE = (
    '<html><head><meta charset="UTF-8"></head><body><script>{before}var metric_{id} = {first};'
    "var additional_graphs_metric_{id} = {second};</script></body></html>"
)


def page(first: str, second: str = "{}", before: str = "") -> str:
    return PAGE.format(id=ID, first=first, second=second, before=before)


def test_a_category_and_a_column_that_are_markup_stay_text_in_the_report() -> None:
    draw = np.random.default_rng(0)
    values = ["plain", HOSTILE, "\u2028", "<!--", "</SCRIPT >"]
    frame = pd.DataFrame({HOSTILE: draw.choice(values, 300), "amount": draw.normal(size=300)})
    report = drift_report(frame, frame, same(frame), LOOKED)
    assert report is not None
    assert "<script>window.PWNED" not in report
    assert "<img src=x" not in report
    assert "window.PWNED=1\\u003c/script\\u003e" in report
    inspection = Inspection(report)
    assert inspection.faults == []
    assert inspection.policy is not None
    texts = re.findall(r"<script>(.*?)</script>", report, flags=re.DOTALL)
    assert inspection.scripts == len(texts)
    for text in texts:  # each script of the page is allowed by its own hash, and no other is
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in inspection.policy
    assert inspection.policy.count("'sha256-") == len(texts)


def test_the_data_are_the_same_for_the_pages_script() -> None:
    content = {"name": HOSTILE, "line": "\u2028", "number": 1.5}
    hardened = harden(page(json.dumps(content), json.dumps([HOSTILE])))
    first = re.search(rf"var metric_{ID} = (.*?);var", hardened)
    second = re.search(rf"var additional_graphs_metric_{ID} = (.*?);</script>", hardened)
    assert first is not None
    assert second is not None
    assert json.loads(first[1]) == content
    assert json.loads(second[1]) == [HOSTILE]


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (page("{}").replace(f"var metric_{ID}", f"let metric_{ID}"), "its data are not where they are expected"),
        (page("{}").replace("additional_graphs_", "more_"), "its data are not where they are expected"),
        (page("undefined"), "its data are not JSON"),
        (page("{}").replace("<script>", "<script src='http://evil.example/x.js'>"), "loaded from elsewhere"),
    ],
)
def test_a_page_that_is_built_otherwise_is_not_written(broken: str, problem: str) -> None:
    with pytest.raises(ReportNotSafe, match=problem):
        harden(broken)
