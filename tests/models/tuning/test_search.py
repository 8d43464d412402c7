"""The search: the same trials whether it is killed or not, pruned by a test over days, and better than chance."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from ml_platform.core.errors import TrainingError
from ml_platform.declarations.tuning import Tuning
from ml_platform.models.tuning.journal import Journal
from ml_platform.models.tuning.search import best_of, search
from ml_platform.models.tuning.trial import DayLosses, Trial, is_worse

SPACE = {"x": {"low": -4.0, "high": 4.0}, "leaves": {"low": 2, "high": 64, "log": True}, "kind": ["a", "b"]}


def declared(**more: Any) -> Tuning:
    return Tuning.model_validate({"space": SPACE, "trials": 24, "seed": 3, **more})


def bowl(params: Mapping[str, Any], fold: int) -> DayLosses:
    """Return losses of seven days around a loss with its least value at x = 1, 8 leaves, kind b."""
    x, leaves, kind = params.get("x", -3.0), params.get("leaves", 64), params.get("kind", "a")
    loss = 1 + (x - 1) ** 2 + (math.log2(leaves) - 3) ** 2 / 9 + (kind == "a") * 0.2
    noise = np.random.default_rng([fold, int(1000 * (x + 5)), leaves]).normal(0, 0.05, 7)
    return DayLosses(tuple(100 * (loss + noise)), (100,) * 7)


def searched(folder: Path, tuning: Tuning | None = None, judge: Any = bowl) -> list[Trial]:
    return search(tuning or declared(), judge, Journal(folder, "s"), lambda *_: None)


def outcomes(trials: list[Trial]) -> list[Any]:
    return [(dict(trial.params), trial.state, trial.folds) for trial in trials]


class Stop(Exception):
    pass


@pytest.mark.parametrize("after", [1, 2, 7, 12, 23])
def test_a_search_that_goes_on_is_the_search_that_was_not_interrupted(tmp_path: Path, after: int) -> None:
    whole = searched(tmp_path / "whole")

    def stop(number: int, *_: Any) -> None:
        if number == after:
            raise Stop

    with pytest.raises(Stop):
        search(declared(), bowl, Journal(tmp_path / "parts", "s"), stop)
    judged = []

    def counted(params: Mapping[str, Any], fold: int) -> DayLosses:
        judged.append(fold)
        return bowl(params, fold)

    resumed = searched(tmp_path / "parts", judge=counted)
    assert outcomes(resumed) == outcomes(whole)
    assert judged.count(0) == 24 - after


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.models.tuning.test_search import bowl, searched

calls = []

def judge(params, fold):
    calls.append(fold)
    if len(calls) == int(sys.argv[2]):
        if sys.argv[3] == "torn":
            with next(Path(sys.argv[1]).glob("*.jsonl")).open("ab") as file:
                file.write(b'{"params": {"x": 1')
        os.kill(os.getpid(), signal.SIGKILL)
    return bowl(params, fold)

searched(Path(sys.argv[1]), judge=judge)
"""


@pytest.mark.slow
def test_a_search_survives_sigkill_at_any_fit_also_with_a_torn_line(tmp_path: Path) -> None:
    for at, how in ((9, "torn"), (6, "whole"), (2, "torn")):  # each process goes on where the last one was killed
        command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(at), how]
        assert subprocess.run(command, check=False).returncode == -9
    assert outcomes(searched(tmp_path / "killed")) == outcomes(searched(tmp_path / "whole"))


@pytest.mark.slow
def test_the_search_is_better_than_as_many_draws(tmp_path: Path) -> None:
    reached = [best_of(searched(tmp_path / str(seed), declared(seed=seed))).losses[-1] for seed in range(8)]
    draw, random = np.random.default_rng(0), []
    for _ in range(8):
        tried = [{"x": draw.uniform(-4, 4), "leaves": int(2 ** draw.uniform(1, 6)), "kind": "ab"[draw.integers(2)]}]
        tried += [{**tried[0], "x": draw.uniform(-4, 4), "leaves": int(2 ** draw.uniform(1, 6))} for _ in range(23)]
        random.append(min(sum(sum(bowl(params, fold).sums) for fold in (0, 1)) / 1400 for params in tried))
    assert np.median(reached) < np.median(random)


def test_another_seed_tries_others_and_trial_0_has_the_declared_parameters(tmp_path: Path) -> None:
    first, second = searched(tmp_path / "a"), searched(tmp_path / "b", declared(seed=4))
    assert first[0].params == second[0].params == {}
    assert outcomes(first)[1:] != outcomes(second)[1:]
    for trial in first[1:]:
        assert -4 <= trial.params["x"] <= 4
        assert 2 <= trial.params["leaves"] <= 64
        assert isinstance(trial.params["leaves"], int)
        assert trial.params["kind"] in ("a", "b")


def test_a_trial_ends_early_exactly_where_a_paired_test_over_days_is_sure() -> None:
    seen = set()
    for seed in range(200):
        draw = np.random.default_rng(seed)
        luck, worse = draw.normal(0, 5, 7), draw.normal(0.1, 0.3, 7)
        best, trial = DayLosses(tuple(luck), (9,) * 7), DayLosses(tuple(luck + worse), (9,) * 7)
        differences = np.array(trial.sums) - np.array(best.sums)
        ended = is_worse([trial], [best, best])
        assert ended == (ttest_1samp(differences, 0.0, alternative="greater").pvalue < 0.05)
        seen.add(ended)
    assert seen == {True, False}


def test_an_equal_trial_seldom_ends_early_and_few_days_end_none() -> None:
    ended = 0
    for seed in range(400):
        draw = np.random.default_rng(seed)
        one, other = (DayLosses(tuple(draw.normal(0, 1, 7)), (9,) * 7) for _ in range(2))
        ended += is_worse([one], [other])
    assert 8 <= ended <= 35  # 5 % of 400
    four = [DayLosses((1.0, 2.0, 3.0, 4.1), (1,) * 4)]
    assert not is_worse(four, [DayLosses((0.0, 0.0, 0.0, 0.0), (1,) * 4)])
    assert is_worse([DayLosses((2.0,) * 5, (1,) * 5)], [DayLosses((1.0,) * 5, (1,) * 5)])


def test_a_pruned_trial_is_not_judged_by_later_folds_and_never_best(tmp_path: Path) -> None:
    trials = searched(tmp_path)
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned
    assert {len(trial.folds) for trial in pruned} == {1}
    assert {len(trial.folds) for trial in trials if trial.state == "complete"} == {2}
    assert best_of(trials).state == "complete"
    assert best_of(trials).losses[-1] == min(trial.losses[-1] for trial in trials if trial.state == "complete")


def test_parameters_that_cannot_be_fitted_fail_their_trial_only(tmp_path: Path) -> None:
    def judge(params: Mapping[str, Any], fold: int) -> DayLosses:
        if params.get("kind") == "b":
            raise TrainingError("kind b is not for these rows")
        return bowl(params, fold)

    trials = searched(tmp_path, judge=judge)
    failed = [trial for trial in trials if trial.state == "failed"]
    assert {trial.note for trial in failed} == {"kind b is not for these rows"}
    assert len(trials) == 25
    assert best_of(trials).params.get("kind") != "b"


def test_declared_parameters_that_cannot_be_fitted_are_an_error_and_nothing_is_kept(tmp_path: Path) -> None:
    def judge(params: Mapping[str, Any], fold: int) -> DayLosses:
        raise TrainingError("one class")

    with pytest.raises(
        TrainingError, match=r"the declared parameters cannot be fitted before a fold of tuning: one class"
    ):
        searched(tmp_path, judge=judge)
    assert list(tmp_path.iterdir()) == []


def test_no_trial_begins_after_the_budget_and_an_interruption_does_not_renew_it(tmp_path: Path) -> None:
    trials = searched(tmp_path, declared(budget=timedelta(microseconds=1)))
    assert len(trials) == 1
    kept = Journal(tmp_path / "slow", "s")
    for _ in range(3):
        params = {"x": 1.0, "leaves": 8, "kind": "a"}
        kept.add(Trial(params, "complete", (bowl(params, 0), bowl(params, 1)), 20.0))
    assert len(searched(tmp_path / "slow", declared(budget=timedelta(minutes=1)))) == 3


def test_a_choice_of_null_truth_and_numbers_goes_through_the_journal(tmp_path: Path) -> None:
    def judge(params: Mapping[str, Any], fold: int) -> DayLosses:
        return DayLosses((float(params.get("depth") is not None) + 1, 1.0), (1, 1))

    tuning = Tuning.model_validate({"space": {"depth": [None, True, 3, "sqrt", 0.5]}, "trials": 20})
    whole = searched(tmp_path / "a", tuning, judge)
    assert repr(outcomes(Journal(tmp_path / "a", "s").trials())) == repr(outcomes(whole))
    assert len({repr(trial.params["depth"]) for trial in whole[1:]}) > 3
