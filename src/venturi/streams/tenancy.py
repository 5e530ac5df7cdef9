"""Who may touch which topic: literal names, literal ACLs, so that no name can cover another by its prefix."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from venturi.streams.client import kafka, kafka_admin
from venturi.streams.errors import BrokerDied

if TYPE_CHECKING:
    from concurrent.futures import Future

SECONDS = 15.0
AUDITOR = "venturi.auditor"
"""The user that reads who may do what, and no topic."""
SUPPORT = "venturi.support"
"""The vendor's support at the broker: a user that sees whether the broker lives, and to whom nothing is permitted."""
ITERATIONS = 4096
"""The least that Kafka takes; the passwords are random and long."""


@dataclass(frozen=True)
class Stream:
    """The names that one tenant's stream goes by. A slug holds no dot, so no two tenants' names can meet."""

    tenant: str

    @property
    def topic(self) -> str:
        """Touchpoints and conversions, in the order in which they were accepted."""
        return f"{self.tenant}.events"

    @property
    def group(self) -> str:
        """The consumer group of Stage A."""
        return f"{self.tenant}.stage-a"

    @property
    def producer(self) -> str:
        """The SCRAM user that ingest writes as."""
        return f"{self.tenant}.ingest"

    @property
    def consumer(self) -> str:
        """The SCRAM user that Stage A reads as."""
        return f"{self.tenant}.resolver"


@dataclass(frozen=True)
class Acl:
    """One permission: a user, an operation, and what it is about; names as Kafka spells them (BROKER: the cluster)."""

    user: str
    operation: Literal["READ", "WRITE", "DESCRIBE", "ALL"]
    kind: Literal["TOPIC", "GROUP", "BROKER"]
    name: str
    pattern: Literal["LITERAL", "PREFIXED"] = "LITERAL"


class StreamAccess:
    """Decides who may do what on a tenant's stream."""

    def acls(self, stream: Stream) -> list[Acl]:
        """The least that ingest and Stage A of one tenant need, and nothing with a wildcard or a prefix."""
        return [
            Acl(stream.producer, "WRITE", "TOPIC", stream.topic),
            Acl(stream.producer, "DESCRIBE", "TOPIC", stream.topic),
            Acl(stream.consumer, "READ", "TOPIC", stream.topic),
            Acl(stream.consumer, "DESCRIBE", "TOPIC", stream.topic),
            Acl(stream.consumer, "READ", "GROUP", stream.group),
        ]

    def common(self) -> list[Acl]:
        """What is permitted beside the tenants' streams: to read the permissions, for whoever audits them."""
        return [Acl(AUDITOR, "DESCRIBE", "BROKER", "kafka-cluster")]


def provision(
    configuration: dict[str, Any], streams: Iterable[Stream], access: StreamAccess, passwords: Mapping[str, str]
) -> None:
    """Create every user, every topic and every ACL; what exists already stays.

    Returns once they are in force. Raises confluent_kafka.KafkaException, BrokerDied.

    `configuration` is that of an AdminClient (librdkafka's names) whose user may do so.
    """
    admin = kafka_admin().AdminClient(configuration)
    wanted = list(streams)
    _settle(admin.alter_user_scram_credentials(_credentials(passwords), request_timeout=SECONDS).values())
    topics = [kafka_admin().NewTopic(stream.topic, 1, 1, config=TOPIC) for stream in wanted]
    _settle(admin.create_topics(topics, request_timeout=SECONDS).values())
    permitted = [*access.common(), *(acl for stream in wanted for acl in access.acls(stream))]
    bindings = [_binding(acl) for acl in permitted]
    _settle(admin.create_acls(bindings, request_timeout=SECONDS).values())
    _await_in_force(admin, {stream.topic for stream in wanted}, set(bindings))


# An event is on the disk before it is acknowledged, and stays until it is erased by its key; the log is the source of
# every record, so no time limit may cut it off.
TOPIC = {"cleanup.policy": "delete", "flush.messages": "1", "retention.ms": "-1", "retention.bytes": "-1"}


def _credentials(passwords: Mapping[str, str]) -> list[Any]:
    module = kafka_admin()
    how = module.ScramCredentialInfo(module.ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    return [
        module.UserScramCredentialUpsertion(user, how, password.encode(), secrets.token_bytes(16))
        for user, password in passwords.items()
    ]


def _binding(acl: Acl) -> Any:  # noqa: ANN401  # the client has no types
    module = kafka_admin()
    return module.AclBinding(
        module.ResourceType[acl.kind],
        acl.name,
        module.ResourcePatternType[acl.pattern],
        f"User:{acl.user}",
        "*",
        module.AclOperation[acl.operation],
        module.AclPermissionType.ALLOW,
    )


def _await_in_force(admin: Any, topics: set[str], bindings: set[Any]) -> None:  # noqa: ANN401  # the client has no types
    """The controller has taken them; the broker follows a moment later, and refuses until then."""
    module = kafka_admin()
    everything = module.AclBindingFilter(
        module.ResourceType.ANY,
        None,
        module.ResourcePatternType.ANY,
        None,
        None,
        module.AclOperation.ANY,
        module.AclPermissionType.ANY,
    )
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        known = set(admin.describe_acls(everything, request_timeout=SECONDS).result(SECONDS))
        if bindings <= known and topics <= set(admin.list_topics(timeout=SECONDS).topics):
            return
        time.sleep(0.02)
    raise BrokerDied(f"the broker did not put its permissions in force within {SECONDS:.0f} s")


def _settle(futures: Iterable[Future[Any]]) -> None:
    module = kafka()
    for future in futures:
        try:
            future.result(SECONDS)
        except module.KafkaException as error:
            if error.args[0].code() != module.KafkaError.TOPIC_ALREADY_EXISTS:
                raise
