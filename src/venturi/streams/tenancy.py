"""Who may touch which topic: literal names, literal ACLs, so that no name can cover another by its prefix."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

SECONDS = 15.0


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


def acls(stream: Stream) -> list[AclBinding]:
    """The least that ingest and Stage A of one tenant need, and nothing with a wildcard or a prefix."""
    return [
        _allow(stream.producer, ResourceType.TOPIC, stream.topic, AclOperation.WRITE),
        _allow(stream.producer, ResourceType.TOPIC, stream.topic, AclOperation.DESCRIBE),
        _allow(stream.consumer, ResourceType.TOPIC, stream.topic, AclOperation.READ),
        _allow(stream.consumer, ResourceType.TOPIC, stream.topic, AclOperation.DESCRIBE),
        _allow(stream.consumer, ResourceType.GROUP, stream.group, AclOperation.READ),
    ]


def provision(
    admin: AdminClient, streams: Iterable[Stream], bindings: Iterable[AclBinding], partitions: int = 1
) -> None:
    """Create every topic and every ACL; what exists already stays. Raises KafkaException."""
    topics = [NewTopic(stream.topic, partitions, 1, config={"cleanup.policy": "delete"}) for stream in streams]
    _settle(admin.create_topics(topics, request_timeout=SECONDS).values())
    _settle(admin.create_acls(list(bindings), request_timeout=SECONDS).values())


def _allow(user: str, kind: ResourceType, name: str, operation: AclOperation) -> AclBinding:
    return AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", operation, AclPermissionType.ALLOW)


def _settle(futures: Iterable[Future[Any]]) -> None:
    for future in futures:
        try:
            future.result(SECONDS)
        except KafkaException as error:
            if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise
