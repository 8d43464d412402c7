"""The search itself: Optuna proposes, folds judge. The same seed and rows give the same trials, killed or not.

Optuna's TPE sampler (Bergstra et al. 2011; Optuna: Akiba et al. 2019) proposes the parameters of a trial from the
outcome of those before it. It gets a new seed for each trial, so a trial follows from the finished ones alone, and a
search that continues from its journal is the search that was never interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import TrainingError
from ml_platform.core.hashing import content_id
from ml_platform.declarations.tuning import SearchSpace, Tuning
from ml_platform.models.tuning.journal import Journal
from ml_platform.models.tuning.trial import DayLosses, Trial, is_worse

if TYPE_CHECKING:
    import optuna

Judge = Callable[[Mapping[str, Any], int], DayLosses]
"""Fits parameters before a fold, and returns its losses; raises TrainingError where they cannot be fitted."""
Progress = Callable[[int, Trial, Trial], object]
"""Called after each trial with its number, the trial, and the best one. Number 0 has the declared parameters."""


def search(tuning: Tuning, judge: Judge, journal: Journal, progress: Progress) -> list[Trial]:
    """Return the declared parameters' own trial, then every trial of the search, in order.

    Raises
    ------
    TrainingError
        Where the declared parameters cannot be fitted.
    """
    trials = journal.trials()
    if not trials:
        trials = [_kept(journal, _tried({}, tuning.folds, judge, None))]
        progress(0, trials[0], trials[0])
    if trials[0].state == "failed":
        journal.remove()
        raise TrainingError(f"the declared parameters cannot be fitted before a fold of tuning: {trials[0].note}")
    study, space = _study(), {name: _distribution(item) for name, item in tuning.space.items()}
    for trial in trials[1:]:
        study.add_trial(_finished(trial, space))
    while len(trials) <= tuning.trials and not is_spent(tuning, trials):
        study.sampler = _sampler(tuning.seed, len(trials))
        proposed = study.ask(space)
        trial = _kept(journal, _tried(proposed.params, tuning.folds, judge, best_of(trials)))
        _report(study, proposed, trial)
        trials.append(trial)
        progress(len(trials) - 1, trial, best_of(trials))
    return trials


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the complete trial with the least loss; the first of equal ones, which the declared parameters are."""
    return min((trial for trial in trials if trial.state == "complete"), key=lambda trial: trial.losses[-1])


def is_spent(tuning: Tuning, trials: Sequence[Trial]) -> bool:
    """Return whether the trials took as long as they may, those before an interruption among them."""
    return tuning.budget is not None and sum(trial.seconds for trial in trials) >= tuning.budget.total_seconds()


def _tried(params: Mapping[str, Any], folds: int, judge: Judge, best: Trial | None) -> Trial:
    """Judge parameters fold by fold; end early where they are surely worse than the best ones."""
    began, judged = time.monotonic(), []
    for fold in range(folds):
        try:
            judged.append(judge(params, fold))
        except TrainingError as error:
            return Trial(params, "failed", tuple(judged), time.monotonic() - began, str(error))
        if best is not None and fold < folds - 1 and is_worse(judged, best.folds):
            return Trial(params, "pruned", tuple(judged), time.monotonic() - began)
    return Trial(params, "complete", tuple(judged), time.monotonic() - began)


def _kept(journal: Journal, trial: Trial) -> Trial:
    journal.add(trial)
    return trial


def _study() -> optuna.Study:
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(direction="minimize")
    finally:
        optuna.logging.set_verbosity(before)


def _sampler(seed: int, number: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.TPESampler(seed=int(content_id({"seed": seed, "trial": number})[:8], 16))


def _distribution(space: SearchSpace) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if space.choices is not None:
        return CategoricalDistribution(space.choices)
    assert space.low is not None
    assert space.high is not None
    if space.is_whole:
        return IntDistribution(int(space.low), int(space.high), log=space.log, step=int(space.step or 1))
    return FloatDistribution(float(space.low), float(space.high), log=space.log, step=space.step)


def _finished(trial: Trial, space: Mapping[str, Any]) -> optuna.trial.FrozenTrial:
    """Return a finished trial as Optuna has it."""
    import optuna

    states = optuna.trial.TrialState
    state = {"complete": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}[trial.state]
    return optuna.trial.create_trial(
        state=state,
        value=trial.losses[-1] if state == states.COMPLETE else None,
        params=dict(trial.params),
        distributions=dict(space),
        intermediate_values=dict(enumerate(trial.losses)),
    )


def _report(study: optuna.Study, proposed: optuna.Trial, trial: Trial) -> None:
    import optuna

    for step, loss in enumerate(trial.losses):
        proposed.report(loss, step)
    states = optuna.trial.TrialState
    if trial.state == "complete":
        study.tell(proposed, trial.losses[-1])
    else:
        study.tell(proposed, state=states.PRUNED if trial.state == "pruned" else states.FAIL)
