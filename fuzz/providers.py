"""Two tenants' ways in, as schemathesis takes them: whoever the operation at hand lets in, of one tenant or the other.

schemathesis authorizes many of its cases as tests are collected, when no deployment is there that could issue a token.
So a provider names the tenant, and the name is exchanged for a token when the case is sent.
"""

from __future__ import annotations

from typing import Any, ClassVar

from schemathesis import AuthContext, Case
from schemathesis.core.parameters import ParameterLocation

from fuzz.callers import Callers, wrong_in


class Own:
    """A tenant on its own paths."""

    callers: ClassVar[Callers]
    """Set once the deployment is there."""

    def get(self, case: Case[Any], context: AuthContext) -> str:
        """The name; empty for an operation that is open to all."""
        del case
        return "" if context.operation.definition.raw.get("security") == [] else type(self).__name__

    def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
        """Write the name where the token will be, unless the headers are wrong on purpose."""
        del context
        if data and not wrong_in(case, ParameterLocation.HEADER):
            case.headers["Authorization"] = data


class Other(Own):
    """Another tenant, on paths where it has no business."""


def exchange(case: Case[Any]) -> None:
    """Put a token of somebody whom the operation lets in where a provider's name is."""
    for provider in (Own, Other):
        if case.headers.get("Authorization") == provider.__name__:
            case.headers["Authorization"] = f"Bearer {provider.callers.bearer(case.operation.definition.raw)}"
