import pytest

from tests.features import world


@pytest.fixture(params=["duckdb", "spark"])
def each_engine(request, monkeypatch):
    """Projects are written for each engine in turn. Without Java, Spark's tests fail and say what to install."""
    monkeypatch.setitem(world.FILE, "engine", request.param)
    return request.param
