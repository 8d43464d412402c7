"""Tables on both engines: order, names, files, groups, windows and joins, each against rows worked out by hand."""

from decimal import Decimal

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.engines.ibis_functions import newest_of
from tests.core.engines.numbered import DECIMAL, INSTANT, numbered

pytestmark = pytest.mark.slow


class TestBothEngines:
    def test_strings_are_ordered_by_code_points_and_nulls_come_last(self, engine):
        strings = ["b", "", "B", "a", "é", "z", "\uff5e", "\U0001f600", "ab", "a b", "Ä", None, "10", "9", "a\x01"]
        table = engine.arrow("strings", numbered(strings))
        ordered = engine.run(table.order_by("x"))["x"].to_pylist()
        assert ordered == [*sorted(text for text in strings if text is not None), None]
        assert engine.run(table.order_by(table.x.desc()))["x"].to_pylist() == [*ordered[-2::-1], None]
        assert engine.run(table.aggregate(low=table.x.min(), high=table.x.max())).to_pylist() == [
            {"low": "", "high": "\U0001f600"}
        ]

    def test_columns_may_have_any_name_and_tables_no_rows(self, engine):
        names = ["orders.placed_at", "a b", "Größe", "select", "_x", "1st", "x-y", "don't"]
        rows = engine.arrow("odd", pa.table({name: [number] for number, name in enumerate(names)}))
        kept = engine.keep("kept", rows.filter(rows["a b"] == 1))
        assert engine.run(kept).to_pylist() == [{name: number for number, name in enumerate(names)}]
        empty = engine.keep("empty", rows.filter(rows["a b"] == 2))
        assert engine.run(empty.select("orders.placed_at")).to_pydict() == {"orders.placed_at": []}
        assert engine.run(engine.arrow("none", numbered([], INSTANT))).schema == numbered([], INSTANT).schema

    def test_parquet_files_are_read_as_they_were_written_wherever_they_lie(self, engine, tmp_path):
        folder = tmp_path / "it's [a] *{b} ünd?"
        folder.mkdir()
        table = pa.table(
            {
                "t": pa.array([-62_135_596_800_000_000, -1, 1_364_774_400_123_456, None], INSTANT),
                "x": pa.array([Decimal(10**38 - 1), Decimal(-1), None, Decimal(0)], DECIMAL),
                "s": ["", None, "é", "x"],
                "p": [True, None, False, True],
                "i": pa.array([2**63 - 1, -(2**63), None, 0], pa.int64()),
                "n": pa.array([1, 2, 3, 4], pa.int32()),
                "f": [0.1, -0.0, None, 1e300],
            }
        )
        paths = [folder / "1.parquet", folder / "two parts.parquet"]
        for path, part in zip(paths, [table.slice(0, 1), table.slice(1)], strict=True):
            pq.write_table(part, path, write_page_checksum=True)
        assert engine.run(engine.parquet("files", paths).order_by("n")).equals(table)

    def test_what_is_kept_is_computed_once(self, engine):
        numbers = engine.arrow("numbers", numbered(list(range(100))))
        kept = engine.keep("kept", numbers.mutate(drawn=ibis.random()))
        assert engine.run(kept.order_by("place")).equals(engine.run(kept.order_by("place")))

    def test_a_name_may_stand_for_something_new(self, engine):
        numbers = engine.arrow("numbers", numbered([1, 2]))
        kept = engine.keep("kept", numbers.mutate(y=numbers.x + 1))
        kept_twice = engine.keep("kept_again", kept.mutate(y=kept.y * 10))
        engine.arrow("numbers", pa.table({"z": ["other"]}))
        assert engine.run(kept_twice.order_by("place"))["y"].to_pylist() == [20, 30]

    def test_nulls_are_a_group_and_join_only_where_they_are_asked_to(self, engine):
        ordered = engine.arrow("left_rows", pa.table({"k": ["a", None, "b", None], "v": [1, 2, 3, 4]}))
        right = engine.arrow("right_rows", pa.table({"k": ["a", None], "w": [10, 20]}))
        grouped = ordered.group_by("k").aggregate(n=ordered.count(), v=ordered.v.sum()).order_by("k")
        assert engine.run(grouped).to_pydict() == {"k": ["a", "b", None], "n": [1, 1, 2], "v": [1, 3, 6]}
        equal = engine.run(ordered.left_join(right, ordered.k == right.k).order_by("v"))["w"].to_pylist()
        identical = engine.run(ordered.left_join(right, [ordered.k.identical_to(right.k)]).order_by("v"))[
            "w"
        ].to_pylist()
        assert (equal, identical) == ([10, None, None, None], [10, 20, None, 20])

    def test_windows_over_rows_and_over_spans_hold_the_declared_rows(self, engine):
        table = engine.arrow(
            "events", pa.table({"k": ["a"] * 4 + ["b"], "at": [0, 5, 5, 4_000_000_000, 1], "v": [1, 2, 4, 8, 16]})
        )
        after = ibis.window(group_by="k", order_by=["at", "v"], rows=(1, None))
        span = ibis.window(group_by="k", order_by="at", range=(-3_999_999_995, 0))
        made = {"later": table.v.sum().over(after), "near": table.v.sum().over(span)}
        made["place"] = ibis.row_number().over(ibis.window(group_by="k", order_by=["at", "v"]))
        made["next"] = table["at"].lead().over(ibis.window(group_by="k", order_by=["at", "v"]))
        columns = engine.run(table.mutate(**made).order_by("v")).to_pydict()
        assert columns["later"] == [14, 12, 8, None, None]
        assert columns["near"] == [1, 7, 7, 14, 16]
        assert columns["place"] == [0, 1, 2, 3, 0]
        assert columns["next"] == [5, 5, 4_000_000_000, None, None]

    @pytest.mark.parametrize(
        ("kind", "values"),
        [(pa.string(), ["x", "y", None, "z"]), (pa.int64(), [1, 2, None, 4]), (pa.bool_(), [True, False, None, True])],
    )
    def test_the_newest_of_a_group_may_be_null_and_is_of_the_rows_that_take_part(self, engine, kind, values):
        # In a the last row that takes part is the null one; in b none does, and in c its place is not known.
        groups = pa.table(
            {
                "k": ["a", "a", "a", "a", "b", "c"],
                "v": pa.array([*values, values[0], values[0]], kind),
                "place": pa.array([Decimal(n) for n in (1, 2, 10**37, 10**37 + 1, 1)] + [None], DECIMAL),
                "counts": [True, True, True, False, False, True],
            }
        )
        table = engine.arrow("grouped", groups)
        newest = table.group_by("k").aggregate(v=newest_of(table.v, table.place, table.counts)).order_by("k")
        assert engine.run(newest)["v"].to_pylist() == [None, None, None]
        known = table.group_by("k").aggregate(v=newest_of(table.v, table.place, table.v.notnull())).order_by("k")
        assert engine.run(known)["v"].to_pylist() == [values[3], values[0], None]

    def test_an_as_of_join_finds_the_last_answer_at_or_before_each_question(self, engine):
        asked = [("a", 5), ("a", 4), ("a", 0), ("b", 5), (None, 5), ("a", None), ("a", 6), ("new", 9)]
        answers = {("a", 1): "x", ("a", 5): None, ("b", 6): "z", (None, 0): "n"}
        questions = engine.arrow(
            "asked", pa.table({"who": [k for k, _ in asked], "at": pa.array([t for _, t in asked]), "place": range(8)})
        )
        right = engine.arrow(
            "answers",
            pa.table({"who": [k for k, _ in answers], "from": [t for _, t in answers], "answer": answers.values()}),
        )
        later = questions.mutate(at=questions["at"] + 0)
        joined = later.asof_join(right, on=later["at"] >= right["from"], predicates=[later.who == right.who])
        rows = engine.run(joined.select("place", joined["from"], text=joined.answer).order_by("place")).to_pylist()
        assert [(row["from"], row["text"]) for row in rows] == [
            (5, None), (1, "x"), (None, None), (None, None), (None, None), (None, None), (5, None), (None, None)
        ]  # fmt: skip
        anyone = questions.asof_join(right, on=questions["at"] >= right["from"])
        joined = engine.run(anyone.select("place", anyone["from"]).order_by("place"))["from"].to_pylist()
        assert joined == [5, 1, 0, 5, 5, None, 6, 6]
