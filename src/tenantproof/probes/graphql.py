"""GraphQL as the sweep speaks it: the queries that read a record, and what an answer that refuses looks like."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from tenantproof.clients.exchange import Answer
from tenantproof.model.graphql_profile import Graphql
from tenantproof.probes.sighting import json_value

OWN = "a"
"""The alias under which a query asks for what is the caller's own beside what is not."""
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["query"],
    "properties": {"query": {"type": "string"}, "variables": {"type": "object"}},
}
"""The body of a request (GraphQL over HTTP), as a contract would describe it. Any: a JSON Schema."""
_BARE = frozenset({"Int", "Float", "Boolean"})
"""Types whose literals have no quotation marks."""


class Asked(msgspec.Struct, frozen=True):
    """A record as a query asks for it: the tenant that is named, if one is, and the record's id."""

    tenant: str
    id: str


def plain(how: Graphql, asked: Asked) -> dict[str, Any]:
    """The body of the ordinary request: ids in variables."""
    return {
        "query": f"query Read{declared(how)} {{ {field(how, variables=True)} }}",
        "variables": variables(how, asked),
    }


def variables(how: Graphql, asked: Asked) -> dict[str, Any]:
    """The variables of a query whose ids stand in them."""
    return {name: _value(kind, value) for name, kind, value in _arguments(how, asked)}


def declared(how: Graphql, defaults: Asked | None = None) -> str:
    """What a query says of its variables; with defaults, nobody has to say what they are."""
    told = [
        f"${name}: {kind}" + (f" = {_literal(kind, value)}" if defaults else "")
        for name, kind, value in _arguments(how, defaults or Asked("", ""))
    ]
    return f"({', '.join(told)})"


def field(
    how: Graphql, asked: Asked | None = None, *, alias: str = "", select: str = "", variables: bool = False
) -> str:
    """The field that gives a record, with its ids as literals or, with `variables`, by name."""
    given = [
        f"{name}: ${name}" if variables else f"{name}: {_literal(kind, value)}"
        for name, kind, value in _arguments(how, asked or Asked("", ""))
    ]
    called = f"{alias}: {how.field}" if alias else how.field
    return f"{called}({', '.join(given)}) {{ {select or how.select} }}"


def node(how: Graphql, asked: Asked) -> str:
    """The record by its global id, as Relay has it."""
    ident = how.node.replace("{id}", asked.id)
    if how.node_encoding == "base64":
        ident = base64.b64encode(ident.encode()).decode()
    return f"node(id: {json.dumps(ident)}) {{ ... on {how.type} {{ {how.select} }} }}"


def is_refused(answer: Answer, how: Graphql) -> bool:
    """Whether the answer refuses as agreed all that was asked for and is not the caller's own.

    Data is null there, every error has an agreed code, and there is at least one. Of a batch, each reply counts.
    """
    said = json_value(answer.body)
    replies = said if isinstance(said, list) else [said]
    told = [_reply(each, how) for each in replies]
    return answer.is_whole and answer.status < 500 and "refused" in told and "odd" not in told


def _reply(reply: object, how: Graphql) -> str:
    """What one reply comes to: "own" if it gives the caller's own and that alone, else "refused" or "odd"."""
    if not isinstance(reply, dict):
        return "odd"
    errors, data = reply.get("errors"), reply.get("data") or {}
    if not isinstance(data, dict) or any(value is not None for name, value in data.items() if name != OWN):
        return "odd"
    if not errors:
        return "own" if data.get(OWN) is not None and len(data) == 1 else "odd"
    is_agreed = isinstance(errors, list) and all(_code(each, how.code) in how.refusals for each in errors)
    return "refused" if is_agreed else "odd"


def _code(error: object, path: str) -> str:
    for step in path.split("."):
        error = error.get(step) if isinstance(error, dict) else None
    return error if isinstance(error, str) else ""


def _arguments(how: Graphql, asked: Asked) -> list[tuple[str, str, str]]:
    """Name, type and value of each argument."""
    tenant = [(how.tenant, how.tenant_type, asked.tenant)] if how.tenant else []
    return [*tenant, (how.id, how.id_type, asked.id)]


def _literal(kind: str, value: str) -> str:
    return value if kind.rstrip("!") in _BARE else json.dumps(value)


def _value(kind: str, value: str) -> Any:  # noqa: ANN401  # JSON
    return int(value) if kind.rstrip("!") == "Int" and value.isdecimal() else value
