"""Events that a tenant has sent to itself: no other's are among them (X088), nor can be had sent again (X089)."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from tenantproof.clients.canaries import new_canary
from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.clients.listener import Listener, Said, listening
from tenantproof.clients.target import Target
from tenantproof.model import webhooks_profile
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR
from tenantproof.model.profile import Operation
from tenantproof.probes.access_bodies import filled
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.sighting import carried_out, json_object, sight

_REFUSALS = frozenset({400, 403, 404, 409, 410})
_PAUSE_SECONDS = 0.05
_LONGEST_MOMENT = 1.0


@dataclass
class Hook:
    """Where a tenant has its events sent, and the event that it was made to send itself."""

    path: str
    canary: str
    request: Request
    answer: Answer
    ident: str = ""


class Webhooks(Pairwise):
    """Has every tenant's events sent to a server of ours. Without [webhooks] in the profile there is nothing to try."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    uses: ClassVar[frozenset[str]] = frozenset({"webhooks"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._hooks: dict[str, Hook] = {}
        self._listener: Listener | None = None

    @property
    def units(self) -> int:
        """How many things are tried."""
        return len(self.pairs) * (3 if self.tenants and self._table.replay else 1)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while the block lasts; nothing of it is left at the target then."""
        if not self.tenants:
            yield
            return
        with listening(lambda _url, _target: Said()) as self._listener:
            try:
                yield
            finally:
                self._unregister()

    def register(self, tenant: str) -> Observation:
        """A tenant names our server for its events: permitted, if the target takes it."""
        assert self._listener
        path = f"/{secrets.token_hex(8)}"
        body = filled(self._table.body, {"url": self._listener.url + path})
        request, answer = self._send(self._table.register, tenant, body=body)
        hook = Hook(path, new_canary(), request, answer, _ident(answer, self._table.member))
        self._hooks[tenant] = hook
        return carried_out(f"{tenant} names a URL for its events", request, answer)

    def own_event(self, tenant: str) -> Observation:
        """A tenant makes an event, which arrives where it had it sent: permitted."""
        hook = self._hooks[tenant]
        body = filled(self._table.event, {"canary": hook.canary, "tenant": tenant})
        request, answer = self._send(self._table.trigger, tenant, body=body)
        deadline = time.monotonic() + self._table.seconds
        while not (came := self._came(tenant, of=tenant)) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        outcome = PERMITTED if came else UNCLEAR if answer.is_whole else UNANSWERED
        note = "it arrived" if came else f"nothing of it arrived within {self._table.seconds:g} s"
        return sight(f"{tenant} makes an event and waits for it", request, answer, outcome, notes=[note])

    def settle(self) -> None:
        """Wait a moment for what is sent besides."""
        if self.tenants:
            time.sleep(min(self._table.seconds / 5, _LONGEST_MOMENT))

    def crossing(self, attacker: str, victim: str) -> Observation:
        """Whether the victim's event was sent to the attacker too: permitted, or refused."""
        came, hook = self._came(attacker, of=victim), self._hooks[attacker]
        what = f"{attacker} looks for an event of {victim} where its own are sent"
        unit = Unit(attacker, victim, "webhook", "X088 another's event")
        return sight(what, hook.request, hook.answer, PERMITTED if came else REFUSED, unit=unit)

    def replayed(self, attacker: str, victim: str) -> Iterator[Observation]:
        """The attacker asks under both paths for the victim's delivery to be sent again. Nothing without `replay`."""
        if self._table.replay is None:
            return
        delivery = self._delivery(victim)
        for at, where in ((attacker, "under its own path"), (victim, "under the other's")):
            request, answer = self._send(self._table.replay, at, as_=attacker, ident=delivery)
            refused = answer.status in _REFUSALS and not self._came(attacker, of=victim)
            outcome = REFUSED if refused else PERMITTED if 200 <= answer.status < 300 else UNCLEAR
            if not answer.is_whole:
                outcome = UNANSWERED
            what = f"{attacker} has a delivery of {victim} sent again, {where}"
            unit = Unit(attacker, victim, "replay", f"X089 another's delivery, {where}")
            yield sight(what, request, answer, outcome, unit=unit)

    @property
    def _table(self) -> webhooks_profile.Webhooks:
        assert self.target.profile.webhooks
        return self.target.profile.webhooks

    def _came(self, tenant: str, *, of: str) -> tuple[bytes, ...]:
        """What arrived where the tenant has its events sent, with the canary of the event of another in it."""
        assert self._listener
        path, canary = self._hooks[tenant].path, self._hooks[of].canary.encode()
        return tuple(body for target, body in self._listener.told if target.startswith(path) and canary in body)

    def _delivery(self, tenant: str) -> str:
        said = json_object(next(iter(self._came(tenant, of=tenant)), b""))
        return str(said.get(self._table.delivery, ""))

    def _unregister(self) -> None:
        if self._table.unregister:
            for tenant, hook in self._hooks.items():
                self._send(self._table.unregister, tenant, ident=hook.ident)

    def _send(
        self, operation: Operation, at: str, *, as_: str = "", body: dict[str, Any] | None = None, ident: str = ""
    ) -> tuple[Request, Answer]:
        who = as_ or at
        request = self.target.request(
            operation,
            tenant=at,
            record=ident,
            bearer=self.target.bearer(who, self._table.principal),
            headers=(("Content-Type", "application/json"),) if body is not None else (),
            body=json.dumps(body).encode() if body is not None else b"",
            principal=f"{who}/{self._table.principal}",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)


def _ident(answer: Answer, member: str) -> str:
    return str(json_object(answer.body).get(member, ""))
