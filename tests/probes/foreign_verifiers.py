"""Verifiers that others wrote, each as a small bearer API on the loopback: joserfc, jose (npm) and nimbus (Maven).

Libraries of other languages are fetched once into a cache; where they or their language can't be had, `Unavailable`
says why.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet

_HERE = Path(__file__).parent / "verifiers"
_JOSE, _NIMBUS = "6.2.18", "10.3"


class Unavailable(Exception):
    """A verifier can't be had here; the message says why."""


@dataclass(frozen=True)
class Trust:
    """Whom a verifier trusts."""

    keys: list[dict[str, Any]]
    issuer: str
    audience: str
    algorithms: tuple[str, ...]


@contextmanager
def joserfc_api(trust: Trust) -> Iterator[str]:
    """joserfc, in a thread of this process."""
    with warnings.catch_warnings():
        # It warns of a short key when it is read, and uses it all the same.
        warnings.simplefilter("ignore", SecurityWarning)
        keys = KeySet.import_key_set({"keys": trust.keys})
    rules = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": trust.issuer},
        aud={"essential": True, "value": trust.audience},
        exp={"essential": True},
    )

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            try:
                rules.validate(jwt.decode(token, keys, algorithms=list(trust.algorithms)).claims)
                status = 200
            except (JoseError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
                status = 401
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            del arguments

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def jose_api(trust: Trust) -> Iterator[str]:
    """The npm package jose, under node. Raises Unavailable."""
    node = _tool("node")
    folder = _cached(f"jose-{_JOSE}", _fetch_jose)
    with _running([node, str(_HERE / "verify.mjs"), str(folder)], trust) as host:
        yield host


@contextmanager
def nimbus_api(trust: Trust) -> Iterator[str]:
    """com.nimbusds:nimbus-jose-jwt, under java. Raises Unavailable."""
    java = _tool("java")
    folder = _cached(f"nimbus-{_NIMBUS}", _fetch_nimbus)
    jar = next(folder.glob("*.jar"))
    with _running([java, "-Xmx128m", "-cp", str(jar), str(_HERE / "Verify.java")], trust) as host:
        yield host


@contextmanager
def _running(command: list[str], trust: Trust) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        jwks = Path(folder) / "jwks.json"
        jwks.write_text(json.dumps({"keys": trust.keys}))
        process = subprocess.Popen(
            [*command, str(jwks), trust.issuer, trust.audience, ",".join(trust.algorithms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            port = process.stdout.readline().strip()
            if not port:
                raise AssertionError(process.stderr.read()[-2000:])
            yield f"127.0.0.1:{port}"
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
            process.stderr.close()


def _tool(name: str) -> str:
    if found := shutil.which(name):
        return found
    raise Unavailable(f"{name} is not installed here")


def _cached(name: str, fetch: Callable[[Path], None]) -> Path:
    """A folder that is fetched whole or not at all. Raises Unavailable when the registry can't be reached."""
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tenantproof-tests"
    folder = root / name
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root) as workshop:
        made = Path(workshop) / "made"
        made.mkdir()
        try:
            fetch(made)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
            raise Unavailable(f"{name} could not be fetched: {error}") from None
        if not folder.exists():
            made.rename(folder)
    return folder


def _fetch_jose(folder: Path) -> None:
    command = [_tool("npm"), "pack", f"jose@{_JOSE}", "--silent", "--pack-destination", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=120, cwd=folder)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    archive.unlink()
    for each in (folder / "package").iterdir():
        each.rename(folder / each.name)


def _fetch_nimbus(folder: Path) -> None:
    artifact = f"com.nimbusds:nimbus-jose-jwt:{_NIMBUS}"
    command = [_tool("mvn"), "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]
    subprocess.run(command, check=True, capture_output=True, timeout=240, cwd=folder)
