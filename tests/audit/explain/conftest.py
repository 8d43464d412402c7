import pytest

from tests.audit.explain.shop_with_history import Lived, live


@pytest.fixture(scope="package")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A shop that nothing in this folder changes; a test that does copies it."""
    return live(tmp_path_factory.mktemp("lived"))
