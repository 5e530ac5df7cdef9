"""An answer that broke off is none: whoever was killed while he answered has told nobody anything."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ConnectionClosedError

from venturi.aws.clients import connect
from venturi.settings import AwsClientSettings

BODY = b'{"KeyId": "k", "Plaintext": "YQ=="}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n" % len(BODY)


@contextmanager
def breaking_off(after: int) -> Iterator[str]:
    """A KMS that answers each call with so many bytes of the body, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listening.accept()
                except OSError:
                    return
                with accepted:
                    accepted.recv(65536)
                    accepted.sendall(HEAD + BODY[:after])

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        # Wakes who accepts, which closing does not.
        listening.shutdown(socket.SHUT_RDWR)


def ask(endpoint: str) -> bytes:
    settings = AwsClientSettings(endpoint=endpoint, access_key_id="AKIA", secret_access_key="s")
    kms = connect("kms", "us-east-1", settings, retries={"total_max_attempts": 1})
    try:
        return bytes(kms.decrypt(CiphertextBlob=b"x")["Plaintext"])
    finally:
        kms.close()


@pytest.mark.parametrize("after", [0, 1, len(BODY) - 1])
def test_an_answer_that_breaks_off_is_taken_for_a_closed_connection(after: int) -> None:
    with breaking_off(after) as endpoint, pytest.raises(ConnectionClosedError):
        ask(endpoint)


def test_an_answer_that_is_whole_is_taken_as_it_is() -> None:
    with breaking_off(len(BODY)) as endpoint:
        assert ask(endpoint) == b"a"
