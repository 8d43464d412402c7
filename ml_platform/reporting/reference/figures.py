"""Every figure of an evaluation, with its formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ml_platform.declarations.gates import ENVIRONMENT, FEATURE_AGE, LATENCY, MEMORY, MONOTONE, TRAINING
from ml_platform.declarations.metric_names import KNOWN_FIGURES
from ml_platform.reporting.reference.markdown import Page, code, table


class Figure(NamedTuple):
    """What a figure is, its formula, and which values are good."""

    meaning: str
    formula: str
    better: str


FIGURES: Mapping[str, Figure] = {
    "auc": Figure(
        "The probability that a random positive row scores above a random negative row; ties count half.",
        "(sum of ranks of positives − n₁(n₁+1)/2) / (n₁·n₀)",
        "higher; 0.5 is chance",
    ),
    "average_precision": Figure(
        "The mean of precision over the steps of recall.", "Σ (recallₖ − recallₖ₋₁) · precisionₖ", "higher"
    ),
    "log_loss": Figure(
        "The mean negative logarithm of the probability that was given to the true class.",
        "−mean(log p(true class))",
        "lower",
    ),
    "brier": Figure("The mean squared error of the probability.", "mean((p − y)²)", "lower"),
    "accuracy": Figure(
        "The share of rows whose most likely class is the true one; for two classes, p ≥ 0.5 means positive.",
        "mean(predicted class = true class)",
        "higher",
    ),
    "calibration_error": Figure(
        "How far mean score and share of positives differ, over ten bins of equal row counts.",
        "Σ rowsᵦ · |mean(p)ᵦ − mean(y)ᵦ| / rows",
        "lower",
    ),
    "mae": Figure("The mean absolute error.", "mean(|prediction − y|)", "lower"),
    "rmse": Figure("The root of the mean squared error.", "√mean((prediction − y)²)", "lower"),
    "r2": Figure(
        "The share of the variance that is explained. It has no value where all labels are equal.",
        "1 − Σ(prediction − y)² / Σ(y − mean(y))²",
        "higher; 1 is perfect",
    ),
    "bias": Figure("The mean error.", "mean(prediction − y)", "near 0"),
    "pinball": Figure(
        "The loss that the quantile q minimizes (Koenker and Bassett 1978).",
        "mean(max(q·(y − prediction), (q − 1)·(y − prediction)))",
        "lower",
    ),
    "coverage": Figure("The share of labels at or below the prediction.", "mean(y ≤ prediction)", "near the quantile"),
    "value_per_row": Figure(
        "What a row earned with the recommended actions, in the project's currency.", "mean(payoff)", "higher"
    ),
    "value_per_row_low": Figure("The lower end of its interval.", "see Statistics", "higher"),
    "value_per_row_high": Figure("The upper end of its interval.", "see Statistics", "higher"),
    "value_total": Figure("What all test rows earned.", "Σ payoff", "higher"),
    "value_vs_do_nothing": Figure(
        "What all test rows earned more than with the action do_nothing.", "Σ (payoff − payoff of do_nothing)", "higher"
    ),
    "value_vs_do_nothing_low": Figure("The lower end of its interval.", "see Statistics", "higher"),
    "value_vs_do_nothing_high": Figure("The upper end of its interval.", "see Statistics", "higher"),
    "value_effective_days": Figure(
        "How many independent days the test days are worth, as days that follow each other are alike.",
        "see Statistics",
        "higher",
    ),
    "size_mb": Figure("The size of the stored trained model.", "bytes / 1,000,000", "lower"),
    "rows": Figure("The number of test rows with a label.", "count", "higher"),
}
_MEASURED = "all; no part of an evaluation"
OTHER_FIGURES: Mapping[str, tuple[Figure, str]] = {
    "slices_losing": (
        Figure("On how many slices the model surely earns less than doing nothing.", "see Release", "lower"),
        "models with slices",
    ),
    "slices_below_champion": (
        Figure("On how many slices the model surely earns less than the champion.", "see Release", "lower"),
        "models with slices",
    ),
    **{
        f"{name}{end}": (Figure(f"{meaning}{of}", formula if not end else "see Release", "0"), "models with protected")
        for name, meaning, formula in (
            (
                "selection_rate_difference",
                "How differently groups of a protected column are acted on",
                "max − min over groups of the share of rows with another action than do_nothing",
            ),
            (
                "equalized_odds_difference",
                "The same among positive rows or among negative ones, whichever differs more; of two classes",
                "max over labels of (max − min over groups)",
            ),
        )
        for end, of in (("", "."), ("_low", ": the lower end."), ("_high", ": the upper end."))
    },
    MONOTONE: (
        Figure(
            "In how many probes of test rows a prediction moves against its declared direction.", "count", "0; a gate"
        ),
        "models with monotone",
    ),
    LATENCY: (
        Figure(
            "How long one row takes, measured when a version is to be deployed.", "median of 7 repeats, ms", "lower"
        ),
        _MEASURED,
    ),
    MEMORY: (
        Figure(
            "The most memory of a new process that loads the predictor and predicts 200 test rows, libraries included.",
            "bytes / 1,000,000",
            "lower",
        ),
        _MEASURED,
    ),
    TRAINING: (
        Figure("How long all fits of the version took: the model, its baselines and its refit.", "seconds", "lower"),
        _MEASURED,
    ),
    FEATURE_AGE: (
        Figure(
            "How long, at the deployment, the feature table with the oldest data has had no newer value.",
            "(now − newest value) / 1 h",
            "lower",
        ),
        _MEASURED,
    ),
    ENVIRONMENT: (
        Figure(
            "How many libraries of the predictor are of another release in the process that deploys than in training.",
            "count of those whose first two numbers differ",
            "0",
        ),
        _MEASURED,
    ),
}
"""Figures that not every model of a task has, each with the models that have it."""


def figures_page() -> Page:
    """Return the page of figures, by task."""
    tasks = {name: [task for task, known in KNOWN_FIGURES.items() if name in known] for name in FIGURES}
    rows = [
        (code(name), figure.meaning, figure.formula, figure.better, ", ".join(tasks[name]))
        for name, figure in FIGURES.items()
    ]
    rows += [
        (code(name), figure.meaning, figure.formula, figure.better, models)
        for name, (figure, models) in OTHER_FIGURES.items()
    ]
    return Page(
        "metrics",
        "Metrics",
        "An evaluation reports these figures on the test period. A gate may name each of them. Here y is the label and "
        "p the probability. [Statistics](../explanation/statistics.md) explains the intervals of money.",
        (table(["figure", "meaning", "formula", "better", "tasks"], rows),),
    )
