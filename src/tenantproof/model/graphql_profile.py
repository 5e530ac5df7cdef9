"""The profile's [http.graphql]: how a record is read by GraphQL, and what a refusal looks like there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tenantproof.model.toml_lines import KeyPath

_Text = Annotated[str, Meta(min_length=1)]
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
_TYPE = re.compile(r"[_A-Za-z][_0-9A-Za-z]*!?")


class Graphql(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The field of Query that gives one record, as the schema has it; every query of the sweep is made from it.

    GraphQL answers 200 when it refuses, so `refusals` are the codes that every error of a refusal has at `code`.
    """

    path: str = ""
    """Where it is served, perhaps with {tenant}; empty: the contract's one operation that takes query and variables."""
    field: _Text
    select: _Text
    """What is selected of the record, such as "id note"; the canary is in it."""
    type: _Text
    """The record's type, for fragments."""
    id: _Text = "id"
    id_type: _Text = "ID!"
    """The argument that takes the record's id, and its type."""
    tenant: str = ""
    tenant_type: _Text = "ID!"
    """The argument that takes the tenant, and its type; no name: there is none."""
    node: str = ""
    """What node(id:) takes, with {id} in it, such as "Attribution:{id}"; empty: there is no node."""
    node_encoding: Literal["base64", "plain"] = "base64"
    refusals: Annotated[tuple[_Text, ...], Meta(min_length=1)]
    code: _Text = "extensions.code"
    """Where an error says its code; dots lead into objects."""


def review(how: Graphql, contract: str) -> Iterator[tuple[KeyPath, str]]:
    """What is well-formed and can't be meant, with its key."""
    at: KeyPath = ("http", "graphql")
    for name, pattern in (("field", _NAME), ("type", _NAME), ("id", _NAME), ("id_type", _TYPE), ("tenant_type", _TYPE)):
        if not pattern.fullmatch(value := getattr(how, name)):
            yield (*at, name), f"{value!r} is no name of GraphQL; write it as the schema does"
    if how.tenant and not _NAME.fullmatch(how.tenant):
        yield (*at, "tenant"), f"{how.tenant!r} is no name of GraphQL; write it as the schema does"
    if how.node and "{id}" not in how.node:
        yield (*at, "node"), "nothing in it stands for the record's id; put {id} where it belongs"
    if not how.path and not contract:
        yield (*at, "path"), "no contract shows where it is served; add the path"
    elif how.path and not how.path.startswith("/"):
        yield (*at, "path"), "a path starts with a slash; add it"
