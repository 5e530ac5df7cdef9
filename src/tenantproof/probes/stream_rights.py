"""Reads from the broker's own permissions who else holds something on a tenant's stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tenantproof.clients.kafka import Binding, Reply, Session
from tenantproof.clients.redaction import one_line
from tenantproof.model.outcome import ABSENT, PRESENT, UNANSWERED, Outcome
from tenantproof.model.streams_profile import Kafka, TenantStream

_OF_THE_WHOLE = frozenset({"ALL", "ALTER", "CLUSTER_ACTION"})
"""Operations on the cluster by which somebody could permit himself anything, or read as a broker does."""
_SHOWN = 3
_ANYBODY = "User:*"


@dataclass(frozen=True)
class Rights:
    """What the broker says that is permitted, and how it said so."""

    reply: Reply
    bindings: tuple[Binding, ...] = ()

    def of_own(self, stream: TenantStream) -> Outcome:
        """Present, if the tenant's own users are among those with a right, as they must be for it to work."""
        own = owners(stream)
        return self._outcome(held(self.bindings, stream, lambda principal: principal in own))

    def of_others(self, stream: TenantStream) -> tuple[Outcome, tuple[str, ...]]:
        """Present, with the permissions, if somebody holds a right who is none of the tenant's own users."""
        own = owners(stream)
        return self._told(stream, held(self.bindings, stream, lambda principal: principal not in own))

    def of_user(self, stream: TenantStream, user: str) -> tuple[Outcome, tuple[str, ...]]:
        """Present, with the permissions, if this user holds a right, by name or as anybody does."""
        who = {f"User:{user}", _ANYBODY}
        return self._told(stream, held(self.bindings, stream, lambda principal: principal in who))

    def _told(self, stream: TenantStream, found: Iterable[Binding]) -> tuple[Outcome, tuple[str, ...]]:
        shown = sorted(one_line(str(each)) for each in found)
        # Whoever may not read permissions is shown none, as if there were none: where the tenant's own are missing,
        # that nobody else's are there says nothing.
        if not shown and self.of_own(stream) is not PRESENT:
            return UNANSWERED, ("the permissions of the tenant's own users are not among those that are shown",)
        more = (f"and {len(shown) - _SHOWN} more",) if len(shown) > _SHOWN else ()
        return self._outcome(shown), (*shown[:_SHOWN], *more)

    def _outcome(self, found: Iterable[object]) -> Outcome:
        if self.reply.refused or self.reply.failure:
            return UNANSWERED
        return PRESENT if list(found) else ABSENT


def read_rights(broker: Kafka, seconds: float) -> Rights | None:
    """All that the broker permits, as its auditor is told it within so many seconds; None where none is lent."""
    if broker.auditor is None:
        return None
    session = Session(broker, broker.auditor, seconds)
    try:
        return Rights(*session.bindings())
    finally:
        session.close()


def owners(stream: TenantStream) -> frozenset[str]:
    """The principals that a tenant's stream is for."""
    return frozenset({f"User:{stream.producer.user}", f"User:{stream.consumer.user}"})


def held(bindings: Iterable[Binding], stream: TenantStream, who: Callable[[str], bool]) -> Iterator[Binding]:
    """Every permission of somebody on the tenant's topic, its group, or the whole cluster, that nothing denies.

    Kafka's authorizer: an ACL is about a resource by its literal name, by a prefix of it, or as `*`; DENY goes before
    ALLOW (Apache Kafka, Authorization and ACLs; KIP-290).
    """
    told = tuple(bindings)
    for each in told:
        allows = each.permission == "ALLOW" and who(each.principal) and _is_about(each, stream)
        if allows and not any(_undoes(other, each) for other in told):
            yield each


def _is_about(each: Binding, stream: TenantStream) -> bool:
    if each.kind == "BROKER":
        return each.operation in _OF_THE_WHOLE
    name = {"TOPIC": stream.topic, "GROUP": stream.group}.get(each.kind)
    return name is not None and _covers(each, name)


def _covers(each: Binding, name: str) -> bool:
    return name.startswith(each.name) if each.pattern == "PREFIXED" else each.name in {name, "*"}


def _undoes(other: Binding, each: Binding) -> bool:
    """Whether one permission is a denial of all that the other allows."""
    return (
        other.permission == "DENY"
        and other.principal in {each.principal, _ANYBODY}
        and other.kind == each.kind
        and other.operation in {each.operation, "ALL"}
        and _is_as_wide(other, each)
    )


def _is_as_wide(other: Binding, each: Binding) -> bool:
    if other.pattern == "PREFIXED":
        return each.name.startswith(other.name) and each.name != "*"
    return other.name == "*" or (other.name == each.name and each.pattern != "PREFIXED")
