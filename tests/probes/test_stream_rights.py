"""What the broker's permissions come to: literal names, prefixes, the star, the cluster, and denials."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenantproof.clients.kafka import Binding, Reply
from tenantproof.model.outcome import ABSENT, PRESENT, UNANSWERED
from tenantproof.model.profile import Secret
from tenantproof.model.streams_profile import StreamLogin, TenantStream
from tenantproof.probes.stream_rights import Rights

WORD = Secret(env="UNUSED")
STREAM = TenantStream(
    topic="acme.events",
    group="acme.stage-a",
    producer=StreamLogin(user="acme.ingest", password=WORD),
    consumer=StreamLogin(user="acme.resolver", password=WORD),
)
OWN = (
    Binding("User:acme.ingest", "ALLOW", "WRITE", "TOPIC", "acme.events", "LITERAL"),
    Binding("User:acme.resolver", "ALLOW", "READ", "TOPIC", "acme.events", "LITERAL"),
)
ELSE = Binding("User:reports", "ALLOW", "READ", "TOPIC", "acme.events", "LITERAL")
DENIED = replace(ELSE, permission="DENY")


def rights(*bindings: Binding) -> Rights:
    return Rights(Reply(), (*OWN, *bindings))


def test_the_tenants_own_users_are_no_others() -> None:
    assert rights().of_own(STREAM) is PRESENT
    assert rights().of_others(STREAM) == (ABSENT, ())


@pytest.mark.parametrize(
    "binding",
    [
        ELSE,
        replace(ELSE, name="*"),
        replace(ELSE, name="acme", pattern="PREFIXED"),
        replace(ELSE, operation="DESCRIBE"),
        replace(ELSE, principal="User:*"),
        replace(ELSE, kind="GROUP", name="acme.stage-a"),
        replace(ELSE, kind="BROKER", name="kafka-cluster", operation="ALTER"),
    ],
    ids=str,
)
def test_who_else_holds_something_is_found(binding: Binding) -> None:
    outcome, notes = rights(binding).of_others(STREAM)
    assert outcome is PRESENT
    assert notes == (str(binding),)


@pytest.mark.parametrize(
    "binding",
    [
        replace(ELSE, name="acme-eu.events"),
        replace(ELSE, name="acme.eventsource", pattern="PREFIXED"),
        replace(ELSE, kind="GROUP"),
        replace(ELSE, kind="BROKER", name="kafka-cluster", operation="DESCRIBE"),
        DENIED,
    ],
    ids=str,
)
def test_what_is_about_something_else_is_nothing(binding: Binding) -> None:
    assert rights(binding).of_others(STREAM) == (ABSENT, ())


@pytest.mark.parametrize(
    ("denial", "undoes"),
    [
        (DENIED, True),
        (replace(DENIED, operation="ALL"), True),
        (replace(DENIED, principal="User:*"), True),
        (replace(DENIED, name="*"), True),
        (replace(DENIED, name="acme", pattern="PREFIXED"), True),
        (replace(DENIED, operation="WRITE"), False),
        (replace(DENIED, principal="User:somebody"), False),
        (replace(DENIED, name="acme.other"), False),
        (replace(DENIED, kind="GROUP"), False),
    ],
    ids=str,
)
def test_a_denial_undoes_what_it_covers(denial: Binding, undoes: bool) -> None:
    assert rights(ELSE, denial).of_others(STREAM)[0] is (ABSENT if undoes else PRESENT)


def test_a_denial_of_less_than_what_is_allowed_undoes_nothing() -> None:
    assert rights(replace(ELSE, name="*"), DENIED).of_others(STREAM)[0] is PRESENT
    wide = replace(ELSE, name="ac", pattern="PREFIXED")
    assert rights(wide, DENIED, replace(DENIED, name="acme", pattern="PREFIXED")).of_others(STREAM)[0] is PRESENT


def test_one_user_is_looked_for_by_name_and_as_anybody() -> None:
    assert rights(ELSE).of_user(STREAM, "support")[0] is ABSENT
    assert rights(ELSE).of_user(STREAM, "reports")[0] is PRESENT
    assert rights(replace(ELSE, principal="User:*")).of_user(STREAM, "support")[0] is PRESENT


@pytest.mark.parametrize("reply", [Reply(refused="CLUSTER_AUTHORIZATION_FAILED"), Reply(failure="_TIMED_OUT")])
def test_a_broker_that_does_not_say_leaves_it_open(reply: Reply) -> None:
    assert Rights(reply).of_others(STREAM)[0] is UNANSWERED
    assert Rights(reply).of_user(STREAM, "support")[0] is UNANSWERED
    assert Rights(reply).of_own(STREAM) is UNANSWERED
