"""Tries what separate event streams must withstand: one tenant's logins on another's topic, group and names."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import permutations
from typing import ClassVar

from tenantproof.clients.canaries import new_canary
from tenantproof.clients.exchange import new_probe
from tenantproof.clients.kafka import Reply, Session
from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import (
    ABSENT,
    ALIKE,
    DIFFERENT,
    PERMITTED,
    PRESENT,
    REFUSED,
    UNANSWERED,
    UNCLEAR,
    Outcome,
)
from tenantproof.model.streams_profile import Kafka, StreamLogin, TenantStream
from tenantproof.probes.probe import Probe
from tenantproof.probes.stream_rights import Rights, read_rights

SECONDS = 6.0
"""An act that is neither done nor refused by then is unanswered."""
ACTS = ("produce", "consume", "describe", "create", "join", "list")


class EventStreams(Probe):
    """The tenants' topics, seen through the logins that the profile lends."""

    needs: ClassVar[frozenset[str]] = frozenset({"streams"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._broker = _broker(target)
        self._sessions: dict[tuple[str, str], Session] = {}
        self._planted: dict[str, tuple[int, str]] = {}
        self.tenants = tuple(self._broker.tenants)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every ordered (attacker, victim)."""
        return list(permutations(self.tenants, 2))

    @property
    def units(self) -> int:
        """How many units there are to try: what every pair is tried with, and a guess at every tenant's password."""
        by_role = (len(ACTS) - 1) * 2
        audited = len(self.tenants) if self._broker.auditor else 0
        return len(self.pairs) * (by_role + 2) + len(self.tenants) + audited

    def plant(self, tenant: str) -> Observation:
        """The tenant's own producer appends a message that nobody could guess."""
        stream, nonce = self._stream(tenant), new_canary()
        reply = self._session(tenant, "producer").produce(stream.topic, nonce.encode())
        self._planted[tenant] = (reply.offset, nonce)
        return self._seen(f"{tenant} writes to its own topic", reply, _done(reply), stream.producer)

    def own_read(self, tenant: str) -> Observation:
        """The tenant's own consumer reads what was planted."""
        return self._read(tenant, tenant)

    def own_listing(self, tenant: str) -> Observation:
        """The tenant is shown its own topic, so a listing shows what there is."""
        return self._listing(tenant, tenant, "consumer")

    def own_group(self, tenant: str) -> Observation:
        """The tenant's own consumer joins its own group."""
        stream = self._stream(tenant)
        reply = self._session(tenant, "consumer").join(stream.group, stream.topic)
        return self._seen(f"{tenant} joins its own group", reply, _done(reply), stream.consumer)

    def crossings(self, attacker: str, victim: str) -> Iterator[Observation]:
        """Every act of the attacker's logins on what is the victim's, each to be refused. Plant the victim's first."""
        mine, theirs = self._stream(attacker), self._stream(victim)
        for role in ("producer", "consumer"):
            session = self._session(attacker, role)
            yield self._crossing(
                attacker, victim, "produce", role, session.produce(theirs.topic, b"forged by a neighbour")
            )
            yield self._read(attacker, victim, role)
            yield self._crossing(attacker, victim, "describe", role, session.describe(theirs.topic))
            shadow = f"{theirs.topic}.shadow"
            yield self._crossing(attacker, victim, "create", role, session.create(shadow))
        joined = self._session(attacker, "consumer").join(theirs.group, mine.topic)
        yield self._crossing(attacker, victim, "join", "consumer", joined)

    def listings(self, attacker: str, victim: str) -> Iterator[Observation]:
        """Whether the names of the victim's topic or group are among those that the attacker is shown."""
        for role in ("producer", "consumer"):
            yield self._listing(attacker, victim, role)

    def foreign_or_absent(self, attacker: str, victim: str) -> Observation:
        """Whether a foreign topic can be told from one that does not exist."""
        session, theirs = self._session(attacker, "consumer"), self._stream(victim)
        foreign = session.describe(theirs.topic)
        absent = session.describe(f"absent-{secrets.token_hex(6)}.events")
        said = [(reply.refused, reply.said) for reply in (foreign, absent)]
        outcome = UNANSWERED if foreign.failure or absent.failure else ALIKE if said[0] == said[1] else DIFFERENT
        unit = Unit(attacker, victim, "describe", "foreign or absent")
        what = f"{attacker} asks for the topic of {victim} and for one that nobody has"
        return self._seen(what, foreign, outcome, session.login, unit, notes=(f"absent: {absent.refused}",))

    def wrong_password(self, tenant: str) -> Observation:
        """The tenant's user with a password that is not its own."""
        session = self._session(tenant, "consumer")
        stranger = session.with_password(secrets.token_urlsafe(16))
        try:
            reply = stranger.names()
        finally:
            stranger.close()
        unit = Unit("", tenant, "log in", "wrong password")
        return self._seen(f"somebody guesses at the password of {session.login.user}", reply, _done(reply), None, unit)

    def close(self) -> None:
        """Log out everywhere."""
        for session in self._sessions.values():
            session.close()

    @cached_property
    def _rights(self) -> Rights | None:
        return read_rights(self._broker, self._seconds)

    def own_rights(self) -> Iterator[Observation]:
        """Where the broker's permissions may be read: each tenant's own users are among those who hold some."""
        if (rights := self._rights) is None:
            return
        for tenant in self.tenants:
            what = f"the broker's permissions name the users of {tenant}"
            yield self._seen(what, rights.reply, rights.of_own(self._stream(tenant)), self._broker.auditor)

    def rights_of_others(self) -> Iterator[Observation]:
        """Where the broker's permissions may be read: whether anybody else holds something on a tenant's stream."""
        if (rights := self._rights) is None:
            return
        for tenant in self.tenants:
            outcome, notes = rights.of_others(self._stream(tenant))
            what = f"somebody else may do something with the stream of {tenant}"
            unit = Unit("others", tenant, "permissions", "broker")
            yield self._seen(what, rights.reply, outcome, self._broker.auditor, unit, notes=notes)

    def _read(self, attacker: str, victim: str, role: str = "consumer") -> Observation:
        offset, nonce = self._planted.get(victim, (-1, ""))
        session = self._session(attacker, role)
        reply = session.consume(self._stream(victim).topic, max(offset, 0), self._stream(attacker).group)
        if attacker != victim:
            return self._crossing(attacker, victim, "consume", role, reply)
        # To see means to get back what was planted, not merely something.
        outcome = PERMITTED if nonce and reply.said == (nonce,) else _done(replace(reply, said=()))
        return self._seen(f"{attacker} reads its own topic", reply, outcome, session.login)

    def _listing(self, attacker: str, victim: str, role: str) -> Observation:
        session, theirs = self._session(attacker, role), self._stream(victim)
        reply = session.names()
        shown = {theirs.topic, theirs.group} & set(reply.said)
        outcome = PRESENT if shown else UNANSWERED if reply.failure or reply.refused else ABSENT
        unit = None if attacker == victim else Unit(attacker, victim, "list", role)
        what = f"{attacker} ({role}) looks for names of {victim} in its listing"
        return self._seen(what, reply, outcome, session.login, unit, notes=tuple(sorted(shown)))

    def _crossing(self, attacker: str, victim: str, act: str, role: str, reply: Reply) -> Observation:
        login = self._session(attacker, role).login
        what = f"{attacker} ({role}) tries to {act} at {victim}"
        return self._seen(what, reply, _done(reply), login, Unit(attacker, victim, act, role))

    def _stream(self, tenant: str) -> TenantStream:
        return self._broker.tenants[tenant]

    def _session(self, tenant: str, role: str) -> Session:
        self.target.wire.pace.wait()
        if (tenant, role) not in self._sessions:
            stream = self._stream(tenant)
            login = stream.producer if role == "producer" else stream.consumer
            self._sessions[tenant, role] = Session(self._broker, login, self._seconds)
        return self._sessions[tenant, role]

    @property
    def _seconds(self) -> float:
        return min(SECONDS, self.target.profile.safety.timeout_seconds)

    def _seen(
        self,
        what: str,
        reply: Reply,
        outcome: Outcome,
        login: StreamLogin | None,
        unit: Unit | None = None,
        *,
        notes: tuple[str, ...] = (),
    ) -> Observation:
        said = reply.refused or reply.failure or f"{len(reply.said)} answers"
        return Observation(
            probe=new_probe(),
            what=what,
            outcome=outcome,
            principal=login.user if login else "",
            request=f"kafka://{self._broker.bootstrap}",
            response=one_line(said),
            response_digest=digest(repr(reply.said)),
            at=reply.at,
            seconds=reply.seconds,
            unit=unit,
            notes=tuple(one_line(note) for note in notes),
        )


def _broker(target: Target) -> Kafka:
    broker = target.profile.kafka
    if broker is None:
        raise UsageError("the profile has no [kafka]; add it, or leave out the claims that need streams")
    if broker.bootstrap not in target.profile.safety.hosts:
        raise UsageError(f"kafka.bootstrap {broker.bootstrap} is not in safety.hosts; add it there to allow contact")
    return broker


def _done(reply: Reply) -> Outcome:
    """Refused when the broker itself said no; silence is no refusal."""
    if reply.refused:
        return REFUSED
    if reply.failure:
        return UNANSWERED
    return PERMITTED if reply.said else UNCLEAR
