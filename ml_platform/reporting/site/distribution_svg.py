"""A column's values over time as a small picture: SVG that is part of the page and takes its colors from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from markupsafe import Markup, escape

from ml_platform.core.formatting import share_text, value_text
from ml_platform.core.statistics.distributions import Distribution, Spread

_WIDTH, _HEIGHT = 360, 104
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 354, 8, 82

Placed = tuple[float, Spread]


def curve(distribution: Distribution, unit: str) -> Markup:
    """Return the median between the 10 % and 90 % quantiles, or a share, over time; a gap is where there is no value.

    >>> from ml_platform.core.statistics.distributions import Period
    >>> flat = Spread(None, 0.5, None)
    >>> "<circle" in curve(Distribution("share", "x", "day", flat, (Period("2024-01-01", flat),)), "")
    True
    """
    bottom, top = _reach(distribution)
    places = [
        _LEFT + (_RIGHT - _LEFT) * (number + 0.5) / len(distribution.periods)
        for number in range(len(distribution.periods))
    ]
    runs = list(_runs(list(zip(places, (period.spread for period in distribution.periods), strict=True))))

    def height(figure: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (figure - bottom) / (top - bottom)

    drawn = Markup("").join(
        [
            *_grid(distribution, unit, bottom, top),
            *(_band(run, height) for run in runs),
            *(_line(run, height) for run in runs),
        ]
    )
    description = escape(_description(distribution, unit))
    frame = Markup('<svg class="curve" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}</svg>')
    return frame.format(_WIDTH, _HEIGHT, description, description, drawn)


def _reach(distribution: Distribution) -> tuple[float, float]:
    """Return the lowest and the highest figure of the picture; shares begin at zero."""
    spreads = [period.spread for period in distribution.periods if period.spread is not None]
    if distribution.kind == "share":
        return 0.0, max(*(spread.median for spread in spreads), 0.0) or 1.0
    low = min(spread.median if spread.low is None else spread.low for spread in spreads)
    high = max(spread.median if spread.high is None else spread.high for spread in spreads)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _runs(points: Sequence[tuple[float, Spread | None]]) -> Iterator[list[Placed]]:
    """Yield stretches without a gap."""
    run: list[Placed] = []
    for place, spread in [*points, (0.0, None)]:
        if spread is not None:
            run.append((place, spread))
        elif run:
            yield run
            run = []


def _grid(distribution: Distribution, unit: str, bottom: float, top: float) -> Iterator[Markup]:
    for figure, place in (top, _TOP), (bottom, _BOTTOM):
        label = share_text(figure) if distribution.kind == "share" else value_text(figure, unit)
        yield Markup('<path class="grid" d="M{} {}H{}"/>').format(_LEFT, place, _RIGHT)
        yield Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(_LEFT - 3, place + 4, label)
    first, last = distribution.periods[0].start, distribution.periods[-1].start
    yield Markup('<text x="{}" y="{}">{}</text>').format(_LEFT, _HEIGHT - 6, first)
    if last != first:
        yield Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(_RIGHT, _HEIGHT - 6, last)


def _band(run: Sequence[Placed], height: Callable[[float], float]) -> Markup:
    if any(spread.low is None or spread.high is None for _, spread in run) or len(run) < 2:
        return Markup("")
    upper = [f"{place:.1f} {height(spread.high or 0.0):.1f}" for place, spread in run]
    lower = [f"{place:.1f} {height(spread.low or 0.0):.1f}" for place, spread in reversed(run)]
    return Markup('<path class="band" d="M{}Z"/>').format("L".join([*upper, *lower]))


def _line(run: Sequence[Placed], height: Callable[[float], float]) -> Markup:
    points = [(place, height(spread.median)) for place, spread in run]
    if len(points) == 1:
        return Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="2.5"/>').format(*points[0])
    return Markup('<path class="line" d="M{}"/>').format("L".join(f"{place:.1f} {at:.1f}" for place, at in points))


def _description(distribution: Distribution, unit: str) -> str:
    first, last = distribution.periods[0].start, distribution.periods[-1].start
    what = f"share of {distribution.value}" if distribution.kind == "share" else "median, and 10 to 90 % of values"
    return f"{what}{f' in {unit}' if unit else ''}, by {distribution.step} from {first} to {last}"
