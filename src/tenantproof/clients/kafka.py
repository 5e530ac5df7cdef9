"""Acts on a Kafka broker as a user that the profile lends, and reports what the broker said, whatever it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tenantproof.clients.redaction import one_line
from tenantproof.clients.secrets import reveal
from tenantproof.model.errors import UsageError
from tenantproof.model.streams_profile import Kafka, StreamLogin

_STEP_SECONDS = 0.5
_LOG = logging.getLogger("tenantproof.kafka")
_LOG.setLevel(logging.CRITICAL)  # what the broker says goes into the evidence


@dataclass(frozen=True)
class Reply:
    """What came of one act. `refused`: the name of the broker's error when it said no; `failure`: nothing answered.

    `said` is what came back otherwise: names, or "done".
    """

    said: tuple[str, ...] = ()
    refused: str = ""
    failure: str = ""
    offset: int = -1
    at: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Binding:
    """One permission that the broker keeps, in Kafka's own words: ALLOW or DENY, LITERAL or PREFIXED, READ, TOPIC …"""

    principal: str
    permission: str
    operation: str
    kind: str
    name: str
    pattern: str

    def __str__(self) -> str:
        return f"{self.principal} {self.operation} {self.kind} {self.name} ({self.pattern})"


class Session:
    """One user at the broker. Every act is over within `seconds`. `close()` when done."""

    def __init__(self, broker: Kafka, login: StreamLogin, seconds: float, password: str = "") -> None:
        self.login, self.seconds, self._broker = login, seconds, broker
        self._settings = _settings(broker, login.user, password or reveal(login.password, login.user))
        self._kafka, self._made = _module("confluent_kafka"), dict[str, Any]()
        self._denied = ""

    def with_password(self, password: str) -> Session:
        """The same user with another password."""
        return Session(self._broker, self.login, self.seconds, password)

    def names(self) -> Reply:
        """All topics and groups that the user is shown."""

        def act() -> Reply:
            topics = self._topics()
            groups = self._admin().list_consumer_groups(request_timeout=self.seconds).result(self.seconds)
            return Reply(said=(*sorted(topics), *sorted(group.group_id for group in groups.valid)))

        return self._timed(act)

    def _topics(self) -> Any:  # noqa: ANN401  # the client has no types
        """The listing, waited for in short steps: between them the client says that it was turned away."""
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                return self._admin().list_topics(timeout=_STEP_SECONDS).topics
            except self._kafka.KafkaException:
                self._admin().poll(0)
                if self._denied or time.monotonic() > deadline:
                    raise

    def bindings(self) -> tuple[Reply, tuple[Binding, ...]]:
        """All permissions that there are, which takes DESCRIBE on the cluster."""
        found: list[Binding] = []

        def act() -> Reply:
            told = self._admin().describe_acls(_everything(), request_timeout=self.seconds).result(self.seconds)
            found.extend(_binding(each) for each in told)
            return Reply(said=tuple(sorted(str(each) for each in found)))

        return self._timed(act), tuple(found)

    def describe(self, topic: str) -> Reply:
        """What the user is told of one topic."""

        def act() -> Reply:
            told = self._admin().list_topics(topic, timeout=self.seconds).topics[topic]
            return self._refusal(told.error) if told.error else Reply(said=(f"{len(told.partitions)} partitions",))

        return self._timed(act)

    def create(self, topic: str) -> Reply:
        """Whether the user might create a topic; none is created."""

        def act() -> Reply:
            new = _module("confluent_kafka.admin").NewTopic(topic, 1, 1)
            asked = self._admin().create_topics([new], request_timeout=self.seconds, validate_only=True)
            asked[topic].result(self.seconds)
            return Reply(said=("done",))

        return self._timed(act)

    def produce(self, topic: str, value: bytes) -> Reply:
        """Append one message; `offset` is where it stands."""
        reports: list[tuple[Any, Any]] = []

        def act() -> Reply:
            producer = self._once("producer", lambda: self._kafka.Producer(self._producing()))
            producer.produce(topic, value, on_delivery=lambda error, message: reports.append((error, message)))
            producer.flush(self.seconds)
            if not reports:
                return Reply(failure="no acknowledgement")
            error, message = reports[0]
            return self._refusal(error) if error else Reply(said=("done",), offset=message.offset())

        return self._timed(act)

    def consume(self, topic: str, offset: int, group: str) -> Reply:
        """Read the message at an offset; `said` is its value. The group is named, not joined."""

        def act() -> Reply:
            told = self.describe(topic)
            if told.refused or told.failure:
                return told  # a client that may not see a topic would wait for it in silence
            consumer = self._once(f"consumer {group}", lambda: self._kafka.Consumer(self._consuming(group)))
            consumer.assign([self._kafka.TopicPartition(topic, 0, offset)])
            found = consumer.poll(self.seconds)
            consumer.unassign()
            return self._found(found)

        return self._timed(act)

    def join(self, group: str, topic: str) -> Reply:
        """Become a member of a group that reads a topic, and leave it again."""
        given: list[object] = []

        def act() -> Reply:
            consumer = self._kafka.Consumer(self._consuming(group))
            try:
                consumer.subscribe([topic], on_assign=lambda _consumer, parts: given.append(parts))
                deadline = time.monotonic() + self.seconds
                while not given and time.monotonic() < deadline:
                    found = consumer.poll(0.2)
                    if (
                        not given
                        and found is not None
                        and found.error()
                        and (no := self._refusal(found.error())).refused
                    ):
                        return no
                return Reply(said=("a member",)) if given else Reply(failure="neither let in nor turned away")
            finally:
                consumer.close()

        return self._timed(act)

    def close(self) -> None:
        """Log out."""
        for name, client in self._made.items():
            if name.startswith("consumer"):
                client.close()
        self._made.clear()

    def _timed(self, act: Callable[[], Reply]) -> Reply:
        started, at = time.monotonic(), time.time()
        try:
            reply = act()
        except self._kafka.KafkaException as error:
            reply = self._refusal(error.args[0])
        except (TimeoutError, OSError) as error:
            reply = Reply(failure=one_line(f"{type(error).__name__}: {error}"))
        return Reply(reply.said, reply.refused, reply.failure, reply.offset, at, time.monotonic() - started)

    def _refusal(self, error: Any) -> Reply:  # noqa: ANN401  # the client has no types
        name = str(error.name())
        if name.endswith(("AUTHORIZATION_FAILED", "AUTHENTICATION_FAILED", "_AUTHENTICATION")):
            return Reply(refused=name)
        # A login that is turned away looks like a broker that does not answer, but for what was said on the way.
        return Reply(refused=self._denied) if self._denied else Reply(failure=name)

    def _found(self, found: Any) -> Reply:  # noqa: ANN401  # the client has no types
        if found is None:
            return Reply(failure="nothing came")
        if found.error():
            return self._refusal(found.error())
        return Reply(said=((found.value() or b"").decode("utf-8", "replace"),), offset=found.offset())

    def _admin(self) -> Any:  # noqa: ANN401  # the client has no types
        return self._once("admin", lambda: _module("confluent_kafka.admin").AdminClient(self._told()))

    def _once(self, name: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401  # the client has no types
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _told(self) -> dict[str, Any]:
        return {**self._settings, "error_cb": self._hear}

    def _producing(self) -> dict[str, Any]:
        return {**self._told(), "acks": "all", "message.timeout.ms": int(self.seconds * 1000)}

    def _consuming(self, group: str) -> dict[str, Any]:
        return {**self._told(), "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "error"}

    def _hear(self, error: Any) -> None:  # noqa: ANN401  # the client has no types
        if error.name() == "_AUTHENTICATION":
            self._denied = "SASL_AUTHENTICATION_FAILED"


def _settings(broker: Kafka, user: str, password: str) -> dict[str, Any]:
    told = {
        "bootstrap.servers": broker.bootstrap,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password,
        "logger": _LOG,
    }
    return {**told, "ssl.ca.location": broker.ca} if broker.ca else told


def _everything() -> Any:  # noqa: ANN401  # the client has no types
    module = _module("confluent_kafka.admin")
    kind, pattern = module.ResourceType.ANY, module.ResourcePatternType.ANY
    operation, permission = module.AclOperation.ANY, module.AclPermissionType.ANY
    return module.AclBindingFilter(kind, None, pattern, None, None, operation, permission)


def _binding(told: Any) -> Binding:  # noqa: ANN401  # the client has no types
    return Binding(
        principal=str(told.principal),
        permission=told.permission_type.name,
        operation=told.operation.name,
        kind=told.restype.name,
        name=str(told.name),
        pattern=told.resource_pattern_type.name,
    )


def _module(name: str) -> Any:  # noqa: ANN401  # an optional, untyped module
    try:
        return import_module(name)
    except ImportError:
        raise UsageError('[kafka] needs the Kafka client; run: pip install "tenantproof[kafka]"') from None
