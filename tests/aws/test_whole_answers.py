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

JSON = b'{"KeyId": "k", "Plaintext": "YQ=="}'
XML = b"<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"
ANSWERS = {"kms": JSON, "sns": XML}


@contextmanager
def breaking_off(body: bytes, after: int) -> Iterator[str]:
    """A service that answers each call with so many bytes of the body, and hangs up."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listening.accept()
                except OSError:
                    return
                with accepted:
                    accepted.recv(65536)
                    accepted.sendall(head + body[:after])

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        # Wakes who accepts, which closing does not.
        listening.shutdown(socket.SHUT_RDWR)


def ask(service: str, endpoint: str) -> object:
    settings = AwsClientSettings(endpoint=endpoint, access_key_id="AKIA", secret_access_key="s")
    client = connect(service, "us-east-1", settings, retries={"total_max_attempts": 1})
    try:
        if service == "kms":
            return client.decrypt(CiphertextBlob=b"x")["Plaintext"]
        return client.publish(TopicArn="arn:aws:sns:us-east-1:100000000001:t", Message="m")["MessageId"]
    finally:
        client.close()


@pytest.mark.parametrize("service", ANSWERS)
@pytest.mark.parametrize("missing", ["all", "all but one", "one"])
def test_an_answer_that_breaks_off_is_taken_for_a_closed_connection(service: str, missing: str) -> None:
    body = ANSWERS[service]
    after = {"all": 0, "all but one": 1, "one": len(body) - 1}[missing]
    with breaking_off(body, after) as endpoint, pytest.raises(ConnectionClosedError):
        ask(service, endpoint)


def test_an_answer_that_is_whole_is_taken_as_it_is() -> None:
    for service, said in (("kms", b"a"), ("sns", "m")):
        with breaking_off(ANSWERS[service], len(ANSWERS[service])) as endpoint:
            assert ask(service, endpoint) == said
