"""Tests of the stores fail without PostgreSQL; they are never skipped."""

from __future__ import annotations

import pytest

from tests.storage import postgres


def test_a_named_server_that_does_not_answer_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql+psycopg://postgres@127.0.0.1:1/none"
    monkeypatch.setenv(postgres.VARIABLE, url)
    with pytest.raises(postgres.NoPostgres) as caught, postgres.server():
        pass
    assert str(caught.value) == f"{url} does not answer. {postgres.REMEDY}"


def test_without_a_server_and_its_programs_there_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(postgres.VARIABLE, raising=False)
    monkeypatch.setattr(postgres, "answers", lambda url: False)
    monkeypatch.setattr(postgres, "programs", lambda: None)
    with pytest.raises(postgres.NoPostgres) as caught, postgres.server():
        pass
    assert str(caught.value) == postgres.REMEDY


@pytest.mark.slow
@pytest.mark.server
def test_a_server_is_started_where_none_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    if postgres.programs() is None:
        assert postgres.answers(postgres.LOCAL)  # a server from elsewhere: there is nothing to start
        return
    with postgres.started() as url:
        assert postgres.answers(url)
    assert not postgres.answers(url)
