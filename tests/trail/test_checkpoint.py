"""Signed notes: what C2SP says they look like, and what must not pass for one."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from venturi.trail.checkpoint import BadCheckpoint, Checkpoint, key_id, origin_of, sign, verifier_key, verify

KEY = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
ORIGIN = origin_of("acme", 1)
HEAD = Checkpoint(ORIGIN, 42, b"r" * 32)


def test_a_note_is_three_lines_a_blank_and_a_signature_line() -> None:
    lines = sign(HEAD, KEY).split("\n")
    assert lines[:4] == ["venturi.example/audit/acme/1", "42", base64.b64encode(b"r" * 32).decode(), ""]
    assert lines[4].startswith("\u2014 venturi.example/audit/acme/1 ")
    assert lines[5:] == [""]
    assert verify(sign(HEAD, KEY), ORIGIN, KEY.public_key()) == HEAD


def test_the_key_id_is_that_of_the_published_example() -> None:
    # golang.org/x/mod/sumdb/note, package documentation: the key of PeterNeumann.
    name, ident, blob = ["PeterNeumann", "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
    raw = base64.b64decode(blob)
    public = Ed25519PublicKey.from_public_bytes(raw[1:])
    assert key_id(name, public).hex() == ident
    assert verifier_key(name, public) == f"{name}+{ident}+{blob}"


def _signed(body: str) -> str:
    blob = key_id(ORIGIN, KEY.public_key()) + KEY.sign(body.encode())
    return f"{body}\n\u2014 {ORIGIN} {base64.b64encode(blob).decode()}\n"


_NOTE = sign(HEAD, KEY)
_ROOT = base64.b64encode(b"r" * 32).decode()


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        _NOTE.replace("42", "43", 1),
        _NOTE.replace(_ROOT, base64.b64encode(b"s" * 32).decode()),
        sign(Checkpoint(origin_of("globex", 1), 42, b"r" * 32), KEY),
        sign(Checkpoint(origin_of("acme", 2), 42, b"r" * 32), KEY),
        sign(HEAD, Ed25519PrivateKey.generate()),
        _NOTE.replace("\u2014", "-"),
        _NOTE.split("\n\n", maxsplit=1)[0] + "\n",
        _signed(f"{origin_of('globex', 1)}\n42\n{_ROOT}\n"),
        _signed(f"{ORIGIN}\n042\n{_ROOT}\n"),
        _signed(f"{ORIGIN}\n-1\n{_ROOT}\n"),
        _signed(f"{ORIGIN}\n42\nAAAA\n"),
        _signed(f"{ORIGIN}\n42\n!\n"),
        _signed(f"{ORIGIN}\n42\n"),
    ],
)
def test_what_is_not_this_logs_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(BadCheckpoint):
        verify(note, ORIGIN, KEY.public_key())


def test_a_cosignature_beside_the_logs_own_is_no_obstacle() -> None:
    cosigned = _NOTE + "\u2014 witness.example AAAAAAAA\n"
    assert verify(cosigned, ORIGIN, KEY.public_key()) == HEAD


def test_a_signature_under_the_logs_name_by_a_key_it_had_before_is_no_obstacle() -> None:
    body, _, own = _NOTE.rpartition("\n\n")
    former = sign(HEAD, Ed25519PrivateKey.generate()).rpartition("\n\n")[2]
    assert verify(f"{body}\n\n{former}{own}", ORIGIN, KEY.public_key()) == HEAD
