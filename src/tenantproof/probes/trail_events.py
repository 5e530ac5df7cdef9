"""Reads tenants' audit trails and finds the events of a probe in them, whatever the events' members are called."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tenantproof.clients.canaries import stands_in
from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target
from tenantproof.model.outcome import ABSENT, PRESENT, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.sighting import json_object, new_probe

PATIENCE = 0.3
"""The part of the profile's timeout that an event may take to appear: 3 s of the usual 10 s."""
_FIRST_PAUSE = 0.05
_PAGE = 100
_MOST_PAGES = 50
_CLOCK_SKEW = 300.0
_ACTOR = re.compile(r"actor|principal|subject|client|person|human|user", re.IGNORECASE)
_CLOCK = re.compile(r"(?:^|[._])(?:ts|at|when)(?:[._]|$)|time", re.IGNORECASE)
_DENIALS = {"deny", "denied", "refuse", "refused", "reject", "rejected", "block", "blocked", "forbidden"}

Leaf = tuple[str, object]
"""A value of an event and the path of the members that lead to it."""


@dataclass(frozen=True)
class Sought:
    """What an event has to tell of: a probe, how it was asked, how it was answered, and with what code if refused."""

    probe: str
    method: str
    route: str
    answer: Answer
    code: str


@dataclass(frozen=True)
class TrailReading:
    """What a look into a trail came to, with the last exchange that it took."""

    outcome: Outcome
    request: Request
    answer: Answer
    events: Sequence[object] = ()
    notes: tuple[str, ...] = ()


def _patience(target: Target) -> float:
    return PATIENCE * target.profile.safety.timeout_seconds


def trail_size(target: Target, tenant: str) -> int:
    """How many events the tenant's trail has by its own account; 0 when it does not say, or there is none."""
    if "trail" not in target.capabilities:
        return 0
    request = target.request(
        target.operation("trail"),
        tenant=tenant,
        query="limit=1",
        bearer=target.bearer(tenant),
        principal=f"{tenant}/reader",
        probe=new_probe(),
    )
    size = json_object(target.wire.send(request).body).get("size")
    return size if isinstance(size, int) else 0


class TrailReader:
    """Reads a tenant's trail as its own reader."""

    def __init__(self, target: Target, patience: float | None = None) -> None:
        self._target, self._patience = target, _patience(target) if patience is None else patience

    def find(self, tenant: str, sought: Sought) -> TrailReading:
        """Present, if the trail has an event of the probe that tells all of it; waits for one to appear."""
        reading = self.appear(tenant, sought)
        if reading.outcome is not PRESENT:
            return reading
        missing = min((untold(event, sought) for event in reading.events), key=len)
        if missing:
            return replace(reading, outcome=UNCLEAR, notes=(f"the event says nothing of: {', '.join(missing)}",))
        return reading

    def appear(self, tenant: str, sought: Sought) -> TrailReading:
        """Present, if the trail has any event of the probe; waits for one to appear."""
        deadline, pause = time.monotonic() + self._patience, _FIRST_PAUSE
        while (reading := self.miss(tenant, sought)).outcome is ABSENT and time.monotonic() + pause < deadline:
            time.sleep(pause)
            pause *= 2
        return reading

    def miss(self, tenant: str, sought: Sought) -> TrailReading:
        """Present, if the trail has any event of the probe now; the outcome that is hoped for is absent."""
        reading = self._read(tenant, sought.probe)
        if reading.outcome is not PRESENT:
            return reading
        events = [event for event in reading.events if _is_of(event, sought.probe)]
        return replace(reading, outcome=PRESENT if events else ABSENT, events=events)

    def spill(self, tenant: str, sought: Sought, secrets: Iterable[str]) -> TrailReading:
        """Present, if an event of the probe holds one of the secrets; absent, if there are events and none does."""
        reading = self.miss(tenant, sought)
        if reading.outcome is not PRESENT:
            return replace(reading, outcome=UNCLEAR, notes=("no event to look into",)) if not reading.notes else reading
        text = json.dumps(reading.events, ensure_ascii=False)
        spilled = sum(stands_in(secret, text) for secret in secrets)
        if spilled:
            return replace(reading, notes=(f"{spilled} secrets stand in the event",))
        return replace(reading, outcome=ABSENT)

    def _read(self, tenant: str, probe: str) -> TrailReading:
        """All events of the trail that the target offers for the probe: present, if the trail could be read."""
        events: list[object] = []
        after: int | None = None
        for _ in range(_MOST_PAGES):
            query = {"trace_id": probe, "limit": _PAGE, **({} if after is None else {"after": after})}
            request = self._target.request(
                self._target.operation("trail"),
                tenant=tenant,
                query=urlencode(query),
                bearer=self._target.bearer(tenant),
                principal=f"{tenant}/reader",
                probe=new_probe(),
            )
            answer = self._target.wire.send(request)
            page = json_object(answer.body)
            found = page.get("events")
            if not answer.is_whole:
                return TrailReading(UNANSWERED, request, answer, notes=(answer.failure or answer.malformed,))
            if answer.status != 200 or not isinstance(found, list):
                return TrailReading(UNCLEAR, request, answer, notes=(f"the trail was answered {answer.status}",))
            events += found
            following = page.get("next")
            if not found or not isinstance(following, int) or following == after:
                return TrailReading(PRESENT, request, answer, events)
            after = following
        return TrailReading(UNCLEAR, request, answer, events, (f"the trail has more than {_MOST_PAGES} pages",))


def untold(event: object, sought: Sought) -> list[str]:
    """What of a request's full context the event leaves out; empty when it tells everything.

    Wanted are the method, the route, who asked, the status, the decision with its reason, and the time. Values may be
    hashed and members called anything; the shape of the request may not be lost.
    """
    leaves = list(_leaves(event))
    texts = [str(value) for _, value in leaves if isinstance(value, str | int) and not isinstance(value, bool)]
    told = {
        "the method": any(text.upper() == sought.method for text in texts),
        "the route": any(_is_route(text, sought.route) for text in texts),
        "who asked": any(_ACTOR.search(path) and isinstance(value, str) and value for path, value in leaves),
        "the status": str(sought.answer.status) in texts,
        "the time": any(_CLOCK.search(path) and _is_near(value, sought.answer.at) for path, value in leaves),
    }
    if sought.code:
        told["the decision"] = any(text.lower() in _DENIALS for text in texts)
        told["the reason"] = any(sought.code.lower() in text.lower() for text in texts)
    return [name for name, is_told in told.items() if not is_told]


def _is_of(event: object, probe: str) -> bool:
    """Whether the event belongs to the probe: a member is its trace id, or a traceparent with it.

    Nothing less will do: a trail may record the query of somebody who looks for the trace id.
    """
    return any(
        isinstance(value, str) and (value.lower() == probe or value.lower().startswith(f"00-{probe}-"))
        for _, value in _leaves(event)
    )


def _leaves(value: Any, path: str = "") -> Iterator[Leaf]:  # noqa: ANN401  # the JSON is the target's
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, path)
    else:
        yield path, value


def _is_route(text: str, route: str) -> bool:
    """Whether the text is the route, as a template with any names or with its values filled in."""
    pattern = re.sub(r"\\\{[a-z_]+\\\}", "[^/?#]+", re.escape(route))
    return re.fullmatch(rf"(?:[A-Z]+ )?{pattern}(?:\?.*)?", text) is not None


def _is_near(value: object, at: float) -> bool:
    """Whether the value is a time about `at`: RFC 3339, or Unix time in seconds down to nanoseconds."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return False
        # A time without a zone says no moment.
        return moment.tzinfo is not None and abs(moment.timestamp() - at) < _CLOCK_SKEW
    if isinstance(value, int | float) and not isinstance(value, bool):
        return any(abs(value / scale - at) < _CLOCK_SKEW for scale in (1, 10**3, 10**6, 10**9))
    return False
