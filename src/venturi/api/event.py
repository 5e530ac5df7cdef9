"""The trail event of a request: its full context, with every value hashed and every shape kept."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

from venturi.api.answer import Answer
from venturi.api.exchange import Exchange, hashed
from venturi.support.model import stamp

Event: TypeAlias = dict[str, Any]
"""JSON, as it goes into the trail."""

SCHEMA = "venturi.event/1"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_MOST_NAMES = 40
_NO_AGENT = hashed("")
_address = lru_cache(256)(hashed)  # many requests come from one
_SLUG = re.compile(r"[a-z][a-z0-9-]{1,30}", re.ASCII)
_MEDIA_TYPES = frozenset({"application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})


def event_of(exchange: Exchange, answer: Answer, version: str) -> Event:
    """Everything that the trail keeps of a request and its answer. No token, body, id or address in the clear."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return {
        "schema": SCHEMA,
        "kind": "request",
        "log_id": exchange.id,
        "ts_event": now,
        "tenant_actor": exchange.principal.tenant if exchange.principal else None,
        "tenant_target": None if exchange.target is None else _named(exchange.target),
        "actor": _actor(exchange),
        "grant": _grant(exchange),
        "source": _source(exchange),
        "request": _request(exchange),
        "trace": {
            "trace_id": exchange.trace.trace_id,
            "parent_id": exchange.trace.parent_id,
            "request_id": exchange.id,
        },
        "object": _object(exchange, answer),
        "decision": _decision(exchange),
        "result": {
            "http_status": answer.status,
            "rows": answer.rows,
            "bytes": len(answer.body),
            "latency_us": round((time.perf_counter() - exchange.began) * 1_000_000),
        },
        "code": {"service": "venturi-api", "version": version},
    }


def _named(tenant: str) -> str:
    # What looks like a tenant's id is kept whether or not there is such a tenant; the trail must not tell which.
    return tenant if _SLUG.fullmatch(tenant) else hashed(tenant)


def _actor(exchange: Exchange) -> Event:
    who = exchange.principal
    if who is None:
        return {"type": "unauthenticated"}
    return {
        "type": who.kind,
        "id": who.id,
        "person": who.person,
        "auth_method": "bearer",
        "scopes": sorted(who.scopes),
    }


def _grant(exchange: Exchange) -> Event | None:
    if exchange.grant is None:
        return None
    return {
        "request_id": exchange.grant.request_id,
        "digest": exchange.grant.digest,
        "ticket": exchange.grant.ticket,
        "approvers": [exchange.grant.approver],
        "expires": stamp(exchange.grant.ends_at),
    }


def _source(exchange: Exchange) -> Event:
    client, agents = exchange.request.scope.get("client"), exchange.given("user-agent")
    return {
        "ip_hash": _address(client[0]) if client else None,
        "forwarded_hops": len(exchange.given("x-forwarded-for")) + len(exchange.given("forwarded")),
        "user_agent_hash": hashed(agents[0]) if agents else _NO_AGENT,
    }


def _request(exchange: Exchange) -> Event:
    types = exchange.given("content-type")
    media = types[0].partition(";")[0].strip().lower() if types else ""
    names = exchange.query_names()
    known = exchange.route.query if exchange.route else frozenset()
    return {
        "method": exchange.method if exchange.method in _METHODS else "other",
        "route_template": exchange.route.template if exchange.route else None,
        "path_hash": hashed(exchange.path),
        # A client may put anything into a name too.
        "query_keys": [name if name in known else hashed(name) for name in names[:_MOST_NAMES]],
        "query_count": len(names),
        "body_sha256": hashed(exchange.body) if exchange.body else None,
        "size": len(exchange.body),
        "content_type": media if media in _MEDIA_TYPES else (hashed(media) if media else None),
    }


def _object(exchange: Exchange, answer: Answer) -> Event:
    ident = exchange.params.get("id")
    return {
        "type": exchange.route.kind if exchange.route else None,
        "id_hash": hashed(ident) if ident is not None else None,
        "count": answer.rows,
    }


def _decision(exchange: Exchange) -> Event:
    if exchange.refused is None:
        return {"outcome": "allow", "rule": None, "reason": None}
    return {"outcome": "deny", "rule": exchange.refused.code, "reason": exchange.refused.why or None}
