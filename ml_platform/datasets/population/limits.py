"""Who of those that could be asked about is not: who has left, who is not in the sample, and who is one too many."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND
from ml_platform.core.engines import Engine
from ml_platform.core.engines.exact_sums import combined
from ml_platform.core.engines.interval_index import Ints
from ml_platform.core.expressions import parse_expression
from ml_platform.datasets.exclusions import ASKED, EFFECTIVE, IS_LATE
from ml_platform.datasets.feature_columns import required_input
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.sources.source_log import EVENT, KNOWN, UNTIL, source_versions

_PLACE, _DRAW = "_place", "_draw"
_Draws = npt.NDArray[np.uint64]


def has_departed(
    project: Project, model: ModelSpec, inputs: Mapping[str, str], engine: Engine, rows: pa.Table, names: Sequence[str]
) -> np.ndarray:
    """Return which questions are about an entity that has left by their batch run (``population.until``).

    An entity has left with a row of that source that is known at the batch run, with its event by then.

    Parameters
    ----------
    names
        The columns of `rows` with the entity's key.
    """
    gone, until = np.zeros(len(rows), bool), model.population.until
    if until is None or not len(rows):
        return gone
    keys, spec = project.spec.file.entities[model.population.entity], project.spec.sources[until.source]
    id = required_input(inputs, model.name, NodeName("source", until.source))
    ends = source_versions(engine, project.store, project.store.get("source", id), spec.key, "until_rows")
    if until.where is not None:
        ends = ends.filter(parse_expression(until.where).to_ibis(ends))
    ends = ends.select(EVENT, KNOWN, UNTIL, **{f"_of_{key}": ends[key] for key in keys})
    numbered = rows.select([*names, EFFECTIVE]).append_column(_PLACE, pa.array(np.arange(len(rows))))
    asked = engine.arrow("until_questions", numbered)
    same = [asked[name] == ends[f"_of_{key}"] for name, key in zip(names, keys, strict=True)]
    known = [ends[KNOWN] <= asked[EFFECTIVE], asked[EFFECTIVE] < ends[UNTIL], ends[EVENT] <= asked[EFFECTIVE]]
    met = asked.inner_join(ends, [*same, *known])
    gone[engine.run(met.select(_PLACE).distinct())[_PLACE].to_numpy()] = True
    return gone


def is_scored_late(model: ModelSpec, rows: pa.Table) -> pa.ChunkedArray:
    """Return which late questions are asked about: those within the label's horizon, with ``late_rows: score``."""
    in_horizon = pc.less_equal(rows[EFFECTIVE], pc.add(rows[ASKED], model.label.horizon // MICROSECOND))
    return in_horizon if model.deployment.late_rows == "score" else pc.and_(in_horizon, False)


def one_each(rows: pa.Table, names: Sequence[str], row_key: Sequence[str]) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Return one question for each entity and batch run, those that ask about it once more, and those without entity.

    Of several the one in time is the first, then the one that became known first.

    Parameters
    ----------
    names, row_key
        The columns of `rows` with the entity's key, and with the row's own.
    """
    nameless = functools.reduce(pc.or_, (pc.is_null(rows[name]) for name in names))
    order = dict.fromkeys([EFFECTIVE, *names, IS_LATE, KNOWN, ASKED, *row_key])
    named = rows.filter(pc.invert(nameless)).sort_by([(name, "ascending") for name in order])
    same = functools.reduce(pc.and_, (_as_before(named[name]) for name in (EFFECTIVE, *names)))
    return named.filter(pc.invert(same)), named.filter(same), rows.filter(nameless)


def _as_before(values: pa.ChunkedArray) -> pa.Array:
    """Return which values equal the one before them."""
    array = values.combine_chunks()
    if len(array) == 0:
        return pa.array([], pa.bool_())
    return pa.concat_arrays([pa.array([False]), pc.equal(array[1:], array[:-1]).fill_null(False)])


def in_sample(rows: pa.Table, names: Sequence[str], share: float | None) -> np.ndarray:
    """Return which questions are in a sample: those whose draw, in [0, 1), is below the share."""
    if share is None:
        return np.ones(len(rows), bool)
    is_in_sample: np.ndarray = (draws(rows, names) >> np.uint64(11)) * 2.0**-53 < share
    return is_in_sample


def within_max(rows: pa.Table, names: Sequence[str], most: int | Ints | None) -> np.ndarray:
    """Return which questions are among the first `most` of their batch run: those in time first, then by their draw.

    Parameters
    ----------
    most
        For all batch runs, or for that of each question.
    """
    within = np.ones(len(rows), bool)
    if most is None:
        return within
    drawn = rows.select([EFFECTIVE, IS_LATE, *names]).append_column(_DRAW, pa.array(draws(rows, names)))
    order = pc.sort_indices(drawn, [(name, "ascending") for name in (EFFECTIVE, IS_LATE, _DRAW, *names)]).to_numpy()
    runs = rows[EFFECTIVE].to_numpy()[order]
    if not len(runs):
        return within
    starts = np.flatnonzero(np.diff(runs, prepend=runs[0] - 1))
    number = np.arange(len(runs)) - np.repeat(starts, np.diff(starts, append=len(runs)))
    within[order] = number < (most if isinstance(most, int) else most[order])
    return within


def draws(rows: pa.Table, names: Sequence[str]) -> _Draws:
    """Return a number in [0, 2**64) for each question, from the entity's key and the batch run alone.

    The digits of texts are hashed by BLAKE2b; numbers are mixed by the finalizer of SplitMix64 (Steele, Lea and Flood
    2014), one key column after the other, the batch run last.
    """
    mixed = np.zeros(len(rows), np.uint64)
    for name in (*names, EFFECTIVE):
        mixed = _mixed(mixed ^ _bits(combined(rows[name])))
    return mixed


def _bits(values: pa.Array) -> _Draws:
    """Return 64 bits for each value."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        encoded = values.dictionary_encode(null_encoding="encode")
        texts = (text or "" for text in encoded.dictionary.to_pylist())
        digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
        bits: _Draws = np.frombuffer(digests, "<u8").astype(np.uint64)
        return np.asarray(bits[encoded.indices.to_numpy()], np.uint64)
    kind = np.float64 if pa.types.is_floating(values.type) else np.int64
    numbers = values if kind is np.float64 else values.cast(pa.int64())
    plain = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False).astype(kind)
    return np.asarray(plain.view(np.uint64))


def _mixed(values: _Draws) -> _Draws:
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)
