"""One PostgreSQL cluster for one run: TLS, SCRAM, loopback alone, and a line of pg_hba.conf per login."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import asyncpg

from venturi.postgres.binaries import program
from venturi.postgres.certificate import self_signed
from venturi.postgres.privilege import hand_over, unprivileged

SUPERUSER = "postgres"
_READY_SECONDS = 30.0
_ATTEMPTS = 5
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "ssl": "on",
    "ssl_min_protocol_version": "TLSv1.3",
    "max_connections": "300",
    "shared_buffers": "32MB",
    "unix_socket_permissions": "0700",
    # No replica is ever fed from here, so nobody can ask to be one.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "password_encryption": "scram-sha-256",
}


class PostgresDied(Exception):
    """The server did not start; the message carries the end of its log."""


class PostgresServer:
    """A cluster below `home`, which has to be short: a socket's path holds 107 bytes."""

    def __init__(self, home: Path, register: Callable[[int, int], None] = lambda _group, _signal: None) -> None:
        self._home, self._register = home, register
        self._password = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None
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
        self._certify()
        hand_over(self._home)
        self._initdb()
        self._write_hba(())
        for attempt in range(_ATTEMPTS):
            self.port = _free_port()
            self._launch()
            if self._is_ready():
                break
            if attempt == _ATTEMPTS - 1 or "could not bind" not in self._log_text():
                raise PostgresDied(f"PostgreSQL did not start: {self._last_words()}")
        self._assert_ours()

    def admin(self) -> dict[str, Any]:
        """Arguments of `asyncpg.connect` for the superuser, who is let in by the unix socket alone."""
        return {"host": str(self._home), "port": self.port, "user": SUPERUSER, "password": self._password}

    def allow(self, logins: Iterable[tuple[str, str]]) -> None:
        """Let exactly these (database, role) pairs log in, over TLS; everything else is turned away."""
        assert self._process
        self._write_hba(logins)
        self._process.send_signal(signal.SIGHUP)

    def alive(self) -> bool:
        """Whether the server runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, seconds: float = 10.0) -> None:
        """Shut down fast: open transactions are rolled back. Killed when it takes longer than `seconds`."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _certify(self) -> None:
        made = self_signed()
        self.ca = made.certificate
        self.ca_file.write_text(made.certificate)
        key = self._home / "server.key"
        key.touch(mode=0o600)
        key.write_text(made.key)

    def _initdb(self) -> None:
        secret = self._home / "secret"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        hand_over(self._home)
        options = ["-D", str(self.data), "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync", "--data-checksums"]
        options += ["--auth-local=scram-sha-256", "--auth-host=reject", f"--pwfile={secret}"]
        command, more = unprivileged([program("initdb"), *options])
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **more)  # noqa: S603
        secret.unlink()
        if done.returncode != 0:
            raise PostgresDied(f"PostgreSQL's data directory could not be made: {done.stderr.strip()[-800:]}")

    def _write_hba(self, logins: Iterable[tuple[str, str]]) -> None:
        lines = [f"local all {SUPERUSER} scram-sha-256"]
        lines += [f"hostssl {database} {role} 127.0.0.1/32 scram-sha-256" for database, role in logins]
        fresh = self.data / "pg_hba.conf.new"
        fresh.write_text("\n".join(lines) + "\n")
        fresh.replace(self.data / "pg_hba.conf")
        hand_over(self.data)

    def _launch(self) -> None:
        settings = {
            **_SETTINGS,
            "port": str(self.port),
            "unix_socket_directories": str(self._home),
            "ssl_cert_file": str(self.ca_file),
            "ssl_key_file": str(self._home / "server.key"),
        }
        options = [option for key, value in settings.items() for option in ("-c", f"{key}={value}")]
        command, more = unprivileged([program("postgres"), "-D", str(self.data), *options])
        with (self._home / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # the server program we found
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **more,
            )
        # SIGQUIT makes the postmaster and all its backends end at once.
        self._register(self._process.pid, signal.SIGQUIT)

    def _is_ready(self) -> bool:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.alive():
            if "ready to accept connections" in self._log_text():
                return True
            time.sleep(0.01)
        return False

    def _assert_ours(self) -> None:
        """Nothing is written before the server is known to be the one that was just made."""
        seen = asyncio.run(self._data_directory())
        if Path(seen).resolve() != self.data.resolve():
            raise PostgresDied(f"another PostgreSQL answers on port {self.port}: its data is in {seen}")

    async def _data_directory(self) -> str:
        connection = await asyncpg.connect(**self.admin(), database="postgres")
        try:
            return str(await connection.fetchval("SHOW data_directory"))
        finally:
            await connection.close()

    def _log_text(self) -> str:
        return (self._home / "log").read_text(errors="replace")

    def _last_words(self) -> str:
        return " | ".join(self._log_text().strip().splitlines()[-5:])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
