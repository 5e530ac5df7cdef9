"""A time-stamping authority on 127.0.0.1: certificates of our own, and OpenSSL's `ts` to answer."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SETTINGS = """
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """Its address, and the file with the certificate that vouches for it."""

    url: str
    root: Path


@contextmanager
def authority(spoil: Callable[[bytes], bytes] = lambda answer: answer) -> Iterator[Authority]:
    """A running authority; `spoil` changes what it answers."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to play the authority")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _certificates(folder)
        server = HTTPServer(("127.0.0.1", 0), _handler(folder, openssl, spoil))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield Authority(f"http://127.0.0.1:{server.server_port}/tsr", folder / "root.pem")
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(folder: Path, openssl: str, spoil: Callable[[bytes], bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server's spelling
            question, answer = folder / "question.tsq", folder / "answer.tsr"
            question.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            command: list[str | Path] = [openssl, "ts", "-reply", "-config", folder / "tsa.cnf", "-section", "tsa"]
            command += ["-queryfile", question, "-signer", folder / "tsa.pem", "-inkey", folder / "tsa.key"]
            subprocess.run([*command, "-out", answer], check=True, capture_output=True)
            body = spoil(answer.read_bytes())
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's spelling
            del format, args

    return Handler


def _certificates(folder: Path) -> None:
    root_key, key = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
    root = _certificate("root of time", "root of time", root_key, root_key, is_root=True)
    (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    stamps = _certificate("authority of time", "root of time", key, root_key, is_root=False)
    (folder / "tsa.pem").write_bytes(stamps.public_bytes(Encoding.PEM))
    (folder / "tsa.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(SETTINGS.format(folder=folder))


def _certificate(
    name: str, issuer: str, key: RSAPrivateKey, signer: RSAPrivateKey, *, is_root: bool
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
    )
    if not is_root:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return made.sign(signer, hashes.SHA256())
