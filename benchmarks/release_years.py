"""Years of weekly retrains under release rules: the worlds, the rules, and what each rule must keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ml_platform.declarations.release import Release
from ml_platform.registry.evaluation.intervals import Earnings, earnings
from ml_platform.registry.evaluation.release_rules import (
    anchor_after,
    judge_release,
    margin_of,
    requirements,
    verdict_of,
)
from ml_platform.storage.artifact_kinds.evaluation import AnchorResult, Comparison, ReleaseFacts, RuleName

WEEKS, TEST_DAYS, ROWS = 52, 14, 20
DAYS = TEST_DAYS + 7 * WEEKS + 7
LUCK_SD, ROW_SD = 0.5, 0.8
JUMP = TEST_DAYS + 7 * 20


@dataclass(frozen=True)
class World:
    """What is true of challengers and champions, in units of the first champion's gain.

    Attributes
    ----------
    gain
        Of the first champion.
    step
        What a challenger gains over the champion of that day.
    decay
        What every model loses a week after it was trained, while a fresh one is as good as the first was.
    jump
        What every model loses in week 20 that was trained before.
    spread
        The standard deviation of challengers that do not depend on the champion.
    bad
        What one challenger of the year loses.
    constant
        What every action earns, and doing nothing.
    """

    gain: float = 1.0
    step: float = 0.0
    decay: float = 0.0
    jump: float = 0.0
    spread: float = 0.0
    bad: float = 0.0
    constant: float = 0.0


WORLDS = {
    "truly equal": World(),
    "1 % worse each week": World(step=-0.01),
    "5 % worse each week": World(step=-0.05),
    "1 % worse, 100 in every action": World(step=-0.01, constant=100.0),
    "5 % worse, 100 in every action": World(step=-0.05, constant=100.0),
    "models decay by 1 % a week": World(decay=0.01),
    "all lose 20 % in week 20": World(jump=0.2),
    "exchangeable, sd 0.1": World(spread=0.1),
    "one of the year 30 % worse": World(bad=0.3),
    "loses money: -1.00, then -0.98": World(gain=-1.0, step=0.02),
}


CHANGED = ("truly equal", "1 % worse each week", "5 % worse each week")
"""The worlds in which each week brings a changed declaration too."""


KEPT = {
    ("truly equal", "refresh"): 0.97,
    ("1 % worse each week", "refresh"): 0.97,
    ("1 % worse, 100 in every action", "refresh"): 0.97,
    ("5 % worse each week", "refresh"): 0.97,
    ("5 % worse, 100 in every action", "refresh"): 0.97,
    ("1 % worse each week", "changed_declaration"): 0.97,
    ("5 % worse each week", "changed_declaration"): 0.97,
    ("models decay by 1 % a week", "refresh"): 0.93,
    ("all lose 20 % in week 20", "refresh"): 0.97,
    ("exchangeable, sd 0.1", "refresh"): 1.08,
    ("one of the year 30 % worse", "refresh"): 0.97,
}
"""What a rule keeps of the first champion's gain over a year, at least: what the docs promise."""
AT_ONCE = 0.05
"""The share of first versions worth nothing that are released in their first week, at most."""


@dataclass(frozen=True)
class Model:
    """A trained model: its id, true gain and earnings above doing nothing by day, and its own errors by row."""

    id: str
    level: float
    true: np.ndarray
    errors: np.ndarray


@dataclass(frozen=True)
class Year:
    """What a rule did in one year.

    Attributes
    ----------
    gain
        The mean true gain of what was deployed; `last` in the last week.
    releases
        Among 52 challengers.
    deploy_none
        Weeks in which the recommendation was to deploy none.
    """

    gain: float
    last: float
    releases: int
    deploy_none: int


@dataclass(frozen=True)
class Decision:
    """Whether a challenger is released, which anchor follows, and what else is recommended."""

    released: bool
    anchor: str
    deploy_none: bool = False


Rule = Callable[[Earnings, str, str, dict[str, np.ndarray]], Decision]
"""From a test, and the ids of challenger and anchor, to a decision."""


def library_rule(name: RuleName, release: Release | None = None) -> Rule:
    """Return a release rule as the library judges it."""
    declared = release or Release()

    def decide(verdict_lines: Earnings, challenger: str, anchor: str, values: dict[str, np.ndarray]) -> Decision:
        gains = {model: verdict_lines.difference(model, "nothing").figure for model in ("challenger", "champion")}
        sure = verdict_lines.probability_above("challenger", "anchor")
        facts = ReleaseFacts(
            rule=name,
            days=verdict_lines.days,
            gain=gains["challenger"],
            champion_gain=gains["champion"],
            anchor=AnchorResult(id=anchor, probability=sure),
        )
        required = requirements(declared, challenger, [], facts)
        allowed = margin_of(declared, name) * max(gains["champion"], 0.0)
        compared = {}
        for item in required:
            other = "nothing" if item.other == "do_nothing" else item.other
            spare = allowed if item.margin else 0.0
            ahead = verdict_lines.difference("challenger", other)
            probability = verdict_lines.probability_above("challenger", other, -spare)
            compared[item.other] = Comparison(
                other=item.other,
                difference=ahead.figure,
                low=ahead.low,
                high=ahead.high,
                probability=probability,
                allowed=spare,
                declined=ahead.declined,
            )
        judged = judge_release(facts, required, compared)
        verdict = verdict_of([], judged, same=False)
        released = verdict == "deploy"
        return Decision(released, anchor_after(challenger, judged) if released else anchor, verdict == "deploy none")

    return decide


_DRAWS = np.random.default_rng(0).multinomial(TEST_DAYS, np.full(TEST_DAYS, 1 / TEST_DAYS), size=2000)


def former_rule(judged: Earnings, challenger: str, anchor: str, values: dict[str, np.ndarray]) -> Decision:
    """Decide as before: a bootstrap of days, and a margin that is a share of all that the champion earns."""
    daily = {name: row_values.reshape(TEST_DAYS, ROWS).mean(axis=1) for name, row_values in values.items()}
    new, old = (_DRAWS @ daily[name] / TEST_DAYS for name in ("challenger", "champion"))
    return Decision(float(np.mean(new - old + 0.005 * np.abs(old) > 0)) >= 0.5, anchor)


RULES: dict[str, Rule] = {
    "before": former_rule,
    "refresh": library_rule("refresh"),
    "changed_declaration": library_rule("changed_declaration"),
}


def live_through(world: World, rule: Rule, draw: np.random.Generator) -> Year:
    """Return what a rule did in one year of a world."""
    luck = LUCK_SD * draw.normal(size=DAYS)
    bad_week = int(draw.integers(5, 50))
    champion = anchor = _model(world, draw, "first", world.gain, 0)
    gains, releases, deploy_none = [], 0, 0
    for week in range(WEEKS):
        level = _level(world, draw, champion, week, bad_week)
        challenger = _model(world, draw, f"week {week}", level, 7 * week)
        test = slice(7 * week, 7 * week + TEST_DAYS)
        values = _values(world, luck, test, challenger=challenger, champion=champion, anchor=anchor)
        decision = rule(earnings(values, np.repeat(np.arange(TEST_DAYS), ROWS)), challenger.id, anchor.id, values)
        if decision.released:
            champion, releases = challenger, releases + 1
            anchor = challenger if decision.anchor == challenger.id else anchor
        deploy_none += decision.deploy_none
        gains.append(float(champion.true[test.stop : test.stop + 7].mean()))
    return Year(float(np.mean(gains)), gains[-1], releases, deploy_none)


def _level(world: World, draw: np.random.Generator, champion: Model, week: int, bad_week: int) -> float:
    if world.step:
        return champion.level + world.step
    if world.bad:
        return champion.level - world.bad * (week == bad_week)
    return world.gain + world.spread * float(draw.normal())


def _model(world: World, draw: np.random.Generator, id: str, level: float, start: int) -> Model:
    days = np.arange(DAYS)
    true = level - world.decay * np.maximum(days - start, 0) / 7
    if start < JUMP:
        true = true - world.jump * (days >= JUMP)
    return Model(id, level, true, ROW_SD * draw.normal(size=(DAYS, ROWS)))


def _values(world: World, luck: np.ndarray, test: slice, **models: Model) -> dict[str, np.ndarray]:
    """Return what contenders and doing nothing earned on the rows of a test."""
    shared = (world.constant + luck[test])[:, None] + np.zeros((1, ROWS))
    values = {name: (shared + model.true[test][:, None] + model.errors[test]).ravel() for name, model in models.items()}
    return {**values, "nothing": shared.ravel()}


def years_of(world: World, rule: Rule, years: int, seed: int) -> list[Year]:
    """Return so many years of a world under a rule; the same seed gives every rule the same draws at the start."""
    return [live_through(world, rule, np.random.default_rng([seed, number])) for number in range(years)]


def first_releases(gain: float, years: int, seed: int, weeks: int = WEEKS) -> Iterator[int | None]:
    """Yield for each year the week in which a first version is released; None where none is.

    Each week a model is tested whose true gain over doing nothing is `gain`, until one is released.
    """
    world, release = World(gain=gain), Release()
    for number in range(years):
        draw = np.random.default_rng([seed, number])
        luck = LUCK_SD * draw.normal(size=DAYS)
        yield next((week for week in range(weeks) if _first(world, release, draw, luck, week)), None)


def _first(world: World, release: Release, draw: np.random.Generator, luck: np.ndarray, week: int) -> bool:
    test = slice(7 * week, 7 * week + TEST_DAYS)
    values = _values(world, luck, test, challenger=_model(world, draw, "", world.gain, 7 * week))
    earned = earnings(values, np.repeat(np.arange(TEST_DAYS), ROWS))
    ahead = earned.difference("challenger", "nothing")
    facts = ReleaseFacts(rule="first", days=earned.days, gain=ahead.figure)
    sure = earned.probability_above("challenger", "nothing")
    line = Comparison(other="do_nothing", difference=ahead.figure, low=ahead.low, high=ahead.high, probability=sure)
    return judge_release(facts, requirements(release, "", [], facts), {"do_nothing": line}).passed


def broken(name: str, rule: str, years: list[Year]) -> list[str]:
    """Return which promises a rule broke in these years of a world."""
    gain, kept = float(np.mean([year.gain for year in years])), KEPT.get((name, rule))
    rows = [f"{name}, {rule}: keeps {gain:.3f}, at least {kept}"] if kept is not None and gain < kept else []
    if WORLDS[name].gain < 0 and rule == "refresh" and any(year.releases or year.deploy_none < WEEKS for year in years):
        rows.append(f"{name}, {rule}: a model that loses money is released, or kept without a word")
    return rows
