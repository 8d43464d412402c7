"""Values in a table, each with its place, and what an engine computes of them."""

import pyarrow as pa

from ml_platform.core.engines import Engine

DECIMAL = pa.decimal128(38, 0)
INSTANT = pa.timestamp("us", "UTC")


def numbered(values, kind=None):
    return pa.table({"place": pa.array(range(len(values)), pa.int64()), "x": pa.array(values, kind)})


def computed(engine: Engine, values, make, kind=None):
    table = engine.arrow("numbers", numbered(values, kind))
    return engine.run(table.select("place", found=make(table.x)).order_by("place"))["found"].to_pylist()
