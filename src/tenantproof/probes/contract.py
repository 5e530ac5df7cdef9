"""Reads a target's OpenAPI document down to what a sweep needs: every operation that is about a tenant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml

from tenantproof.model.errors import UsageError
from tenantproof.model.graphql_profile import Graphql
from tenantproof.model.profile import Http
from tenantproof.probes.graphql import SCHEMA

Schema: TypeAlias = Mapping[str, Any]
"""A JSON Schema, or any other object of the document; its values can be anything."""

Kind: TypeAlias = Literal["number", "uuid", ""]
"""What an id is, as far as that gives it other spellings."""

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_TENANT = re.compile(
    r"tenant|organi[sz]ation|(?:^|_)org(?:_|$|id)|account|workspace|customer|namespace|realm", re.IGNORECASE
)
_OBJECT = re.compile(r"(?:^|_)id$|Id$|^id|uuid|key|slug|number|name", re.IGNORECASE)
_DESTRUCTIVE = re.compile(r"eras|delete|destroy|shred|purge|wipe|terminate", re.IGNORECASE)
_FREE_TEXT = re.compile(r"q|query|search(_?(text|term|query))?|text|terms?|keywords?|phrase|full_?text", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DEEPEST = 12

# libyaml where it is there: ten times as fast as Python.
_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation; `where` is path, query, header or cookie."""

    name: str
    where: str
    required: bool
    schema: Schema


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One operation that is about a tenant.

    `template` has the tenant as {tenant}, the object, if any, as {id}, and what the object stands in as {parent}.
    """

    name: str
    method: str
    template: str
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    media: str = "application/json"
    others: Mapping[str, Schema] = field(default_factory=dict)
    """Parameters of the path that are neither the tenant nor the object; with a parent, as such."""
    graphql: Graphql | None = None
    """How a record is read here, where GraphQL is spoken; tenant and object stand in the query then."""
    ident: Kind = ""
    tenant: Kind = ""
    """What ids of the object and of tenants are, where that is known."""
    tls: bool = False
    """Whether it is reached over TLS."""
    search: str = ""
    """The query parameter that takes free text to look for, if one does."""

    @property
    def has_object(self) -> bool:
        """Whether the path names an object of the tenant."""
        return "{id}" in self.template

    @property
    def has_parent(self) -> bool:
        """Whether the path names what the object stands in."""
        return "{parent}" in self.template

    @property
    def is_write(self) -> bool:
        """Whether the operation may change something."""
        return self.method not in {"GET", "HEAD", "OPTIONS"} and self.graphql is None

    @property
    def is_destructive(self) -> bool:
        """Whether it takes away what can't be put back, as far as names tell; a read of what was erased does not."""
        return self.is_write and (
            self.method == "DELETE" or _DESTRUCTIVE.search(f"{self.name} {self.template}") is not None
        )

    @cached_property
    def collection(self) -> str:
        """The template of the list that the object stands in."""
        return self.template.split("/{id}")[0]


def endpoints(http: Http, folder: Path | None = None) -> tuple[Endpoint, ...]:
    """Every operation of the document that names a tenant in its path; without a document, those of the profile.

    With them the one that speaks GraphQL, where the profile says how a record is read there. Raises UsageError when
    there is a document and it can't be read, or does not show where GraphQL is spoken.
    """
    if not http.contract:
        return tuple(_with_graphql(list(_of_profile(http)), http))
    path = Path(http.contract) if folder is None else folder / http.contract
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _SAFE)  # noqa: S506  # as safe as safe_load
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path} can't be read as an OpenAPI document: {error}; correct http.contract") from None
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise UsageError(f"{path} is no OpenAPI document: it has no paths; correct http.contract")
    return tuple(_with_graphql(list(_Document(document, http).endpoints()), http))


def _with_graphql(found: list[Endpoint], http: Http) -> Iterator[Endpoint]:
    """Those of a tenant, and the one that the profile's [http.graphql] is about."""
    how = http.graphql
    spoken = [each for each in found if _speaks_graphql(each) and how and how.path in {"", each.template}]
    if how and not how.path and len(spoken) != 1:
        raise UsageError(
            f"{http.contract} has {len(spoken)} operations whose JSON body takes query and variables; wanted one; "
            "name its path in http.graphql.path"
        )
    for each in found:
        if each in spoken:
            yield replace(each, graphql=how)
        elif "{tenant}" in each.template:
            yield each
    if how and not spoken:
        yield Endpoint("graphql", "POST", how.path, body=SCHEMA, graphql=how)


def _speaks_graphql(endpoint: Endpoint) -> bool:
    members = (endpoint.body or {}).get("properties", {})
    return endpoint.method == "POST" and {"query", "variables"} <= set(members)


def _of_profile(http: Http) -> Iterator[Endpoint]:
    for name, operation in http.operations.items():
        if "{tenant}" in operation.path and operation.method == "GET":
            search = http.search_parameter if name == "search" else ""
            yield Endpoint(name, operation.method, operation.path, search=search)


class _Document:
    def __init__(self, document: Schema, http: Http) -> None:
        self._document, self._http = document, http

    def endpoints(self) -> Iterator[Endpoint]:
        for path, item in self._document["paths"].items():
            shared = self._parameters(item)
            for method in METHODS:
                if isinstance(operation := item.get(method), dict):
                    own = self._parameters(operation)
                    merged = {(each.where, each.name): each for each in (*shared, *own)}
                    if endpoint := self._endpoint(path, method, operation, tuple(merged.values())):
                        yield endpoint

    def _endpoint(
        self, path: str, method: str, operation: Schema, parameters: tuple[Parameter, ...]
    ) -> Endpoint | None:
        named = re.findall(r"\{([^}]+)\}", path)
        tenant = self._tenant_of(named)
        if not tenant and self._http.graphql is None:
            return None
        rest = [name for name in named if name != tenant]
        object_ = self._http.object_parameter if self._http.object_parameter in rest else _object_of(rest)
        template = path.replace(f"{{{tenant}}}", "{tenant}")
        if object_:
            template = template.replace(f"{{{object_}}}", "{id}")
        schemas = {each.name: each.schema for each in parameters if each.where == "path"}
        others = {name: schemas.get(name, {}) for name in rest if name != object_}
        if parent := _parent_of(path, tenant, object_, others):
            template = template.replace(f"{{{parent}}}", "{parent}")
            others["parent"] = others.pop(parent)
        media, body = self._body(operation)
        asked = tuple(each for each in parameters if each.where != "path")
        return Endpoint(
            name=str(operation.get("operationId") or f"{method} {path}"),
            method=method.upper(),
            template=template,
            parameters=asked,
            body=body,
            media=media,
            others=others,
            ident=_kind(schemas.get(object_, {})),
            tenant=_kind(schemas.get(tenant, {})),
            search=self._search(method, template, asked),
        )

    def _search(self, method: str, template: str, parameters: tuple[Parameter, ...]) -> str:
        """The parameter that takes what is looked for: the profile's at its search, else one that reads like it."""
        named = self._http.operations.get("search")
        if named and (named.method.lower(), named.path) == (method, template):
            return self._http.search_parameter
        return next((each.name for each in parameters if _is_free_text(each)), "")

    def _tenant_of(self, named: list[str]) -> str:
        if self._http.tenant_parameter:
            return self._http.tenant_parameter if self._http.tenant_parameter in named else ""
        return next((name for name in named if _TENANT.search(name)), "")

    def _parameters(self, item: Schema) -> tuple[Parameter, ...]:
        found = []
        for raw in item.get("parameters", ()):
            each = self._resolved(raw)
            schema = self.expanded(each.get("schema", {}))
            found.append(Parameter(str(each["name"]), str(each["in"]), bool(each.get("required")), schema))
        return tuple(found)

    def _body(self, operation: Schema) -> tuple[str, Schema | None]:
        content = self._resolved(operation.get("requestBody", {})).get("content", {})
        for media in sorted(content, key=lambda name: "json" not in name):
            return media, self.expanded(content[media].get("schema", {}))
        return "application/json", None

    def _resolved(self, value: Schema) -> Schema:
        for _ in range(_DEEPEST):
            reference = value.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                return value
            found: Any = self._document
            for step in reference[2:].split("/"):
                found = found.get(step.replace("~1", "/").replace("~0", "~"), {})
            value = found
        return {}

    def expanded(self, schema: Schema, depth: int = 0) -> Schema:
        """The schema with every reference filled in, down to a limit: a schema may contain itself."""
        if depth > _DEEPEST:
            return {}
        plain = self._resolved(schema)
        filled: dict[str, Any] = {}
        for key, value in plain.items():
            if key == "properties" and isinstance(value, dict):
                filled[key] = {name: self.expanded(each, depth + 1) for name, each in value.items()}
            elif isinstance(value, dict):
                filled[key] = self.expanded(value, depth + 1)
            elif key in {"allOf", "oneOf", "anyOf"} and isinstance(value, list):
                filled[key] = [self.expanded(each, depth + 1) for each in value]
            else:
                filled[key] = value
        return filled


def _is_free_text(parameter: Parameter) -> bool:
    schema = parameter.schema
    is_plain = schema.get("type", "string") == "string" and not {"enum", "const", "format"} & set(schema)
    return parameter.where == "query" and is_plain and _FREE_TEXT.fullmatch(parameter.name) is not None


def _parent_of(path: str, tenant: str, object_: str, others: Iterable[str]) -> str:
    """The last parameter between the tenant and the object."""
    between = path.partition(f"{{{tenant}}}")[2].partition(f"{{{object_}}}")
    inside = [name for name in others if f"{{{name}}}" in between[0]]
    return inside[-1] if between[1] and inside else ""


def kind_of(ids: Collection[str]) -> Kind:
    """What all of the ids are, if they are of one kind that has other spellings."""
    if ids and all(each.isascii() and each.isdecimal() for each in ids):
        return "number"
    return "uuid" if ids and all(_UUID.fullmatch(each) for each in ids) else ""


def _kind(schema: Schema) -> Kind:
    """The same of what a schema allows."""
    if schema.get("type") == "integer":
        return "number"
    return "uuid" if schema.get("format") == "uuid" else ""


def _object_of(names: list[str]) -> str:
    """The last parameter that reads like an id; else the last."""
    return next((name for name in reversed(names) if _OBJECT.search(name)), names[-1] if names else "")
