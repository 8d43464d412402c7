"""What is said where a library of an extra is missing, or is there and does not work."""

import sys

import pytest

from ml_platform.core.errors import SourceError
from ml_platform.sources.reading.extras import import_extra


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "the driver is not installed"),
        ("import nowhere_at_all", r"the driver cannot be imported \(No module named 'nowhere_at_all'\)"),
        ("from os import no_such_name", r"the driver cannot be imported \(cannot import name 'no_such_name' from 'os'"),
    ],
)
def test_a_library_that_is_missing_and_one_that_is_broken_are_distinguished(tmp_path, monkeypatch, content, problem):
    if content is not None:
        (tmp_path / "a_driver_of_tests.py").write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SourceError, match=rf"source sales: reader\.lake: {problem}.*pip install 'ml-platform\[lake\]'"):
        import_extra("a_driver_of_tests", "lake", "sales", "the driver")


def test_a_library_that_is_there_is_returned():
    assert import_extra("json.decoder", "lake", "sales", "the driver") is sys.modules["json.decoder"]
