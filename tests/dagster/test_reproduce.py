"""The job that trains past versions again: what it says, and that it fails where the state is another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from ml_platform.audit.reproduce.history import attempts
from ml_platform.models.estimators.base import Estimator, FitRequest
from ml_platform.models.estimators.registry import fit_estimator
from tests.dagster.shop import Shop


def reproduced(shop: Shop, config: Mapping[str, Any] | None = None) -> dg.ExecuteInProcessResult:
    job = shop.definitions.get_job_def("reproduce_past_version")
    return job.execute_in_process(instance=shop.instance, run_config=config, raise_on_error=False)


def test_a_random_version_is_retrained_and_is_the_same(shop: Shop) -> None:
    result = reproduced(shop)
    assert result.success
    (last,) = attempts(shop.project)
    assert last.same
    assert last.version in ("late_parcel@1", "lateness@1")
    assert last.at == shop.project.clock.now()


def test_a_version_that_is_not_the_same_fails_the_run_with_what_differs(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = fit_estimator

    def otherwise(fitting: FitRequest) -> Estimator:
        return fit(replace(fitting, label=fitting.label[::-1]))

    monkeypatch.setattr("ml_platform.models.prepare.fit_estimator", otherwise)
    config = {"ops": {"reproduce_version": {"config": {"version": "late_parcel@1"}}}}
    result = reproduced(shop, config)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    message = str(failure.step_failure_data.error)
    assert "late_parcel@1 was trained again and is not the same: the fitted state of" in message
    assert not attempts(shop.project)[0].same
