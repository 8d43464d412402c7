"""Spans of requests for OpenTelemetry, where the standard environment variables name an exporter."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import PlatformError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_GROUP = "opentelemetry_traces_exporter"
_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_PACKAGES = {name: f"opentelemetry-exporter-{name.replace('_', '-')}" for name in _PROTOCOLS.values()}
_PARENT = {b"traceparent": "traceparent", b"tracestate": "tracestate"}


class ExporterMissing(PlatformError):
    """The environment asks for an exporter of spans that is not installed."""

    def __init__(self, name: str) -> None:
        install = f"Install it (pip install {_PACKAGES[name]})" if name in _PACKAGES else "Install its package"
        super().__init__(
            f"the environment asks for the OpenTelemetry exporter {name!r}, which is not installed. {install}, "
            "or set OTEL_TRACES_EXPORTER=none."
        )


def exporter_name(environ: Mapping[str, str]) -> str | None:
    """Return the name of the exporter that the environment asks for; None where no span is to be sent.

    >>> exporter_name({"OTEL_TRACES_EXPORTER": "console"})
    'console'
    >>> exporter_name({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"})
    'otlp_proto_http'
    >>> exporter_name({})
    """
    prefix = "OTEL_EXPORTER_OTLP"
    addressed = environ.get(f"{prefix}_TRACES_ENDPOINT") or environ.get(f"{prefix}_ENDPOINT")
    name = environ.get("OTEL_TRACES_EXPORTER") or ("otlp" if addressed else "none")
    if name == "none" or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if name != "otlp":
        return name
    protocol = environ.get(f"{prefix}_TRACES_PROTOCOL") or environ.get(f"{prefix}_PROTOCOL") or "http/protobuf"
    return _PROTOCOLS.get(protocol, f"otlp {protocol}")


def require_exporter(environ: Mapping[str, str]) -> None:
    """Raise where the environment asks for an exporter that is not installed.

    Raises
    ------
    ExporterMissing
    """
    name = exporter_name(environ)
    if name is not None and not entry_points(group=_GROUP, name=name):
        raise ExporterMissing(name)


class Tracing:
    """Sends a span for each request, below the one that the client names in ``traceparent``."""

    def __init__(self, exporter: SpanExporter, environ: Mapping[str, str]) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        named = "OTEL_SERVICE_NAME" in environ or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        self._provider = TracerProvider(resource=Resource.create({} if named else {"service.name": "ml_platform"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("ml_platform")
        self._parents = TraceContextTextMapPropagator()

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> Tracing | None:
        """Return the tracing that the environment asks for.

        Raises
        ------
        ExporterMissing
        """
        require_exporter(environ)
        name = exporter_name(environ)
        if name is None:
            return None
        (installed, *_) = entry_points(group=_GROUP, name=name)
        return cls(installed.load()(), environ)

    def answered(
        self,
        method: str,
        route: str,
        name: str,
        headers: Sequence[tuple[bytes, bytes]],
        status: int,
        seconds: float,
    ) -> None:
        """Record an answer that was just given.

        Parameters
        ----------
        name
            What the path names after the route, such as a model.
        """
        from opentelemetry.trace import SpanKind, Status, StatusCode

        ended = time.time_ns()
        parent = {_PARENT[key]: value.decode("latin-1") for key, value in headers if key in _PARENT}
        about: dict[str, Any] = {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "ml_platform.name": name,
        }
        span = self._tracer.start_span(
            f"{method} {route}",
            context=self._parents.extract(parent) if parent else None,
            kind=SpanKind.SERVER,
            attributes=about,
            start_time=ended - int(seconds * 1e9),
        )
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)

    def flush(self) -> None:
        """Send now what waits to be sent."""
        self._provider.force_flush()

    def close(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()
