"""The stages of a rollout as they are declared."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from ml_platform.declarations.in_production import Deployment, Online
from ml_platform.declarations.rollout import RolloutStage


def test_stages_are_read_with_what_they_leave_out() -> None:
    stages = Online.model_validate({"rollout": [{"shadow": "1d"}, {"canary": 0.25, "for": "36h"}]}).rollout
    assert stages is not None
    shadow, canary = stages
    assert (shadow.kind, shadow.time, shadow.share) == ("shadow", timedelta(days=1), 0.0)
    assert (canary.kind, canary.time, canary.share) == ("canary", timedelta(hours=36), 0.25)
    assert shadow.latency_limit(150.0) == 300.0
    reread = [RolloutStage.model_validate(stage.model_dump(mode="json", by_alias=True)) for stage in stages]
    assert tuple(reread) == stages


@pytest.mark.parametrize(("limit", "micros"), [("1.5x", 150.0), ("250us", 250.0), ("2ms", 2000.0), ("1s", 1e6)])
def test_a_limit_of_latency_is_a_multiple_or_a_time(limit: str, micros: float) -> None:
    assert RolloutStage.model_validate({"shadow": "1d", "max_latency": limit}).latency_limit(100.0) == micros


@pytest.mark.parametrize(
    ("stage", "problem"),
    [
        ({}, "either shadow: SPAN or canary: SHARE, found neither"),
        ({"shadow": "1d", "canary": 0.1, "for": "1d"}, "found both"),
        ({"canary": 0.1}, "a canary has for: SPAN"),
        ({"shadow": "1d", "for": "1d"}, "a canary has for: SPAN"),
        ({"canary": 1.0, "for": "1d"}, "less than 1"),
        ({"shadow": "0d"}, "must be positive"),
        ({"shadow": "1d", "max_latency": "fast"}, "a multiple of the champion's latency"),
        ({"shadow": "1d", "max_latency": "0x"}, "a multiple of the champion's latency"),
        ({"shadow": "1d", "at_most": "2d"}, "at_most goes with require: better"),
        ({"shadow": "3d", "at_most": "2d", "require": "better"}, "at least the time of the stage"),
        ({"shadow": "1d", "min_row": 3}, "Extra inputs"),
    ],
)
def test_a_stage_that_makes_no_sense_is_refused(stage: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        RolloutStage.model_validate(stage)


def test_without_a_rollout_a_declaration_is_kept_as_before() -> None:
    kept = Deployment.model_validate({"online": True}).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert kept["online"] == {"log": "written", "parity_rows": 5000}
