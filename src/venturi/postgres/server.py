"""One PostgreSQL cluster for one run: TLS, SCRAM, loopback alone, and a line of pg_hba.conf per login."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg

from venturi.postgres import pristine
from venturi.postgres.binaries import programs
from venturi.postgres.certificate import self_signed
from venturi.postgres.hba import hba
from venturi.postgres.privilege import hand_over, open_way, unprivileged, within_reach
from venturi.runtime.cache import cache_root
from venturi.runtime.reaper import squatters

SUPERUSER = "postgres"
_READY_SECONDS = 30.0
_ATTEMPTS = 5
_QUIT_SECONDS = 0.5
_ORPHANS_SECONDS = 3.0
_INITDB = (
    *("-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync", "--data-checksums"),
    *("--auth-local=scram-sha-256", "--auth-host=reject"),
)
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "ssl": "on",
    "ssl_min_protocol_version": "TLSv1.3",
    "max_connections": "300",
    "shared_buffers": "32MB",
    "unix_socket_permissions": "0700",
    # Files below the data directory; /dev/shm would keep them after a kill -9.
    "dynamic_shared_memory_type": "mmap",
    # No replica is ever fed from here, so nobody can ask to be one.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "password_encryption": "scram-sha-256",
}


# The cluster ends with the deployment, so nothing of it has to survive the machine; what a process is killed over is
# with the system by then, and does. In the file, where ALTER SYSTEM outranks it.
_NOT_DURABLE = "fsync = off\nfull_page_writes = off\n"


class PostgresDied(Exception):
    """The server did not start; the message carries the end of its log."""


class PostgresServer:
    """A cluster below `home`, which has to be short: a socket's path holds 107 bytes."""

    def __init__(
        self,
        home: Path,
        register: Callable[[int, int], None] = lambda _group, _signal: None,
        forget: Callable[[int], None] = lambda _group: None,
    ) -> None:
        self._home, self._register, self._forget = home, register, forget
        self._password = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._spawning = threading.Lock()
        self.started = False
        """Whether it has been up; from then on it should be alive."""
        self.host, self.port, self.ca = "127.0.0.1", 0, ""

    @property
    def data(self) -> Path:
        """The data directory."""
        return self._home / "data"

    @property
    def ca_file(self) -> Path:
        """The certificate that clients trust (PEM)."""
        return self._home / "server.crt"

    def start(self) -> None:
        """Make the cluster and start it. Raises PostgresDied, NoPostgres."""
        self._home.mkdir(mode=0o700)
        open_way(self._home.parent)
        self._certify()
        hand_over(self._home)
        self._programs = within_reach(programs(), self._home / "programs")
        password = self._make_data()
        self._write_hba(())
        for attempt in range(_ATTEMPTS):
            self.port = _free_port()
            self._launch()
            if self._is_ready():
                break
            if attempt == _ATTEMPTS - 1 or self._stopping or "could not bind" not in self._log_text():
                raise PostgresDied(f"PostgreSQL did not start: {self.last_words(' | ')}")
        self._assert_ours(password)
        self.started = True

    def restart(self) -> None:
        """Start again on the same data and port after a kill; the data recovers by itself. Raises PostgresDied."""
        if self._process:
            self._forget(self._process.pid)
        self._see_off_orphans()
        # Its number may be somebody else's by now, and nobody of its own is left.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self._launch()
        if not self._is_ready():
            raise PostgresDied(f"PostgreSQL did not start again: {self.last_words(' | ')}")
        self._assert_ours(self._password)

    def _see_off_orphans(self) -> None:
        """Backends end when they miss their postmaster; whoever takes too long is killed, as recovery allows for."""
        deadline = time.monotonic() + _ORPHANS_SECONDS
        while left := list(squatters(self._home.resolve())):
            if time.monotonic() > deadline:
                for pid in left:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def admin(self) -> dict[str, Any]:
        """Arguments of `asyncpg.connect` for the superuser, who is let in by the unix socket alone."""
        return {"host": str(self._home), "port": self.port, "user": SUPERUSER, "password": self._password}

    def allow(self, logins: Iterable[tuple[str, str]]) -> None:
        """Let exactly these (database, role) pairs log in, over TLS; everything else is turned away.

        Holds for every connection that is made after the return. Raises ValueError for a name that is not plain.
        """
        assert self._process
        self._write_hba(logins)
        self._process.send_signal(signal.SIGHUP)

    def alive(self) -> bool:
        """Whether the server runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, seconds: float = 10.0) -> None:
        """Shut down fast: open transactions are rolled back. Crashed after `seconds`, killed when even that hangs."""
        with self._spawning:
            self._stopping = True
        if (process := self._process) is None:
            return
        for number, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, _QUIT_SECONDS), (signal.SIGKILL, None)):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                if process.poll() is None:
                    os.kill(process.pid, number)
                process.wait(patience)
                break
        self._forget(process.pid)

    def last_words(self, between: str = "\n  ") -> str:
        """The end of the server's log."""
        return between.join(self._log_text().strip().splitlines()[-5:])

    def _certify(self) -> None:
        made = self_signed()
        self.ca = made.certificate
        self.ca_file.write_text(made.certificate)
        key = self._home / "server.key"
        key.touch(mode=0o600)
        key.write_text(made.key)

    def _make_data(self) -> str:
        """Lay out the data directory; the superuser's password in it."""
        known = pristine.place(cache_root(), self._programs, _INITDB)
        password = pristine.lay_out(self.data, known)
        if password is None:
            password = secrets.token_urlsafe(24)
            self._initdb(password)
            pristine.keep(self.data, password, known)
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write(_NOT_DURABLE)
        hand_over(self._home)
        return password

    def _initdb(self, password: str) -> None:
        secret = self._home / "secret"
        secret.touch(mode=0o600)
        secret.write_text(password)
        hand_over(self._home)
        options = ["-D", str(self.data), *_INITDB, f"--pwfile={secret}"]
        process = self._spawn("initdb", options, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, said = process.communicate()
        self._forget(process.pid)
        secret.unlink()
        if process.returncode != 0:
            raise PostgresDied(f"PostgreSQL's data directory could not be made: {said.decode().strip()[-800:]}")

    def _write_hba(self, logins: Iterable[tuple[str, str]]) -> None:
        text = hba(SUPERUSER, logins)
        fresh = self.data / "pg_hba.conf.new"
        fresh.write_text(text)
        hand_over(fresh)
        fresh.replace(self.data / "pg_hba.conf")

    def _launch(self) -> None:
        settings = {
            **_SETTINGS,
            "port": str(self.port),
            "unix_socket_directories": str(self._home),
            "ssl_cert_file": str(self.ca_file),
            "ssl_key_file": str(self._home / "server.key"),
        }
        options = [option for key, value in settings.items() for option in ("-c", f"{key}={value}")]
        with (self._home / "log").open("wb") as log:
            self._process = self._spawn("postgres", ["-D", str(self.data), *options], stdout=log, stderr=log)

    def _spawn(self, name: str, options: list[str], **more: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
        """Run one of PostgreSQL's programs in a session of its own, inside our home, known to the reaper."""
        command, identity = unprivileged([str(self._programs / name), *options])
        # Nothing is started behind the back of a `stop`, which another thread may be calling.
        with self._spawning:
            if self._stopping:
                raise PostgresDied("PostgreSQL was stopped before it was up")
            process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  # the server's programs that we found
                command, cwd=self._home, stdin=subprocess.DEVNULL, start_new_session=True, **identity, **more
            )
            # SIGQUIT makes the postmaster and all its backends end at once.
            self._register(process.pid, signal.SIGQUIT)
        return process

    def _is_ready(self) -> bool:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.alive():
            if "ready to accept connections" in self._log_text():
                return True
            time.sleep(0.01)
        return False

    def _assert_ours(self, password: str) -> None:
        """Nothing is written before the server is known to be the one that was just made; then it gets our password."""
        asyncio.run(self._claim(password))

    async def _claim(self, password: str) -> None:
        connection = await asyncpg.connect(**{**self.admin(), "password": password}, database="postgres")
        try:
            seen = str(await connection.fetchval("SHOW data_directory"))
            if Path(seen).resolve() != self.data.resolve():  # noqa: ASYNC240  # once, before anything else runs
                raise PostgresDied(f"another PostgreSQL answers on port {self.port}: its data is in {seen}")
            if password != self._password:
                # A literal is safe here: the password is drawn by us from an alphabet without quotes.
                await connection.execute(f"ALTER ROLE {SUPERUSER} PASSWORD '{self._password}'")
        finally:
            await connection.close()

    def _log_text(self) -> str:
        log = self._home / "log"
        return log.read_text(errors="replace") if log.exists() else ""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
