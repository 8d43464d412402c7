"""The averaged t distributions of an interval, written from the formulas with dense matrices and loops."""

import math

import numpy as np


def influences(sums, rows):
    total, days = sum(rows), len(sums)
    theta = sum(sums) / total
    return np.array([(s - theta * n) / (1 - n / total) * (days - 1) / days for s, n in zip(sums, rows, strict=True)])


def freedom_of(value):
    """Return the degrees of freedom of a variance of rows, from their kurtosis; at most as many as rows."""
    kurtosis = sum((one - sum(value) / len(value)) ** 4 for one in value) / len(value) / np.var(value) ** 2
    return min(2 * len(value) / (kurtosis - 1), len(value))


def correlation(later, share, persistence):
    """Return the correlation of days so far apart: of a level with a coefficient, or of labels that span `h` days."""
    if later == 0:
        return 1.0
    if isinstance(persistence, str):
        return share * max(0.0, 1 - later / float(persistence.removeprefix("spans ")))
    return share * persistence**later


def dense(sums, rows, points, prior, extra=0.0, extra_freedom=1.0, floor=0.0, floor_freedom=1.0):
    """Return (error, degrees of freedom, weight) for each point (share that persists, coefficient) of a grid."""
    days, total = len(sums), sum(rows)
    u, one, directions = influences(sums, rows), np.ones(len(sums)), []
    for (share, rho), before in zip(points, prior, strict=True):
        matrix = np.array(
            [[correlation(abs(i - j), share, rho) for j in range(days)] for i in range(days)], dtype=float
        )
        inverse = np.linalg.inv(matrix)
        projection = inverse - inverse @ np.outer(one, one) @ inverse / (one @ inverse @ one)
        q = u @ projection @ u
        variance = q / (days - 1) * matrix.sum() / total**2
        freedom = max(total**2 / sum(n * n for n in rows) - 1, 1.0)
        if variance < floor:
            variance, freedom = floor, max(freedom, floor_freedom)
        both = variance + extra
        freedom = both**2 / (variance**2 / freedom + extra**2 / extra_freedom)
        log_weight = (
            math.log(before)
            - 0.5 * np.linalg.slogdet(matrix)[1]
            - 0.5 * math.log(one @ inverse @ one)
            - (days - 1) / 2 * math.log(q)
        )
        directions.append((math.sqrt(both), freedom, log_weight))
    top = max(weight for _, _, weight in directions)
    weights = [math.exp(weight - top) for _, _, weight in directions]
    return [
        (error, freedom, weight / sum(weights)) for (error, freedom, _), weight in zip(directions, weights, strict=True)
    ]


def day_numbers(*rows_per_day):
    return np.repeat(np.arange(len(rows_per_day)), rows_per_day)


POINTS = [(1.0, k / 10) for k in range(10)] + [(1.0, 0.95)]
POINTS += [(share, rho) for share in (0.3, 0.5) for rho in (0.8, 0.95)]
PRIOR = [8] + [1] * 14
WITH_HISTORY = [16] + [1] * 10 + [2] * 4


def dense_points(sums, rows, *extra, prior=PRIOR, **floor):
    return dense(sums, rows, POINTS, prior, *extra, **floor)
