"""`/openapi.json`, made from the table of operations."""

import json
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter

from voicekeeper import __version__
from voicekeeper.web.gate import Access
from voicekeeper.web.operations import NoQuery, Operation

_MEDIA = "application/json"
_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what was found, and what would mend it"},
        "errors": {"type": "array", "items": {"type": "string"}},
        "differs": {"type": "object"},
    },
}


def document(operations: Sequence[Operation]) -> bytes:
    """Return the OpenAPI document of these operations."""
    schemas, parts = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        where = paths.setdefault(operation.path.replace(":path", ""), {})
        where[operation.method.lower()] = _described(operation, schemas)
    told = {
        "openapi": "3.1.0",
        "info": {"title": "voicekeeper", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {**parts, "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    return json.dumps(_without_null_defaults(told), ensure_ascii=False).encode()


def _schemas(operations: Sequence[Operation]) -> tuple[Mapping[Any, Any], Mapping[str, Any]]:
    """Return the schema of every model, and the parts that they share."""
    sent = {operation.body for operation in operations if operation.body}
    told = {kind for operation in operations for kind in operation.answers.values() if not isinstance(kind, str)}
    adapters = [(kind, "validation", TypeAdapter(kind)) for kind in sent]
    adapters += [(kind, "serialization", TypeAdapter(kind)) for kind in told]
    schemas, shared = TypeAdapter.json_schemas(adapters, ref_template=_REF)  # type: ignore[arg-type] # the literals are these two
    return {kind: schema for (kind, _), schema in schemas.items()}, shared.get("$defs", {})


def _described(operation: Operation, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    answers = {str(status): _answer(status, kind, schemas) for status, kind in operation.answers.items()}
    problems = {str(status): _problem(status) for status in _problems(operation) if str(status) not in answers}
    told: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.work.__name__,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": answers | problems,
    }
    if operation.body:
        told["requestBody"] = {"required": True, "content": {_MEDIA: {"schema": schemas[operation.body]}}}
    if operation.access is not Access.HEALTH:
        told["security"] = [{"token": []}] if operation.access is Access.WRITE else [{}, {"token": []}]
    return told


def _problems(operation: Operation) -> Iterator[int]:
    yield from operation.problems
    yield HTTPStatus.MISDIRECTED_REQUEST
    if operation.access is not Access.HEALTH:
        yield from (401, 403, 422, 429, 503)
    if operation.body:
        yield from (400, 408, 413, 415)


def _answer(status: int, kind: Any, schemas: Mapping[Any, Any]) -> dict[str, Any]:  # noqa: ANN401 - a type, or a media type
    content = {kind: {"schema": {"type": "string"}}} if isinstance(kind, str) else {_MEDIA: {"schema": schemas[kind]}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model="Problem")}
    return {"description": HTTPStatus(status).phrase, "content": {"application/problem+json": {"schema": schema}}}


def _path_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for name in ("account", "voice_id"):
        if f"{{{name}" in operation.path:
            schema = {"type": "string", "minLength": 1}
            yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    """Yield the parameters, each with its schema in its place: they are few and small."""
    if operation.query is NoQuery:
        return
    whole = operation.query.model_json_schema()
    shared = whole.get("$defs", {})
    for name, schema in whole["properties"].items():
        words = schema.pop("description", None)
        schema.pop("title", None)
        plain = shared[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        yield {"name": name, "in": "query", "schema": plain, **({"description": words} if words else {})}


def _without_null_defaults(part: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out defaults that say no more than that something may be left out."""
    if isinstance(part, list):
        return [_without_null_defaults(one) for one in part]
    if not isinstance(part, dict):
        return part
    kept = ((name, one) for name, one in part.items() if not (name == "default" and one is None))
    return {name: _without_null_defaults(one) for name, one in kept}
