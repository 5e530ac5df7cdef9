"""The probe of event streams against real brokers: one that keeps tenants apart, one that doesn't, one that is dead."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from tenantproof.clients.target import Target
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import ABSENT, ALIKE, PERMITTED, PRESENT, REFUSED, UNANSWERED
from tenantproof.model.profile import Secret
from tenantproof.model.streams_profile import Kafka, StreamLogin, TenantStream
from tenantproof.probes.event_streams import EventStreams
from venturi.streams.build import Streams
from venturi.streams.settings import StreamLogin as Lent
from venturi.streams.tenancy import SUPPORT, Stream


def kafka_of(streams: Streams, folder: Path) -> Kafka:
    """The profile's table for a broker, with secrets in files."""
    ca = folder / "ca.pem"
    ca.write_text(streams.ingest.broker.ca)

    def login(lent: Lent) -> StreamLogin:
        path = folder / lent.user
        path.write_text(lent.password)
        return StreamLogin(user=lent.user, password=Secret(file=str(path)))

    tenants = {
        tenant: TenantStream(
            topic=Stream(tenant).topic,
            group=Stream(tenant).group,
            producer=login(streams.ingest.producers[tenant]),
            consumer=login(streams.resolver.consumers[tenant]),
        )
        for tenant in streams.ingest.producers
    }
    auditor = login(streams.auditor)
    return Kafka(bootstrap=streams.broker.address, ca=str(ca), tenants=tenants, auditor=auditor, support=(SUPPORT,))


@contextlib.contextmanager
def probing(broker: Kafka, *, hosts: tuple[str, ...] | None = None, seconds: float = 6.0) -> Iterator[EventStreams]:
    safety = SimpleNamespace(hosts=(broker.bootstrap,) if hosts is None else hosts, timeout_seconds=seconds)
    pace = SimpleNamespace(wait=lambda: None)
    target: Any = SimpleNamespace(profile=SimpleNamespace(kafka=broker, safety=safety), wire=SimpleNamespace(pace=pace))
    probe = EventStreams(cast("Target", target))
    try:
        yield probe
    finally:
        probe.close()


def outcomes(observations: Iterator[Observation]) -> dict[tuple[str, str], object]:
    return {(seen.unit.operation, seen.unit.vector): seen.outcome for seen in observations if seen.unit}


def test_tenants_that_are_kept_apart_are_seen_to_be(streams: Streams, tmp_path: Path) -> None:
    with probing(kafka_of(streams, tmp_path)) as probe:
        for tenant in probe.tenants:
            assert probe.plant(tenant).outcome is PERMITTED
            assert probe.own_read(tenant).outcome is PERMITTED
            assert probe.own_group(tenant).outcome is PERMITTED
            assert probe.own_listing(tenant).outcome is PRESENT
            assert probe.wrong_password(tenant).outcome is REFUSED
        assert {seen.outcome for seen in probe.own_rights()} == {PRESENT}
        assert {seen.outcome for seen in probe.rights_of_others()} == {ABSENT}
        for attacker, victim in probe.pairs:
            assert set(outcomes(probe.crossings(attacker, victim)).values()) == {REFUSED}
            assert set(outcomes(probe.listings(attacker, victim)).values()) == {ABSENT}
            assert probe.foreign_or_absent(attacker, victim).outcome is ALIKE


def test_a_namesake_behind_a_prefix_is_seen_to_get_in(prefixed: Streams, tmp_path: Path) -> None:
    with probing(kafka_of(prefixed, tmp_path)) as probe:
        for tenant in probe.tenants:
            probe.plant(tenant)
        seen = outcomes(probe.crossings("acme", "acme-eu"))
        assert seen["produce", "producer"] is PERMITTED
        assert seen["consume", "consumer"] is PERMITTED
        assert seen["describe", "producer"] is PERMITTED
        assert seen["join", "consumer"] is PERMITTED
        assert PRESENT in outcomes(probe.listings("acme", "acme-eu")).values()
        rights = {seen.unit.victim: seen.outcome for seen in probe.rights_of_others() if seen.unit}
        assert rights == {"acme": ABSENT, "acme-eu": PRESENT, "globex": ABSENT}
        assert set(outcomes(probe.crossings("acme-eu", "acme")).values()) == {REFUSED}


def test_without_an_auditors_login_the_permissions_are_not_judged(streams: Streams, tmp_path: Path) -> None:
    lent = kafka_of(streams, tmp_path)
    with probing(msgspec.structs.replace(lent, auditor=None)) as probe, probing(lent) as audited:
        assert [*probe.own_rights(), *probe.rights_of_others()] == []
        assert audited.units == probe.units + len(probe.tenants)


def test_who_may_read_topics_may_not_read_the_permissions(streams: Streams, tmp_path: Path) -> None:
    lent = kafka_of(streams, tmp_path)
    blind = msgspec.structs.replace(lent, auditor=lent.tenants["acme"].consumer)
    with probing(blind) as probe:
        assert {seen.outcome for seen in probe.own_rights()} == {ABSENT}, "the calibration is to fail"
        assert {seen.outcome for seen in probe.rights_of_others()} == {UNANSWERED}


def test_a_broker_that_is_not_there_refuses_nothing(streams: Streams, tmp_path: Path) -> None:
    dead = msgspec.structs.replace(kafka_of(streams, tmp_path), bootstrap="127.0.0.1:1")
    with probing(dead, seconds=0.6) as probe:
        seen = [probe.plant("acme"), probe.wrong_password("acme"), *probe.crossings("acme", "globex")]
        seen += [*probe.listings("acme", "globex"), probe.foreign_or_absent("acme", "globex")]
        seen += [*probe.own_rights(), *probe.rights_of_others()]
        assert {observation.outcome for observation in seen} == {UNANSWERED}


def test_a_broker_that_the_profile_does_not_allow_is_not_contacted(streams: Streams, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not in safety\.hosts"), probing(kafka_of(streams, tmp_path), hosts=()):
        pass
