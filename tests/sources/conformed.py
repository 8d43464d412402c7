"""Values as a declared column takes or refuses them."""

import pyarrow as pa
import pytest

from ml_platform.core.errors import SchemaChanged
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.conform import conform


def spec_of(declared, name="x", reader=None):
    return SourceSpec.model_validate(
        {
            "spec_version": 1,
            "name": "s",
            "description": "For a test.",
            "owner": "team:test",
            "reader": reader or {"parquet": "x.parquet"},
            "key": [name],
            "event_timestamp": name,
            "known_at": {"delay": "0s"},
            "columns": {name: declared},
        }
    )


def become(values, declared, reader=None):
    array = values if isinstance(values, pa.Array) else pa.array(values)
    return conform(pa.table({"x": array}), spec_of(declared, reader=reader), "x.csv")["x"]


def refused(values, declared, kind=SchemaChanged):
    with pytest.raises(kind) as caught:
        become(values, declared)
    return str(caught.value).removeprefix("source s: x.csv: ")
