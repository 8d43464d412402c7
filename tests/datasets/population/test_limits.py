"""Who is left out of a population: who has left, who is not in the sample, who is one too many."""

import hashlib
import itertools
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from ml_platform.datasets.population.limits import draws, in_sample, within_max
from tests.datasets.population.customers import (
    asked_of,
    at,
    basket,
    closure,
    drawn,
    frame_of,
    inputs_of,
    pairs,
    project_of,
    random_baskets,
)
from tests.features import oracle

BATCH = {"deployment": {"batch": "0 */3 * * * UTC"}}
KINDS = {
    "rows": {"source": "baskets", "entity": "shop", "prediction_time": "seen + 2h"},
    "events": {"on": "baskets", "entity": "shop"},
}
TICKS = {"entity": "shop", "every": "0 */6 * * * UTC", "while": "shopping.visits_2d >= 0"}


def departed(closures, shop, instant, condition):
    return any(
        row["shop"] == shop and row["seen"] <= instant < row["until"] and row["at"] <= instant and condition(row)
        for row in oracle.with_intervals(closures)
    )


def random_closures(draw):
    rows = []
    for number, shop in enumerate("abcdefgh"):
        row = closure(f"c{number}", draw.uniform(0, 150), shop=shop, kind=draw.choice(["closed", "moved"]))
        row["seen"] = row["at"] + timedelta(hours=draw.choice([0, 9, 30, -20]))
        rows.append(row)
        if draw.random() < 0.5:  # corrected: closed another day, or another shop
            change = draw.choice([{"at": row["at"] + timedelta(hours=40)}, {"shop": draw.choice("abcdefgh")}])
            rows.append(row | {"seen": row["seen"] + timedelta(hours=20)} | change)
    return rows


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("until", "condition"),
    [
        ("closures", lambda row: True),
        ({"source": "closures", "where": "kind == 'closed'"}, lambda row: row["kind"] == "closed"),
    ],
)
def test_who_has_departed_is_as_known_at_the_batch_run_and_is_counted(tmp_path, seed, until, condition):
    draw = drawn(seed)
    baskets, closures = random_baskets(draw, count=100), random_closures(draw)
    populations = {**KINDS, "ticks": TICKS}
    both = {**populations, **{f"{name}_until": {**declared, "until": until} for name, declared in populations.items()}}
    ticks = {name: declared for name, declared in both.items() if "every" in declared}
    others = {name: declared for name, declared in both.items() if "every" not in declared}
    projects = {
        "ticks": project_of(tmp_path / "ticks", baskets, ticks, closures),
        "others": project_of(tmp_path / "others", baskets, others, closures, **BATCH),
    }
    for name in populations:
        here = projects["ticks" if name == "ticks" else "others"]
        inputs = inputs_of(here, at(400))
        every = asked_of(here, name, inputs, at(-24), at(250), at(400)).rows
        some = asked_of(here, f"{name}_until", inputs, at(-24), at(250), at(400))
        gone = [
            departed(closures, shop, time.to_pydatetime(), condition)
            for shop, time in zip(every["shop"], every["effective_time"], strict=True)
        ]
        expected = every[~np.array(gone)].reset_index(drop=True)
        assert any(gone)
        assert some.rows.reset_index(drop=True).equals(expected)
        counts = some.excluded.groupby("reason")["rows"].sum().to_dict()
        assert counts["left"] == sum(gone)


def test_a_sample_is_drawn_from_key_and_run_alone_and_a_larger_one_holds_a_smaller(tmp_path):
    rows = [basket(f"b{shop}", 1, shop=f"shop{shop}") for shop in range(400)]
    shares = {"tenth": 0.1, "half": 0.5}
    models = {"all": TICKS, **{name: {**TICKS, "sample": share} for name, share in shares.items()}}
    project = project_of(tmp_path, rows, models)
    inputs = inputs_of(project, at(100))
    drawn = {name: set(pairs(frame_of(project, name, inputs, at(0), at(30), at(100)))) for name in models}
    assert drawn["tenth"] < drawn["half"] < drawn["all"]
    for name, share in shares.items():
        assert len(drawn[name]) / len(drawn["all"]) == pytest.approx(
            share, abs=0.05
        )  # 5 standard errors of 1,600 draws
    runs = {time for _, time in drawn["half"]}
    assert len({frozenset(shop for shop, time in drawn["half"] if time == run) for run in runs}) == len(runs)
    alone = project_of(tmp_path / "alone", rows[:7], models)
    few = set(pairs(frame_of(alone, "half", inputs_of(alone, at(100)), at(0), at(30), at(100))))
    assert few == {(shop, time) for shop, time in drawn["half"] if int(shop[4:]) < 7}


def test_rows_of_entities_outside_the_sample_are_counted_for_no_reason(tmp_path):
    """The counts of a sample are those of rows whose entity is drawn at the run at which they are counted."""
    draw, share = drawn(3), 0.5
    rows = []
    for number in range(120):
        hours, late = draw.uniform(0, 60), draw.choice([0, 0, 0, 20])
        shop = draw.choice("abcd")
        rows.append(basket(f"b{number:03}", hours, seen=hours + late, shop=shop, amount=draw.choice([None, 1.0])))
        if draw.random() < 0.4:
            rows.append(basket(f"t{number:03}", hours, seen=hours + late, shop=shop))
    shapes = {name: {**declared, "where": "amount > 0"} for name, declared in KINDS.items()}
    shapes["events"]["at_most_once_per"] = "20h"
    both = {**shapes, **{f"{name}_sample": {**declared, "sample": share} for name, declared in shapes.items()}}
    project = project_of(tmp_path, rows, both, **BATCH)
    inputs = inputs_of(project, at(400))
    for name in shapes:
        reasons, all_of = set(), []
        for shop in "abcd":  # alone in the world, so that the counts are those of this shop
            alone = project_of(tmp_path / f"{name}{shop}", [row for row in rows if row["shop"] == shop], both, **BATCH)
            counted = asked_of(alone, name, inputs_of(alone, at(400)), at(-24), at(250), at(400)).excluded
            runs = (counted["effective_time"].astype("int64")).tolist()
            asked = pa.table({"k": pa.array([shop] * len(runs), pa.string()), "_effective": pa.array(runs, pa.int64())})
            all_of.append(counted[in_sample(asked, ["k"], share)])
            reasons |= set(counted["reason"])
        expected: dict[object, int] = {}
        for item in all_of:
            for place, count in item.groupby(["effective_time", "reason"])["rows"].sum().items():
                expected[place] = expected.get(place, 0) + count
        sampled = asked_of(project, f"{name}_sample", inputs, at(-24), at(250), at(400)).excluded
        assert len(reasons) == (3 if name == "rows" else 2)
        assert sampled.groupby(["effective_time", "reason"])["rows"].sum().to_dict() == expected


def test_no_more_than_max_rows_are_asked_about_at_a_run_and_the_others_are_counted(tmp_path):
    rows = [basket(f"b{shop}", 1 + 6 * (shop % 3), shop=f"shop{shop:02}") for shop in range(60)]
    models = {"all": TICKS, "some": {**TICKS, "max_rows": 30}}
    project = project_of(tmp_path, rows, models)
    inputs = inputs_of(project, at(100))
    every = frame_of(project, "all", inputs, at(0), at(30), at(100))
    asked = asked_of(project, "some", inputs, at(0), at(30), at(100))
    assert asked.rows.groupby("effective_time").size().to_dict() == {
        at(6): 20,
        at(12): 30,
        at(18): 30,
        at(24): 30,
        at(30): 30,
    }
    assert set(pairs(asked.rows)) < set(pairs(every))
    over = asked.excluded.set_index("effective_time")["rows"].to_dict()
    assert over == {at(12): 10, at(18): 30, at(24): 30, at(30): 30}
    assert set(asked.excluded["reason"]) == {"over_max_rows"}
    last = [{shop for shop, time in pairs(asked.rows) if time == at(hours)} for hours in (18, 24)]
    assert last[0] != last[1], "not the same ones at each run"


def table(keys, runs, late=None):
    kind = pa.int64() if isinstance(keys[0], int) else pa.string()
    return pa.table(
        {"k": pa.array(keys, kind), "_effective": pa.array(runs, pa.int64()), "_late": late or [False] * len(keys)}
    )


def test_draws_stay_the_same_for_ever():
    def mixed(value):  # SplitMix64, from the paper, in whole numbers of any size
        value = (value + 0x9E3779B97F4A7C15) % 2**64
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
        return value ^ value >> 31

    def text(key):
        return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")

    runs = [0, 7, 10**15]
    assert draws(table([5, -1, 5], runs), ["k"]).tolist() == [
        mixed(mixed(k % 2**64) ^ run) for k, run in zip([5, -1, 5], runs, strict=True)
    ]
    assert draws(table(["a", "é", "a"], runs), ["k"]).tolist() == [
        mixed(mixed(text(key)) ^ run) for key, run in zip(["a", "é", "a"], runs, strict=True)
    ]


def test_a_larger_maximum_holds_a_smaller_one_and_rows_in_time_come_first():
    rows = table([f"k{n}" for n in range(50)], [n % 2 for n in range(50)], [n % 5 == 0 for n in range(50)])
    chosen = [within_max(rows, ["k"], most) for most in (3, 10, 20, 24)]
    assert [int(mask.sum()) for mask in chosen] == [6, 20, 40, 48]
    assert all((small <= large).all() for small, large in itertools.pairwise(chosen))
    late = np.array(rows["_late"])
    assert (~late <= chosen[2]).all()
    assert in_sample(rows, ["k"], 1.0).all()
