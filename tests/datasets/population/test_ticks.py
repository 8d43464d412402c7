"""Every entity that qualifies at each tick, against loops over rows, written from docs/guides/populations.md."""

from datetime import timedelta

import pytest

from tests.datasets.population.customers import (
    asked_of,
    at,
    basket,
    drawn,
    frame_of,
    inputs_of,
    local_hours,
    pairs,
    project_of,
    random_baskets,
)
from tests.features import oracle

DAILY = "0 6 * * * America/New_York"
HOUR, DELAY = timedelta(hours=1), timedelta(minutes=20)
CONDITIONS = {
    "visited": ("shopping.visits_2d > 1", lambda visits, mean: visits > 1),
    "lapsed": ("shopping.visits_2d == 0", lambda visits, mean: visits == 0),
    "spends": ("shopping.mean_1d > 1", lambda visits, mean: None if mean is None else mean > 1),
}
POPULATIONS = {name: {"entity": "shop", "every": DAILY, "while": text} for name, (text, _) in CONDITIONS.items()}


def looked_up(rows, shop, tick):
    """The number of visits in 2d and the mean amount in 1d, as known at the refresh tick before a tick."""
    read = oracle.tick_at(tick, HOUR, DELAY)
    recent = oracle.visible(rows, shop, read, -timedelta(days=2), timedelta(0))
    lately = oracle.visible(rows, shop, read, -timedelta(days=1), timedelta(0))
    return len(recent), oracle.aggregate("mean", lately, lambda row: row["amount"], read)


def known_shops(rows, tick):
    read = oracle.tick_at(tick, HOUR, DELAY)
    return sorted({row["shop"] for row in oracle.with_intervals(rows) if row["seen"] <= read < row["until"]})


def expected(rows, name, ticks):
    """The members, sorted, and how many entities have no answer, by tick."""
    members: list = []
    unclear: dict = {}
    for tick in ticks:
        for shop in known_shops(rows, tick):
            holds = CONDITIONS[name][1](*looked_up(rows, shop, tick))
            if holds:
                members.append((shop, tick))
            elif holds is None:
                unclear[tick] = unclear.get(tick, 0) + 1
    return sorted(members), unclear


@pytest.mark.parametrize("seed", range(3))
def test_members_are_those_of_the_loop_with_late_rows_corrections_and_clocks_that_change(tmp_path, seed):
    rows = random_baskets(drawn(seed))
    project = project_of(tmp_path, rows, POPULATIONS)
    inputs = inputs_of(project, at(400))
    ticks = local_hours("America/New_York", 6, at(-24), at(260))
    assert len({(tick - at(0)).seconds for tick in ticks}) == 2, "the clocks of New York change in this world"
    for name in POPULATIONS:
        members, unclear = expected(rows, name, ticks)
        asked = asked_of(project, name, inputs, at(-24), at(260), at(400))
        assert members, "a world without members shows nothing"
        assert pairs(asked.rows) == members
        assert (asked.rows["effective_time"] == asked.rows["prediction_time"]).all()
        visits = [
            looked_up(rows, row["shop"], row["effective_time"].to_pydatetime())[0] for _, row in asked.rows.iterrows()
        ]
        assert list(asked.rows["shopping.visits_2d"]) == visits
        counted = {row["effective_time"].to_pydatetime(): row["rows"] for _, row in asked.excluded.iterrows()}
        assert counted == unclear
        assert set(asked.excluded["reason"]) <= {"no_membership"}


def test_rows_that_become_known_after_a_tick_change_nothing_at_it(tmp_path):
    rows = random_baskets(drawn(11))
    now = at(100)
    before = project_of(tmp_path / "before", [row for row in rows if row["seen"] <= now], POPULATIONS)
    after = project_of(tmp_path / "after", rows, POPULATIONS)
    inputs = [inputs_of(project, at(400)) for project in (before, after)]
    assert any(row["seen"] > now and row["at"] <= now for row in rows), "some rows are late"
    members = 0
    for name in POPULATIONS:
        one, other = (
            frame_of(project, name, ids, at(-24), now, now)
            for project, ids in zip((before, after), inputs, strict=True)
        )
        assert one.equals(other)
        members += len(one)
    assert members, "worlds without members show nothing"


def test_an_entity_whose_only_row_was_corrected_away_is_no_longer_known(tmp_path):
    rows = [basket("x", 1, shop="a"), basket("x", 1, seen=30, shop="b")]
    project = project_of(tmp_path, rows, POPULATIONS)
    frame = frame_of(project, "lapsed", inputs_of(project, at(300)), at(0), at(120), at(300))
    ticks = local_hours("America/New_York", 6, at(0), at(120))
    assert pairs(frame) == [("b", tick) for tick in ticks if tick >= at(49)]


def test_a_long_stretch_is_looked_up_in_parts_with_the_same_answer(tmp_path, monkeypatch):
    rows = random_baskets(drawn(5))
    project = project_of(tmp_path, rows, POPULATIONS)
    inputs = inputs_of(project, at(400))
    whole = frame_of(project, "visited", inputs, at(-24), at(260), at(400))
    monkeypatch.setattr("ml_platform.datasets.population.ticks.ROWS_AT_ONCE", 7)
    assert frame_of(project, "visited", inputs, at(-24), at(260), at(400)).equals(whole)
