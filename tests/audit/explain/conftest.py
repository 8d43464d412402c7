import pytest

from tests.audit.explain.shop_with_history import Lived, lived_shop


@pytest.fixture(scope="package")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A shop that nothing in this folder changes; a test that does copies it."""
    return lived_shop(tmp_path_factory.mktemp("lived"))
