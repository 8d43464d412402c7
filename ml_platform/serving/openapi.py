"""The OpenAPI document of the service, made from what serves at the moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_platform.declarations.source import ColumnType
from ml_platform.serving.served_model import ServedModel
from ml_platform.serving.service import Service

_TYPES: Mapping[ColumnType, Mapping[str, Any]] = {
    "int": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "string": {"type": "string"},
    "timestamp": {"type": "string", "format": "date-time"},
}
_PROBLEMS = {
    "400": "The body is not JSON, or has a key twice.",
    "401": "A token is needed, or it is not one of this service.",
    "403": "The request comes from another site, or its token does not allow this.",
    "404": "There is no such model, prediction or path.",
    "405": "This path does not answer that method.",
    "408": "The body did not come in time.",
    "413": "The body is too large, or has too many rows.",
    "415": "The body is not application/json.",
    "422": "A row lacks a column, has one that the model does not have, or a value of another type.",
    "503": "No version answers, features are too old, or more requests come than can be answered: see Retry-After.",
}


def openapi_document(service: Service) -> Mapping[str, Any]:
    """Return the document (OpenAPI 3.1)."""
    paths: dict[str, Any] = {
        "/models": {"get": _operation("What serves, model by model.", "models")},
        "/predictions/{id}": {
            "get": _operation("Why a prediction is what it is.", "explanation")
            | {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]}
        },
        "/healthz": {"get": _open("The worker lives.")},
        "/readyz": {"get": _open("Every model has a version that answers.")},
        "/metrics": {"get": _operation("Figures for Prometheus.", "metrics", "text/plain")},
    }
    for followed in service.followed.models.values():
        if followed.serving is not None:
            paths |= _paths(followed.serving, service.limits.rows)
    paths |= _table_paths(service)
    paths |= _posted_paths(service)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Predictions of {service.project.spec.name}", "version": "1"},
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": _PROBLEM},
        },
        "security": [{"token": []}, {}],
    }


def _paths(model: ServedModel, max_rows: int) -> dict[str, Any]:
    name, row = model.spec.name, _row(model)
    body = {
        "required": True,
        "content": {"application/json": {"schema": {"oneOf": [row, _several(row, max_rows)]}}},
    }
    predict = _operation(f"Predict with {name}: {model.spec.description}", "prediction") | {"requestBody": body}
    features = _operation(f"The features that a prediction of {name} would use.", "features") | {"requestBody": body}
    return {
        f"/models/{name}": {"get": _operation(f"What serves for {name}.", "model")},
        f"/models/{name}/predict": {"post": predict},
        f"/models/{name}/features": {"post": features},
    }


def _table_paths(service: Service) -> dict[str, Any]:
    """Return a path for each feature table that is published."""
    paths = {}
    with service.store.view() as view:
        for records in view.description.records.values():
            row = {
                "type": "object",
                "properties": {name: dict(_TYPES[kind]) for name, kind in records.keys.items()},
                "required": list(records.keys),
                "additionalProperties": False,
            }
            schema = {"oneOf": [row, _several(row, service.limits.rows)]}
            body = {"required": True, "content": {"application/json": {"schema": schema}}}
            for block in records.blocks:
                kind, _, name = block.name.partition("/")
                if kind == "features":
                    asked = _operation(f"The published features of {name}.", "features")
                    paths[f"/features/{name}"] = {"post": asked | {"requestBody": body}}
    return paths


def _posted_paths(service: Service) -> dict[str, Any]:
    """Return the paths of each source whose rows are posted: of events, of the truth, or of actions that were taken."""
    paths = dict[str, Any]()
    for name, source in service.posted.items():
        properties = {
            column: dict(_TYPES[kind])
            if column in source.required
            else {"anyOf": [dict(_TYPES[kind]), {"type": "null"}]}
            for column, kind in source.columns.items()
        }
        row = {
            "type": "object",
            "properties": properties,
            "required": list(source.required),
            "additionalProperties": False,
        }
        schema = {"oneOf": [row, _several(row, service.limits.rows)]}
        body = {"required": True, "content": {"application/json": {"schema": schema}}}
        taken = _operation(source.description, "number of rows that were new") | {"requestBody": body}
        paths |= {f"/{what}/{name}": {"post": taken} for what in ("events", "labels", "actions")}
    return paths


def _row(model: ServedModel) -> dict[str, Any]:
    properties = {}
    for name, kind in model.sent.items():
        schema = dict(_TYPES[kind])
        properties[name] = schema if name in model.key else {"anyOf": [schema, {"type": "null"}]}
    return {"type": "object", "properties": properties, "required": list(model.key), "additionalProperties": False}


def _several(row: Mapping[str, Any], max_rows: int) -> dict[str, Any]:
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": max_rows}
    return {"type": "object", "properties": {"rows": rows}, "required": ["rows"], "additionalProperties": False}


def _operation(summary: str, what: str, media: str = "application/json") -> dict[str, Any]:
    schema = {"type": "string"} if media == "text/plain" else {"type": "object"}
    answers: dict[str, Any] = {"200": {"description": f"The {what}.", "content": {media: {"schema": schema}}}}
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers |= {status: {"description": text, "content": problem} for status, text in _PROBLEMS.items()}
    return {"summary": summary, "responses": answers}


def _open(summary: str) -> dict[str, Any]:
    return _operation(summary, "state") | {"security": []}


_PROBLEM = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}
