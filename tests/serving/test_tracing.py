"""Spans of requests, read from OpenTelemetry's own exporter in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from ml_platform.serving.metrics import Metrics
from ml_platform.serving.tracing import ExporterMissing, Tracing, exporter_name, require_exporter
from tests.serving.served import ROW, Server, serve
from tests.serving.world import served_world

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CLIENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}  # the example of the W3C recommendation


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Tracing, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, {})
    with pytest.MonkeyPatch.context() as patch:
        for server in serve(served_world(tmp_path_factory.mktemp("traced"), patch), tracing=tracing):
            yield server, tracing, exporter


def spans(traced: tuple[Server, Tracing, InMemorySpanExporter]) -> tuple[ReadableSpan, ...]:
    """Return the spans since the last look."""
    _, tracing, exporter = traced
    tracing.flush()
    finished = exporter.get_finished_spans()
    exporter.clear()
    return finished


@pytest.mark.parametrize(
    ("path", "body", "status", "route"),
    [
        ("/models/by_rows/predict", ROW, 200, "predict"),
        ("/models/by_rows/predict", {"rows": [ROW, ROW | {"id": "q2"}]}, 200, "predict"),
        ("/models/nobody/predict", ROW, 404, "predict"),
        ("/models/by_rows/predict", b"{", 400, "predict"),
        ("/nothing/here/at/all", ROW, 404, "unknown"),
    ],
)
def test_each_answer_is_a_span_below_that_of_the_client(traced, path, body, status, route):
    spans(traced)
    assert traced[0].post(path, body, **CLIENT).status_code == status
    (span,) = spans(traced)
    assert (span.name, span.kind) == (f"POST {route}", SpanKind.SERVER)
    assert span.attributes["http.response.status_code"] == status
    assert span.attributes["ml_platform.name"] == (path.split("/")[2] if route != "unknown" else "")
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert 0 < span.end_time - span.start_time < 60e9
    assert span.status.status_code == StatusCode.UNSET  # a client's fault is no error of the server


def test_a_request_without_a_parent_begins_a_trace(traced):
    spans(traced)
    assert traced[0].get("/healthz").status_code == 200
    (span,) = spans(traced)
    assert (span.name, span.parent) == ("GET healthz", None)


def test_a_failure_of_the_service_is_an_error(traced, monkeypatch):
    spans(traced)
    monkeypatch.setattr(Metrics, "text", lambda _: 1 / 0)
    assert traced[0].get("/metrics").status_code == 500
    (span,) = spans(traced)
    assert span.status.status_code == StatusCode.ERROR


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, None),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, None),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "zipkin"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "otlp_proto_grpc"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp_proto_http"),
    ],
)
def test_the_exporter_is_that_of_the_standard_variables(environ, name):
    assert exporter_name(environ) == name


def test_an_exporter_that_is_not_installed_is_named_with_its_package():
    require_exporter({"OTEL_TRACES_EXPORTER": "console"})
    with pytest.raises(ExporterMissing, match="pip install opentelemetry-exporter-otlp-proto-grpc"):
        require_exporter({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
