"""The OpenAPI document against the service: whatever a client makes of it, no answer is a failure of the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serving.served import Server, serve
from tests.serving.world import served_world

pytestmark = pytest.mark.slow
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        yield from serve(served_world(tmp_path_factory.mktemp("served"), patch))


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
def test_whatever_the_document_allows_or_forbids_gets_a_declared_answer(server: Server, mode: GenerationMode) -> None:
    document = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    called = set()
    actual: Any
    for actual in document.get_all_operations():
        operation = actual.ok()
        called.add(operation.label)
        if mode == GenerationMode.NEGATIVE and operation.label.startswith("GET"):
            continue  # such a request has nothing that could be wrong

        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(generation_mode=mode))
        def answered(case: Any) -> None:
            case.call_and_validate(checks=CHECKS)

        answered()
    assert "POST /models/by_rows/predict" in called
    assert "GET /predictions/{id}" in called
