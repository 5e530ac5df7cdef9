"""The trail event of a step at the support desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from venturi.support.errors import SupportError
from venturi.support.model import Person, SupportRequest, stamp
from venturi.trail.event import hashed

Context: TypeAlias = Mapping[str, Any]  # JSON
"""Where a step came from: `trace_id`, `parent_id` and `request_id`, or whole members of an event (`trace`, `source`,
`request`)."""

_TRACE = ("trace_id", "parent_id", "request_id")
_MEMBERS = ("source", "request", "code")


def record(
    action: str,
    request: SupportRequest,
    who: Person | None,
    context: Context | None,
    now: float,
    *,
    refused: SupportError | None = None,
    factor: bool = False,
) -> dict[str, Any]:  # JSON
    """The event: who did what to which request, and what the desk said. Without `who`, the clock did it.

    The tenant reads this trail, so the vendor's ticket and people stand in it; the reason, free text, is hashed.
    """
    known = context or {}
    return {
        "schema": "venturi.event/1",
        "kind": "support",
        "action": action,
        "ts_event": stamp(now),
        "tenant_actor": who.tenant if who else None,
        "tenant_target": request.tenant,
        "actor": _actor(who, now, factor=factor),
        "grant": _grant(request),
        "trace": known.get("trace") or {name: known[name] for name in _TRACE if name in known},
        "object": {"type": "support_request", "id_hash": hashed(request.id), "count": 1},
        "decision": _decision(refused),
        **{name: known[name] for name in _MEMBERS if name in known},
    }


def _actor(who: Person | None, now: float, *, factor: bool) -> dict[str, Any]:
    if who is None:
        return {"type": "clock"}
    proven = {"mfa_kind": "es256", "mfa_at": stamp(now)} if factor else {"mfa_kind": None, "mfa_at": None}
    return {
        "type": who.kind,
        "id": who.id,
        "person": who.person,
        "auth_method": "bearer",
        "scopes": sorted(who.scopes),
        **proven,
    }


def _grant(request: SupportRequest) -> dict[str, Any]:
    return {
        "request_id": request.id,
        "state": request.state,
        "digest": request.digest,
        "scope": list(request.scope),
        "duration_seconds": request.duration,
        "ticket": request.ticket,
        "reason_hash": hashed(request.reason),
        "requester": request.requester,
        "approvers": [] if request.approver is None else [request.approver],
        "expires": stamp(request.ends_at),
    }


def _decision(refused: SupportError | None) -> dict[str, Any]:
    if refused is None:
        return {"outcome": "allow", "rule": None, "reason": None}
    return {"outcome": "deny", "rule": refused.code, "reason": refused.message}
