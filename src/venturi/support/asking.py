"""What may be asked for: the limits of a request before anybody is bothered with it."""

from __future__ import annotations

import re
import unicodedata

from venturi.settings import SupportSettings
from venturi.support.errors import refusal
from venturi.trail.event import looks_secret

GRANTABLE = frozenset({"attributions:read"})
"""What support can ever be allowed; never the trail, the desk or the tenant's own settings."""
_TICKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#-]{0,63}", re.ASCII)
_SHORTEST_REASON, _LONGEST_REASON = 8, 500
_LINE_BREAKERS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def check_scope(scope: object) -> tuple[str, ...]:
    """The scope, in order. Raises INVALID_REQUEST unless it is a list of distinct grantable scopes."""
    if not isinstance(scope, list | tuple) or not scope or len(scope) > len(GRANTABLE):
        raise refusal("INVALID_REQUEST", "scope: a list of what may be granted")
    if not all(isinstance(item, str) and item in GRANTABLE for item in scope) or len(set(scope)) != len(scope):
        raise refusal("INVALID_REQUEST", "scope: names what can't be granted, or one thing twice")
    return tuple(sorted(scope))


def check_duration(seconds: object, limits: SupportSettings) -> int:
    """The duration. Raises INVALID_REQUEST unless it is a whole number within the limits."""
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise refusal("INVALID_REQUEST", "duration_seconds: a whole number")
    if not max(1, limits.shortest_seconds) <= seconds <= limits.max_seconds:
        raise refusal("INVALID_REQUEST", "duration_seconds: outside the limits")
    return seconds


def check_reason(reason: object) -> str:
    """The reason. Raises INVALID_REQUEST unless it is one line of text that says something and holds no secret."""
    if not isinstance(reason, str) or not _SHORTEST_REASON <= len(reason) <= _LONGEST_REASON:
        raise refusal("INVALID_REQUEST", f"reason: {_SHORTEST_REASON} to {_LONGEST_REASON} characters")
    if any(unicodedata.category(character) in _LINE_BREAKERS for character in reason):
        raise refusal("INVALID_REQUEST", "reason: one line, without control characters")
    if not any(character.isalpha() for character in reason) or looks_secret(reason):
        raise refusal("INVALID_REQUEST", "reason: words, and no secret")
    return reason


def check_ticket(ticket: object) -> str:
    """The ticket's name. Raises INVALID_REQUEST unless it is a short ASCII name that doesn't look like a secret."""
    if not isinstance(ticket, str) or not _TICKET.fullmatch(ticket) or looks_secret(ticket):
        raise refusal("INVALID_REQUEST", "ticket: up to 64 letters, digits, and . _ / # -")
    return ticket
