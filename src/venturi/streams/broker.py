"""One Apache Kafka broker in KRaft mode for an embedded deployment: TLS, SCRAM-SHA-512, and every act authorized.

The authorizer refuses what no ACL allows; topics are never created by accident. The configuration holds the broker's
own secrets, so it is written 0600 into the run's private directory.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from venturi.postgres.certificate import self_signed
from venturi.streams.errors import BrokerDied
from venturi.streams.formatted import cluster_id, keep, lay_out
from venturi.streams.kafka_home import KafkaHome

READY_SECONDS = 100.0
ADMIN = "venturi-admin"
NODE = 1
_READY = "Kafka Server started"
_JVM = ("-Xms96m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


@dataclass(frozen=True)
class Certificate:
    """A certificate chain and its private key, both PEM; the chain is also what clients trust."""

    chain: str
    key: str

    @classmethod
    def fresh(cls) -> Certificate:
        """One that nobody else has, signed by itself."""
        made = self_signed("venturi-kafka")
        return cls(made.certificate, made.key)


@dataclass
class Broker:
    """A broker to be started in `directory`.

    After `start`, `address` is host:port of the listener for tenants, and `admin_address` that for the super user, who
    is called ADMIN and logs in with `admin_password` (PLAIN) to provision what there is to be.
    """

    home: KafkaHome
    directory: Path
    certificate: Certificate
    options: tuple[str, ...] = ()
    """More options for Java."""
    address: str = ""
    admin_address: str = ""
    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    process: subprocess.Popen[bytes] | None = None

    def start(self, register: Callable[[int, int], None] = lambda _group, _signal: None) -> None:
        """Format the log directory, start the broker and wait until it serves.

        `register` is told the process group and the signal that ends it before anything can go wrong.
        Raises BrokerDied.
        """
        ports = _free_ports(3)
        self.address, self.admin_address = f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
        self._write_configuration(ports)
        self._format()
        self._launch(register)
        self._await_ready()

    def restart(
        self,
        register: Callable[[int, int], None] = lambda _group, _signal: None,
        forget: Callable[[int], None] = lambda _group: None,
    ) -> None:
        """Start again on the same data and address, as after a crash. Raises BrokerDied.

        `forget` is told first of the group that has ended, for its number may soon be somebody else's.
        """
        if self.process is not None:
            forget(self.process.pid)
        self._launch(register)
        self._await_ready()

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds: float = 10.0) -> None:
        """End the broker; it is killed when it takes longer than `seconds`."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def data(self) -> Path:
        """Where the topics lie."""
        return self.directory / "data"

    @property
    def _configuration(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _log(self) -> Path:
        return self.directory / "broker.log"

    def _write_configuration(self, ports: Sequence[int]) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = properties(self.data, ports, self.certificate, self.admin_password)
        descriptor = os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.writelines(f"{key}={_escaped(value)}\n" for key, value in lines.items())

    def _format(self) -> None:
        data = self.directory / "data"
        if self.home.kept and lay_out(data, NODE, self.home.kept):
            return
        arguments = ["format", "-c", str(self._configuration), f"--cluster-id={cluster_id()}"]
        done = subprocess.run(  # noqa: S603  # Java as found by kafka_home
            self._command("kafka.tools.StorageTool", *arguments), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise BrokerDied(f"Kafka could not format {self.directory}: {(done.stderr or done.stdout)[-500:].strip()}")
        if self.home.kept:
            keep(data, self.home.kept)

    def _launch(self, register: Callable[[int, int], None]) -> None:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603  # Java as found by kafka_home
                self._command("kafka.Kafka", str(self._configuration), options=self.options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.directory,
            )
        # There is nothing to save: the directory goes with the process.
        register(self.process.pid, signal.SIGKILL)

    def _await_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if _READY in self._log.read_text(errors="replace"):
                return
            if self.process.poll() is not None:
                killed = self.process.returncode == -signal.SIGKILL
                raise BrokerDied(f"the broker ended while starting: {self._last_words()}", killed=killed)
            time.sleep(0.05)
        self.stop()
        raise BrokerDied(f"the broker was not ready after {READY_SECONDS:.0f} s: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return " | ".join([line for line in lines if "ERROR" in line or "xception" in line][:3] or lines[-3:])

    def _command(self, main_class: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
        return [str(self.home.java), *_JVM, *options, "-cp", self.home.classpath, main_class, *arguments]


def properties(data: Path, ports: Sequence[int], certificate: Certificate, password: str) -> dict[str, str]:
    """The whole server.properties of a combined controller and broker (Apache Kafka documentation, KRaft, security)."""
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
    only_admin = f'{plain} required username="{ADMIN}" password="{password}" user_{ADMIN}="{password}";'
    tenants, admin, controller = (f"127.0.0.1:{port}" for port in ports)
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE),
        "controller.quorum.voters": f"{NODE}@{controller}",
        "listeners": f"TENANTS://{tenants},ADMIN://{admin},CONTROLLER://{controller}",
        "advertised.listeners": f"TENANTS://{tenants},ADMIN://{admin}",
        "listener.security.protocol.map": "TENANTS:SASL_SSL,ADMIN:SASL_SSL,CONTROLLER:SASL_SSL",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "ADMIN",
        # Users' SCRAM credentials live in the log that the broker itself keeps, so they can't let in who makes them;
        # and passing them to the formatter would show them to everybody who can list processes.
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": only_admin,
        "listener.name.admin.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.admin.plain.sasl.jaas.config": only_admin,
        "listener.name.tenants.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.tenants.scram-sha-512.sasl.jaas.config": f"{scram} required;",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": certificate.chain,
        "ssl.keystore.key": certificate.key,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": certificate.chain,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN}",
        "allow.everyone.if.no.acl.found": "false",
        "auto.create.topics.enable": "false",
        "delete.topic.enable": "true",
        "log.dirs": str(data),
        "num.partitions": "1",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A broker that was killed may come back as soon as its old session has lapsed.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "1000",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "log.cleaner.threads": "1",
    }


def _escaped(value: str) -> str:
    """A value as java.util.Properties reads it back."""
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; two brokers that race for one see the loser die, and say so."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(listener.getsockname()[1]) for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()
