"""What the service answers, path by path."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from ml_platform.core.errors import NoSuchPrediction, PlatformError
from ml_platform.serving.group_commit import GroupCommit
from ml_platform.serving.http_messages import Direct, Request, Response, Route, Row
from ml_platform.serving.many_rows import answer_many
from ml_platform.serving.metrics import Metrics
from ml_platform.serving.openapi import openapi_document
from ml_platform.serving.overload import Overload
from ml_platform.serving.pages import PAGE, POLICY, page_file
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.protocols import mlflow_scoring, open_inference
from ml_platform.serving.request_body import checked_rows, read_json, rows_of
from ml_platform.serving.served_model import Answered, ServedModel
from ml_platform.serving.service import Service

_TEXT = b"text/plain; version=0.0.4; charset=utf-8"
_POST, _GET = frozenset({"POST"}), frozenset({"GET", "HEAD"})


class Routes:
    """The handlers of one worker."""

    def __init__(self, service: Service, metrics: Metrics, overload: Overload) -> None:
        self._service, self._metrics, self._overload = service, metrics, overload
        self._commit = GroupCommit(service.sync)
        self._is_beside = False
        self._direct = Direct(self.row, self.answer_rows)

    def table(self) -> Mapping[str, Route]:
        """Return the routes by path; a name comes after the first part where the key has two."""
        return {
            "models/predict": Route("predict", _POST, self.predict, "predict", self._direct),
            "models/features": Route("features", _POST, self.features, "predict"),
            "features": Route("table_features", _POST, self.table_features, "predict"),
            "events": Route("events", _POST, self.post_rows, "events"),
            "labels": Route("labels", _POST, self.post_rows, "events"),
            "actions": Route("actions", _POST, self.post_rows, "events"),
            "models": Route("models", _GET, self.models, "predict"),
            "predictions": Route("explain", _GET, self.explain, "predict"),
            "healthz": Route("healthz", _GET, self.healthy),
            "readyz": Route("readyz", _GET, self.ready),
            "metrics": Route("metrics", _GET, self.metrics, "admin"),
            "openapi.json": Route("openapi", _GET, self.openapi),
            "": Route("page", _GET, self.page),
            "models/try": Route("page", _GET, self.page),
            "static": Route("page", _GET, self.static),
            "ping": Route("healthz", _GET, self.healthy),
            "invocations": Route("invocations", _POST, self.invocations, "predict"),
            "models/invocations": Route("invocations", _POST, self.invocations, "predict"),
            "v2/health/live": Route("healthz", _GET, self.healthy),
            "v2/health/ready": Route("readyz", _GET, self.ready),
            "v2/models": Route("v2_model", _GET, self.v2_model, "predict"),
            "v2/models/ready": Route("v2_ready", _GET, self.v2_model, "predict"),
            "v2/models/infer": Route("infer", _POST, self.infer, "predict"),
        }

    async def predict(self, request: Request) -> Response:
        """Answer one row, or several under ``rows``."""
        model = self._service.model(request.rest)
        rows, several = rows_of(read_json(request.body), self._service.limits.rows)
        answered = await self._answers(model, rows) if several else self._service.answer(model, rows)
        bodies = await self.commit(model, answered)
        return Response(self._service.encode({"predictions": bodies} if several else bodies[0]))

    def row(self, name: str, body: bytes) -> Row | None:
        """Return the row that a body asks about; None where it asks about several."""
        self._service.model(name)
        rows, several = rows_of(read_json(body), self._service.limits.rows)
        return None if several else rows[0]

    def answer_rows(self, name: str, rows: Sequence[Row]) -> Sequence[Answered | Exception]:
        """Return the answers to requests of one row each; nothing is logged yet."""
        return self._service.answer_each(self._service.model(name), rows)

    async def commit(self, model: ServedModel, answered: Sequence[Answered]) -> list[Mapping[str, Any]]:
        """Log answers as the model declares, and return their bodies."""
        try:
            bodies = self.log(answered)
        except RequestProblem:
            self._service.give_back(answered)
            raise
        if model.is_synced:
            await self.synced()
        return bodies

    def log(self, answered: Sequence[Answered]) -> list[Mapping[str, Any]]:
        """Hand the log lines of answers to the operating system at once, and return their bodies."""
        bodies = self._service.record(answered)
        for served, rows in Counter([item.served for item in answered]).items():
            self._metrics.predicted(served.version.model, served.version.number, rows)
        if not self._is_beside and any(item.beside is not None for item in answered):
            self._is_beside = True
            asyncio.get_running_loop().call_soon(self._predict_beside)  # after the answer was handed to the socket
        return bodies

    async def synced(self) -> None:
        """Wait until what was logged is on the disk."""
        await self._commit.wait()

    def _predict_beside(self) -> None:
        self._is_beside = self._service.predict_beside()
        if self._is_beside:
            asyncio.get_running_loop().call_soon(self._predict_beside)

    async def _answers(self, model: ServedModel, rows: Sequence[Mapping[str, Any]]) -> list[Answered]:
        """Answer many rows, some at a time, so that other requests have a turn."""
        with self._overload.rows.take(len(rows)):
            return await answer_many(self._service, model, rows)

    async def invocations(self, request: Request) -> Response:
        """Answer a body of MLflow's protocol."""
        model = self._service.model(request.rest or self._only_model())
        rows = checked_rows(mlflow_scoring.read_rows(read_json(request.body)), self._service.limits.rows)
        bodies = await self.commit(model, await self._answers(model, rows))
        return Response(self._service.encode(mlflow_scoring.answer(bodies)))

    def _only_model(self) -> str:
        """Return the model that answers where a path names none."""
        names = list(self._service.followed.models)
        if len(names) != 1:
            text = f"{len(names)} models answer here. Name one: /models/NAME/invocations."
            raise RequestProblem(404, "unknown_model", text)
        return names[0]

    async def infer(self, request: Request) -> Response:
        """Answer a body of the Open Inference Protocol."""
        model, body = self._service.model(request.rest), read_json(request.body)
        rows = checked_rows(open_inference.read_rows(body), self._service.limits.rows)
        open_inference.require_outputs(model, body)
        answered = await self._answers(model, rows)
        bodies = await self.commit(model, answered)
        return Response(self._service.encode(open_inference.answer(model, bodies, body)))

    async def v2_model(self, request: Request) -> Response:
        """Return what a model is, as the Open Inference Protocol has it; an answer means that it is ready."""
        return Response(self._service.encode(open_inference.metadata(self._service.model(request.rest))))

    async def features(self, request: Request) -> Response:
        """Return the features that a prediction would use."""
        model = self._service.model(request.rest)
        rows, several = rows_of(read_json(request.body), self._service.limits.rows)
        answers = self._service.features(model, rows)
        return Response(self._service.encode({"rows": answers} if several else answers[0]))

    async def table_features(self, request: Request) -> Response:
        """Return what a feature table has published for entities."""
        rows, several = rows_of(read_json(request.body), self._service.limits.rows)
        answers = self._service.table_features(request.rest, rows)
        return Response(self._service.encode({"rows": answers} if several else answers[0]))

    async def post_rows(self, request: Request) -> Response:
        """Take rows of a source that is declared streaming; they are on the disk when this answers."""
        source = self._service.posted_source(request.rest)
        rows, _ = rows_of(read_json(request.body), self._service.limits.rows)
        checked = source.check(rows)
        done = await asyncio.to_thread(source.add, checked, self._service.followed.now)
        return Response(self._service.encode(done))

    async def models(self, request: Request) -> Response:
        """Return what serves, all models or one."""
        if request.rest:
            return Response(self._service.encode(self._service.facts_of(self._service.model(request.rest))))
        return Response(self._service.encode({"models": self._service.facts}))

    async def explain(self, request: Request) -> Response:
        """Return why a prediction is what it is."""
        try:
            with self._overload.explanations.take():
                explanation = await asyncio.to_thread(self._service.explanation, unquote(request.rest))
        except NoSuchPrediction as error:
            raise RequestProblem(404, "unknown_prediction", str(error)) from None
        except PlatformError as error:
            raise RequestProblem(503, "not_explained", str(error), retry_after=10) from None
        return Response(self._service.encode(explanation))

    async def healthy(self, request: Request) -> Response:
        """Report that the worker lives."""
        return Response(b'{"status":"ok"}')

    async def ready(self, request: Request) -> Response:
        """Report whether every model has a version that answers."""
        waiting = {
            name: item.problem or "no version"
            for name, item in self._service.followed.models.items()
            if item.serving is None
        }
        problem = self._service.store_problem()
        if problem:
            waiting["online store"] = problem
        status = 503 if waiting else 200
        body = {"status": "not ready" if waiting else "ready", "waiting": waiting}
        return Response(self._service.encode(body), status)

    async def metrics(self, request: Request) -> Response:
        """Return the figures for Prometheus."""
        for table, seconds in self._service.table_ages().items():
            self._metrics.feature_age(table, seconds)
        return Response(self._metrics.text(), content_type=_TEXT)

    async def page(self, request: Request) -> Response:
        """Return the page on which a person tries a model."""
        return _file(PAGE)

    async def static(self, request: Request) -> Response:
        """Return a file of that page."""
        return _file(request.rest)

    async def openapi(self, request: Request) -> Response:
        """Return the OpenAPI document."""
        return Response(self._service.encode(openapi_document(self._service)))


def _file(name: str) -> Response:
    content, media = page_file(name)
    return Response(content, content_type=media, headers=[(b"content-security-policy", POLICY.encode())])
