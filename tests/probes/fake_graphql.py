"""A small GraphQL API over the fake one, executed by graphql-core; tests break its gate in one place each."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    execute_sync,
    parse,
    validate,
)
from graphql.utilities import value_from_ast_untyped

from tests.probes.fake_api import Json, Refused
from tests.probes.sweeping import PlainApi

SCHEMA = build_schema("""
interface Node { id: ID! }
type Attribution implements Node { id: ID!  note: String }
type Query { attribution(tenant: ID!, id: ID!): Attribution  node(id: ID!): Node }
""")
FORBIDDEN = "FORBIDDEN"


class GraphqlApi(PlainApi):
    """Its resolver checks each record that it is asked for, wherever the query names it."""

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        parts = urlsplit(url)
        if parts.path not in self.paths():
            return super().answer(method, url, headers, body)
        try:
            caller = self.taken_for(self.verify(headers.get("authorization", "").partition(" ")[2]), parts.path)
        except Refused as refused:
            return refused.status, refused.body
        if method == "GET":
            said = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return self.reply(caller, {**said, "variables": json.loads(said.get("variables", "{}"))}, method)
        try:
            asked = json.loads(body)
        except ValueError:
            return 400, {"errors": [{"message": "no JSON"}]}
        if isinstance(asked, list):
            return 200, [self.reply(caller, each, "batch" if place else method)[1] for place, each in enumerate(asked)]
        return self.reply(caller, asked, method) if isinstance(asked, dict) else (400, {})

    def paths(self) -> set[str]:
        return {"/graphql"}

    def taken_for(self, caller: str, path: str) -> str:
        """The tenant that the resolver believes to serve."""
        return caller

    def reply(self, caller: str, asked: Json, method: str) -> tuple[int, Json]:
        try:
            document = parse(str(asked.get("query")))
        except GraphQLError as error:
            return 400, {"errors": [{"message": str(error)}]}
        if errors := validate(SCHEMA, document):
            return 400, {"errors": [{"message": str(each)} for each in errors]}
        result = execute_sync(
            SCHEMA,
            document,
            root_value=self.root(caller, document, asked, method),
            variable_values=asked.get("variables") or {},
            operation_name=asked.get("operationName"),
            type_resolver=lambda *_: "Attribution",
        )
        assert isinstance(result, ExecutionResult)
        return 200, self.told(result)

    def told(self, result: ExecutionResult) -> Json:
        return dict(result.formatted)

    # The gate

    def root(self, caller: str, document: DocumentNode, asked: Json, method: str) -> Json:
        def attribution(info: object, tenant: str, id: str) -> Json | None:  # noqa: A002  # the schema's name
            if not self.may(caller, tenant):
                return self.withheld()
            return self.found(tenant, id)

        def node(info: object, id: str) -> Json | None:  # noqa: A002  # the schema's name
            ident = base64.b64decode(id).decode().partition(":")[2]
            owner = next((tenant for tenant, own in self.records.items() if ident in own), "")
            return self.found(owner, ident) if self.may_see_node(caller, owner) else self.withheld()

        return {"attribution": attribution, "node": node}

    def found(self, tenant: str, ident: str) -> Json | None:
        if note := self.records.get(tenant, {}).get(ident):
            return {"id": ident, "note": note}
        return self.withheld()

    def may(self, caller: str, tenant: str) -> bool:
        return caller == tenant

    def may_see_node(self, caller: str, owner: str) -> bool:
        return caller == owner

    def withheld(self) -> Json | None:
        raise GraphQLError("not yours", extensions={"code": FORBIDDEN})


class GateApi(GraphqlApi):
    """Decides before it executes, by the fields that it finds, and serves whatever is asked for afterwards."""

    def root(self, caller: str, document: DocumentNode, asked: Json, method: str) -> Json:
        if any(tenant != caller for tenant in self.seen(document, asked, method)):
            return {"attribution": lambda *_, **__: self.withheld(), "node": lambda *_, **__: self.withheld()}
        return super().root(caller, document, asked, method)

    def may(self, caller: str, tenant: str) -> bool:
        return True

    def seen(self, document: DocumentNode, asked: Json, method: str) -> list[str]:
        """Tenants that the gate sees a document ask for."""
        given = self.variables(document, asked)
        return [
            str(value_from_ast_untyped(argument.value, given))
            for operation in self.operations(document, asked)
            for field in self.fields(document, operation.selection_set)
            for argument in field.arguments or ()
            if argument.name.value == "tenant"
        ]

    def variables(self, document: DocumentNode, asked: Json) -> Json:
        defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for operation in self.operations(document, asked)
            for each in operation.variable_definitions or ()
            if each.default_value
        }
        return {**defaults, **(asked.get("variables") or {})}

    def operations(self, document: DocumentNode, asked: Json) -> list[OperationDefinitionNode]:
        return [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]

    def fields(self, document: DocumentNode, selected: SelectionSetNode) -> list[FieldNode]:
        found: list[FieldNode] = []
        for each in selected.selections:
            if isinstance(each, FieldNode):
                found.append(each)
            else:
                found += self.spread(document, each)
        return found

    def spread(self, document: DocumentNode, each: Any) -> list[FieldNode]:  # a spread or an inline fragment
        if hasattr(each, "selection_set"):
            return self.fields(document, each.selection_set)
        named = (
            node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode) and node.name.value == each.name.value
        )
        return [field for node in named for field in self.fields(document, node.selection_set)]


class VariablesUnchecked(GateApi):
    """Reads literals alone."""

    def variables(self, document: DocumentNode, asked: Json) -> Json:
        return dict.fromkeys(asked.get("variables") or {}) | super().variables(document, {})

    def seen(self, document: DocumentNode, asked: Json, method: str) -> list[str]:
        return [each for each in super().seen(document, asked, method) if each not in {"None", "Undefined"}]


class LiteralsUnchecked(GateApi):
    """Reads variables alone."""

    def seen(self, document: DocumentNode, asked: Json, method: str) -> list[str]:
        given = asked.get("variables") or {}
        return [str(given["tenant"])] if "tenant" in given else []


class DefaultsUnchecked(GateApi):
    """Reads the variables that were sent, and not what they are when they are not."""

    def variables(self, document: DocumentNode, asked: Json) -> Json:
        return dict(asked.get("variables") or {})

    def seen(self, document: DocumentNode, asked: Json, method: str) -> list[str]:
        return [each for each in super().seen(document, asked, method) if each not in {"None", "Undefined"}]


class FirstOperationOnly(GateApi):
    """Reads the first operation of a document, whichever is to be executed."""

    def operations(self, document: DocumentNode, asked: Json) -> list[OperationDefinitionNode]:
        return super().operations(document, asked)[:1]


class FirstFieldOnly(GateApi):
    """Reads the first field of a query."""

    def fields(self, document: DocumentNode, selected: SelectionSetNode) -> list[FieldNode]:
        return super().fields(document, selected)[:1]


class FragmentsUnchecked(GateApi):
    """Reads fields alone."""

    def spread(self, document: DocumentNode, each: Any) -> list[FieldNode]:
        return []


class FirstOfBatchOnly(GraphqlApi):
    """Checks the first operation of a batch."""

    def reply(self, caller: str, asked: Json, method: str) -> tuple[int, Json]:
        return super().reply("" if method == "batch" else caller, asked, method)

    def may(self, caller: str, tenant: str) -> bool:
        return caller in {"", tenant}


class GetUnchecked(GraphqlApi):
    """Checks what comes in a body."""

    def reply(self, caller: str, asked: Json, method: str) -> tuple[int, Json]:
        return super().reply("" if method == "GET" else caller, asked, method)

    def may(self, caller: str, tenant: str) -> bool:
        return caller in {"", tenant}


class NodesUnchecked(GraphqlApi):
    """Has a second door, and no gate there."""

    def may_see_node(self, caller: str, owner: str) -> bool:
        return True


class ById(GraphqlApi):
    """Checks the tenant that is named, and looks the record up by its id alone."""

    def found(self, tenant: str, ident: str) -> Json | None:
        for own in self.records.values():
            if ident in own:
                return {"id": ident, "note": own[ident]}
        return self.withheld()


class Silent(GraphqlApi):
    """Withholds a record without an error."""

    def withheld(self) -> Json | None:
        return None


class OtherCode(GraphqlApi):
    """Refuses with a code that nobody agreed on."""

    def withheld(self) -> Json | None:
        raise GraphQLError("broken", extensions={"code": "INTERNAL_SERVER_ERROR"})


class PostOnly(GraphqlApi):
    """Serves neither batches nor GET, as many do."""

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if urlsplit(url).path == "/graphql" and (method != "POST" or body.startswith(b"[")):
            return 405, {"errors": [{"message": "POST one operation"}]}
        return super().answer(method, url, headers, body)
