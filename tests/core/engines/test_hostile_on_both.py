"""Every operation over hostile values on both engines, against Python's own arithmetic."""

import pyarrow as pa
import pytest

from ml_platform.core.engines.ibis_functions import epoch_us
from ml_platform.core.expressions import parse_expression
from tests.core.expressions.hostile_rows import EVERY, ROWS, TABLE, assert_same, in_python, plain

pytestmark = pytest.mark.slow

DEEP = ["min(min(i + j, 3) % 7, a)", "sqrt(round(abs((i // 3) % 1000 + j // 7) / 3) + 1) // 1"]


def nested(levels: int, wrap: str) -> str:
    text = "i + j"
    for _ in range(levels):
        text = wrap.replace("{}", text)
    return text


def test_every_operation_is_python_s_over_hostile_values(engine):
    texts = [*EVERY, *DEEP, nested(8, "min({}, 3, i)"), nested(8, "({} % 7)"), nested(6, "round({} / 3)")]
    rows = engine.arrow("hostile", TABLE.append_column("place", pa.array(range(len(ROWS)), pa.int64())))
    values = {f"c{number}": parse_expression(text).to_ibis(rows) for number, text in enumerate(texts)}
    values = {name: epoch_us(value) if value.type().is_timestamp() else value for name, value in values.items()}
    ran = engine.run(rows.select("place", **values).order_by("place"))
    for number, text in enumerate(texts):
        assert_same(text, [plain(value) for value in ran[f"c{number}"].to_pylist()], in_python(text))
