"""How right probabilities are after a refit, by how its curve is fitted, in worlds whose probabilities are known.

Each world has 98 days: train 60, validate 10, test 14, and 14 later days, on which the probabilities are compared with
the true ones. Printed are the Kullback-Leibler divergence of a row from the true probability, in thousandths, and how
far the mean probability is off: the root of the mean square over worlds.

Run it with: python benchmarks/refit.py [WORLDS]
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import lightgbm
import numpy as np
from sklearn.linear_model import LogisticRegression

from ml_platform.models.calibration import Calibration

TRAIN, VALIDATE, TEST, LATER = 60, 10, 14, 14
ROWS_A_DAY = 200
Scorer = Callable[[np.ndarray], np.ndarray]


def world(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return columns, true probabilities, labels and days of rows.

    Parameters
    ----------
    kind
        ``still``; ``walk``: the base rate is a random walk; ``trend``: it rises; ``fade``: columns lose their effect.
    """
    draw, days = np.random.default_rng(seed), TRAIN + VALIDATE + TEST + LATER
    day = np.repeat(np.arange(days), ROWS_A_DAY)
    x = draw.normal(size=(len(day), 6))
    level, effect = np.zeros(days), np.ones(days)
    if kind == "walk":
        level = np.cumsum(draw.normal(0, 0.08, days))
    if kind == "trend":
        level = np.linspace(0, 1.6, days)
    if kind == "fade":
        effect = np.linspace(1.5, 0.5, days)
    signal = 0.8 * x[:, 0] + 0.6 * np.sin(2 * x[:, 1]) + 0.5 * x[:, 2] * x[:, 3]
    truth = 1 / (1 + np.exp(1 - level[day] - effect[day] * signal))
    return x, truth, (draw.random(len(day)) < truth).astype("float64"), day


def trees(x: np.ndarray, label: np.ndarray) -> Scorer:
    """Return trees that are too many, so that they know the rows that they were fitted on."""
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 0, "deterministic": True}
    return lightgbm.train(params, lightgbm.Dataset(x, label), 150).predict


def line(x: np.ndarray, label: np.ndarray) -> Scorer:
    """Return a logistic regression."""
    fitted = LogisticRegression().fit(x, label)
    return lambda rows: fitted.predict_proba(rows)[:, 1]


def answers(kind: str, fit: Callable[..., Scorer], seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the probabilities of later rows by each way, and the true ones."""
    x, truth, label, day = world(kind, seed)
    train, validate = day < TRAIN, (day >= TRAIN) & (day < TRAIN + VALIDATE)
    later = day >= TRAIN + VALIDATE + TEST
    test = ~(train | validate | later)
    first, second, third = (fit(x[rows], label[rows]) for rows in (train, train | validate, ~later))
    kept = Calibration.fit("sigmoid", first(x[validate]), label[validate])
    of_test = Calibration.fit("sigmoid", second(x[test]), label[test])
    of_known = Calibration.fit("sigmoid", third(x[validate | test]), label[validate | test])
    ways = {
        "no refit": kept.apply(first(x[later])),
        "train+validate, old curve": kept.apply(second(x[later])),
        "train+validate, as built": of_test.apply(second(x[later])),
        "all, old curve": kept.apply(third(x[later])),
        "all, no curve": third(x[later]),
        "all, curve on its own rows": of_known.apply(third(x[later])),
        "all, as built": of_test.apply(third(x[later])),
    }
    return ways, truth[later]


def divergence(answered: np.ndarray, truth: np.ndarray) -> float:
    """Return the Kullback-Leibler divergence of a row, in thousandths."""
    kept = np.clip(answered, 1e-6, 1 - 1e-6)
    return float(1000 * np.mean(truth * np.log(truth / kept) + (1 - truth) * np.log((1 - truth) / (1 - kept))))


def main(worlds: int) -> None:
    """Print one table for each kind of world and algorithm."""
    warnings.filterwarnings("ignore")
    for kind in ("still", "walk", "trend", "fade"):
        for name, fit in (("trees", trees), ("logistic regression", line)):
            outcomes: dict[str, list[tuple[float, float]]] = {}
            for seed in range(worlds):
                ways, truth = answers(kind, fit, seed)
                for way, answered in ways.items():
                    off = float((answered - truth).mean())
                    outcomes.setdefault(way, []).append((divergence(answered, truth), off))
            print(f"\n{kind}, {name}, {worlds} worlds: divergence (1/1000), mean probability off by")
            for way, figures in outcomes.items():
                loss, off = np.array(figures).T
                print(f"  {way:<28}{loss.mean():>8.1f}{np.sqrt((off**2).mean()):>8.3f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
