"""The legal path to support access as most products have it; a profile says where another product's differs.

A step's body is JSON in which these placeholders stand for values: {tenant}, {seconds}, {step} (of which a challenge is
asked for), {id}, {digest}, {challenge} and {signature}. A string that is a placeholder and nothing else becomes the
value itself, so "{seconds}" becomes a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]  # JSON

PATH = ("request", "approve", "activate")
ENDINGS: Mapping[tuple[str, str], str] = {
    ("requested", "deny"): "denied",
    ("requested", "withdraw"): "withdrawn",
    ("approved", "withdraw"): "withdrawn",
    ("approved", "revoke"): "revoked",
    ("active", "revoke"): "revoked",
}
"""(state, step) to the final state that it leads to; nothing leads out of a final state."""
STATES: Mapping[str, str] = {"request": "requested", "approve": "approved", "activate": "active"}
"""Step of the path to the state that it leads to; the last step of any path leads to "active"."""
ACTORS: Mapping[str, str] = {
    "request": "asker",
    "approve": "approver",
    "activate": "asker",
    "deny": "approver",
    "withdraw": "asker",
    "revoke": "approver",
}
_FACTOR = {"challenge": "{challenge}", "signature": "{signature}"}
BODIES: Mapping[str, Body] = {
    "request": {
        "tenant_id": "{tenant}",
        "scope": ["attributions:read"],
        "duration_seconds": "{seconds}",
        "reason": "isolation audit",
        "ticket": "AUDIT-1",
    },
    "challenge": {"verb": "{step}"},
    "approve": {"digest": "{digest}", "mfa": _FACTOR},
    "activate": {"mfa": _FACTOR},
}
ANSWERS: Mapping[str, str] = {
    "id": "id",
    "digest": "digest",
    "state": "state",
    "ends": "ends_at",
    "seconds": "duration_seconds",
    "challenge": "challenge",
    "challenge_ends": "expires_at",
}
FACTOR_MESSAGE = "venturi-mfa/1\n{step}\n{id}\n{digest}\n{challenge}"
