"""Signed heads and receipts: what C2SP says they look like, and what must not pass for one."""

from __future__ import annotations

import base64

import pytest

from tenantproof.clients.transparency.merkle import leaf_hash
from tenantproof.clients.transparency.notes import NoteError, NoteKey, cosigners, opened, unchecked
from tenantproof.clients.transparency.receipts import Receipt, ReceiptError
from tests.transparency.growing import (
    ORIGIN,
    SIGNER,
    STRANGER,
    key_of,
    key_text,
    note_of,
    receipt_of,
    signature_line,
    signed,
)

ROOT = b"r" * 32
NOTE = note_of(42, ROOT)
TEXT = NOTE.rpartition("\n\n")[0] + "\n"
ROOT_LINE = base64.b64encode(ROOT).decode()


def test_a_head_is_read_once_its_logs_key_has_signed_it() -> None:
    head = opened(NOTE, key_of())
    assert (head.origin, head.size, head.root, head.extensions) == (ORIGIN, 42, ROOT, ())
    assert unchecked(NOTE).size == 42
    assert opened(note_of(42, ROOT, more="extension\n"), key_of()).extensions == ("extension",)


def test_the_published_key_of_the_note_tools_is_read_and_its_id_is_held_to_it() -> None:
    # golang.org/x/mod/sumdb/note, package documentation: the key of PeterNeumann and a note that it signed.
    key = NoteKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    blob = base64.b64decode(signature)
    assert blob[:4] == key.ident
    assert key.signed(text, blob[4:])
    assert not key.signed(text + b"!", blob[4:])
    for wrong in (key_text().replace(ORIGIN, "other"), "name", "name+00000000+AAAA", ""):
        with pytest.raises(NoteError):
            NoteKey.parse(wrong)
    assert NoteKey.parse(key_text() + "\n") == key_of()


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        TEXT,
        TEXT + "\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("42", "43", 1),
        NOTE.replace("42", "42\r", 1),
        NOTE.replace("\u2014", "-"),
        NOTE.replace("\n\u2014", "\n\u2014 somebody\n\u2014"),
        note_of(42, ROOT, signer=STRANGER),
        note_of(42, ROOT, origin="log.example/audit/globex/1"),
        note_of(42, ROOT, origin="log.example/audit/globex/1", name=ORIGIN),
        note_of(42, b"short"),
        note_of(-1, ROOT),
        note_of(2**60, ROOT),
        note_of(42, ROOT, more="\n"),
        signed(f"{ORIGIN}\n042\n{ROOT_LINE}\n"),
        signed(f"{ORIGIN}\n42\n"),
        NOTE + signature_line("something else"),
        NOTE.replace(ROOT_LINE, ROOT_LINE.replace("=", "")),
    ],
    ids=range(21),
)
def test_what_is_not_this_logs_head_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        opened(note, key_of())


def test_signatures_of_others_beside_the_logs_own_are_no_obstacle_and_are_named() -> None:
    witnessed = NOTE + signature_line(TEXT, STRANGER, "witness.example")
    assert opened(witnessed, key_of()).others == ("witness.example",)
    former = note_of(42, ROOT, signer=STRANGER) + signature_line(TEXT)
    assert opened(former, key_of()).size == 42


def test_a_log_is_not_its_own_witness() -> None:
    witness, itself = key_of(STRANGER, "witness.example"), key_of(SIGNER, "friend.example")
    note = NOTE + signature_line(TEXT, STRANGER, "witness.example") + signature_line(TEXT, SIGNER, "friend.example")
    assert cosigners(note, [witness, itself], key_of()) == ("witness.example",)
    forged = NOTE + signature_line("another text", STRANGER, "witness.example")
    assert cosigners(forged, [witness], key_of()) == ()


LEAF = leaf_hash(b"event")


def test_a_receipt_is_the_logs_word_about_one_leaf_at_one_place() -> None:
    receipt = Receipt.parse(receipt_of(7, LEAF))
    assert (receipt.seq, receipt.leaf) == (7, LEAF)
    assert receipt.is_genuine(key_of())
    assert not Receipt(8, LEAF, receipt.signature).is_genuine(key_of())
    assert not Receipt(7, leaf_hash(b"other"), receipt.signature).is_genuine(key_of())
    assert not receipt.is_genuine(key_of(STRANGER))
    assert not receipt.is_genuine(key_of(), origin="log.example/audit/globex/1")
    assert not Receipt.parse(receipt_of(7, LEAF, origin="log.example/audit/globex/1")).is_genuine(key_of())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "07.a.b",
        receipt_of(7, LEAF) + "x",
        receipt_of(7, LEAF).upper(),
        f"-{receipt_of(7, LEAF)}",
        "7..",
        "\u0667",
    ],
)
def test_what_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(ReceiptError):
        Receipt.parse(text)
