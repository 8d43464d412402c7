"""Whether scores can be believed: how often a label was true, or how large the truth was, at each prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from markupsafe import Markup

from ml_platform.core.formatting import figure_text, share_text
from ml_platform.reporting.site.drawing import Axis, frame, path, percent, rules, text
from ml_platform.storage.artifact_kinds.evaluation import CalibrationBin, PredictedActual

_WIDTH, _HEIGHT = 420, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 396, 26, 226


def calibration_chart(bins: Sequence[CalibrationBin]) -> Markup:
    """Return the share of true labels at each predicted probability, in bins of ``score``, ``share`` and ``rows``."""
    points = [(item.score, item.share) for item in bins]
    apart = max(abs(score - share) for score, share in points)
    description = f"{len(bins)} bins of equal row counts; the largest distance is {share_text(apart)}"
    title = "Share of true labels by predicted probability"
    return _chart(title, description, points, [], ("predicted probability", "share of true labels"), percent)


def predicted_actual_chart(bins: Sequence[PredictedActual]) -> Markup:
    """Return the mean truth at each prediction, with its 10 % and 90 % quantile."""
    points = [(item.predicted, item.actual) for item in bins]
    spans = [(item.predicted, item.low, item.high) for item in bins]
    description = f"{len(bins)} bins of equal row counts; the bars hold 80 % of the rows of a bin"
    return _chart("Truth by prediction", description, points, spans, ("prediction", "mean of the truth"), figure_text)


def _chart(
    title: str,
    description: str,
    points: Sequence[tuple[float, float]],
    spans: Sequence[tuple[float, float, float]],
    names: tuple[str, str],
    words: Callable[[float], str],
) -> Markup:
    figures = [figure for point in points for figure in point]
    across = Axis.around(figures, _LEFT, _RIGHT, with_zero=True)
    up = Axis.around([*figures, *(end for span in spans for end in span[1:])], _BOTTOM, _TOP, with_zero=True)
    low, high = max(across.low, up.low), min(across.high, up.high)
    drawn = [
        *rules(up, _LEFT, _RIGHT, map(words, up.ticks)),
        *(text(across.at(tick), _BOTTOM + 16, words(tick), "middle") for tick in across.ticks),
        path("mark", [(across.at(low), up.at(low)), (across.at(high), up.at(high))]),
        *_spans(spans, across, up),
        path("line", [(across.at(x), up.at(y)) for x, y in points]),
        *(
            Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(across.at(x), up.at(y))
            for x, y in points
        ),
        text((_LEFT + _RIGHT) / 2, _HEIGHT - 14, names[0], "middle"),
        text(4, 12, names[1]),
    ]
    return frame("scores", _WIDTH, _HEIGHT, title, description, drawn)


def _spans(spans: Sequence[tuple[float, float, float]], across: Axis, up: Axis) -> Iterator[Markup]:
    for place, low, high in spans:
        yield path("span", [(across.at(place), up.at(low)), (across.at(place), up.at(high))])
