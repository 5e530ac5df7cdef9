"""RSA signatures that are almost right: what only the holder of a key can make, and a careful verifier refuses.

Each is the RSA private-key operation over an encoded message that differs in one respect from the one that RFC 8017
demands (section 9.1 for PSS, 9.2 for PKCS #1 v1.5), or a right one in a wrong wrapping. An encoding whose algorithm
identifier has no NULL is not among them: section 9.2 leaves it to the verifier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import rsa

Signatures: TypeAlias = Iterator[tuple[str, bytes]]
"""Names, and the signatures that they stand for."""

_INFO = {
    "sha1": "3021300906052b0e03021a05000414",
    "sha224": "302d300d06096086480165030402040500041c",
    "sha256": "3031300d060960864801650304020105000420",
    "sha384": "3041300d060960864801650304020205000430",
    "sha512": "3051300d060960864801650304020305000440",
}
"""DER of a DigestInfo up to its digest (RFC 8017 section 9.2, note 1)."""
_SHA256 = bytes.fromhex(_INFO["sha256"])
_TRAILER = b"\xbc"
_SALT = b"\x5a" * 32


class RawRsa:
    """The private-key operation, on whatever is put before it."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._private = key.private_numbers()
        self.modulus = self._private.public_numbers.n
        self.length = (self.modulus.bit_length() + 7) // 8

    def sign(self, encoded: bytes) -> bytes:
        """The signature of an encoded message (RSASP1 of RFC 8017), as long as the modulus."""
        message, half = int.from_bytes(encoded, "big") % self.modulus, self._private
        # By the factors, which is four times faster (RFC 8017 section 5.2.1).
        first, second = pow(message, half.dmp1, half.p), pow(message, half.dmq1, half.q)
        value = second + half.q * ((first - second) * half.iqmp % half.p)
        return value.to_bytes(self.length, "big")


def pkcs1(raw: RawRsa, message: bytes) -> Signatures:
    """Almost RSASSA-PKCS1-v1_5 with SHA-256; every name once."""
    digest = hashlib.sha256(message).digest()
    for name, encoded in (
        *_paddings(raw.length, _SHA256 + digest),
        *_contents(raw.length, digest),
        *_hashes(raw.length, message),
        *_octet_by_octet(raw.length, digest),
    ):
        yield name, raw.sign(encoded)
    yield from _wrappings(raw, raw.sign(_padded(raw.length, _SHA256 + digest)))


def pss(raw: RawRsa, message: bytes) -> Signatures:
    """Almost RSASSA-PSS with SHA-256, MGF1 of it and a salt of 32 octets."""
    most = raw.length - 32 - 2
    for length in (0, 1, 16, 20, 28, 31, 33, 48, 64, most - 1, most):
        yield f"a salt of {length} octets", raw.sign(_pss(raw, message, salt=bytes(length)))
    for name in ("sha1", "sha224", "sha384", "sha512"):
        yield f"a mask made with {name}", raw.sign(_pss(raw, message, mask=name))
        yield f"a digest made with {name}", raw.sign(_pss(raw, message, digest=name))
    for trailer in (b"\x00", b"\xbb", b"\xbd", b"\xcc", b"\xff"):
        yield f"the trailer {trailer.hex()}", raw.sign(_pss(raw, message, trailer=trailer))
    for at in (0, 15, 31):
        yield f"octet {at} of the hash changed", raw.sign(_pss(raw, message, late=_flipped(at)))
        yield f"octet {at} of the message's digest changed", raw.sign(_pss(raw, message, early=_flipped(at)))
    yield "a hash of zeros", raw.sign(_pss(raw, message, late=lambda hashed: bytes(len(hashed))))
    yield "a hash of ones", raw.sign(_pss(raw, message, late=lambda hashed: b"\xff" * len(hashed)))
    yield "eight octets before the digest that are not zero", raw.sign(_pss(raw, message, before=b"\1" * 8))
    yield "nothing before the digest", raw.sign(_pss(raw, message, before=b""))
    for name, separator in (("00", b"\x00"), ("02", b"\x02"), ("81", b"\x81")):
        yield f"the separator {name} before the salt", raw.sign(_pss(raw, message, separator=separator))
    for at in (0, 1, 100):
        yield f"padding octet {at} not zero", raw.sign(_pss(raw, message, noise=at))
    yield "the leftmost bit set", raw.sign(_with_leftmost_bit(raw, message))
    yield from _wrappings(raw, raw.sign(_pss(raw, message)))


def _padded(length: int, content: bytes, *, kind: int = 1, first: int = 0, fill: bytes = b"\xff") -> bytes:
    """EMSA-PKCS1-v1_5, its parts changed on demand."""
    return bytes([first, kind]) + fill * (length - len(content) - 3) + b"\x00" + content


def _paddings(length: int, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The digest is right, and what stands before or behind it is not."""
    for kind in (0, 2, 3, 0xFF):
        yield f"block type {kind:02x}", _padded(length, content, kind=kind)
    yield "the first octet 01", _padded(length, content, first=1)
    for fill in (b"\x00", b"\x01", b"\xfe"):
        yield f"padding of {fill.hex()}", _padded(length, content, fill=fill)
    whole, last = _padded(length, content), length - len(content) - 2
    for name, at in (("first", 2), ("eighth", 9), ("ninth", 10), ("middle", length // 2), ("last", last)):
        yield f"the {name} padding octet 00", _set(whole, at, 0)
        yield f"the {name} padding octet fe", _set(whole, at, 0xFE)
    yield "no separator", _set(whole, last + 1, 0xFF)
    for octets in (0, 1, 7, 8, 16, 64):
        shifted = b"\x00\x01" + b"\xff" * octets + b"\x00" + content
        for filler, said in ((b"\x00", "zeros"), (b"\xa5", "anything")):
            yield f"{octets} padding octets, then {said} behind it", shifted.ljust(length, filler)
    yield "one octet behind it", _padded(length, content + b"\x00")


def _contents(length: int, digest: bytes) -> Iterator[tuple[str, bytes]]:
    """The padding is right, and what says which digest it is, is not."""
    oid = _SHA256[4:15]
    made = {
        "the digest alone": digest,
        "the digest twice": _SHA256 + digest + digest,
        "the digest cut short": _SHA256 + digest[:-1],
        "the digest cut short, and its lengths": _info(oid + b"\x05\x00", digest[:-1]),
        "an empty digest": _info(oid + b"\x05\x00", b""),
        "an octet more than the digest": _info(oid + b"\x05\x00", digest + b"\x00"),
        "parameters that are no NULL": _info(oid + b"\x04\x02\x05\x00", digest),
        "a NULL with an octet in it": _info(oid + b"\x05\x01\x00", digest),
        "a NULL with a hundred octets in it": _info(oid + b"\x05\x64" + b"\xa5" * 100, digest),
        "NULL twice": _info(oid + b"\x05\x00\x05\x00", digest),
        "no object identifier": _info(b"\x05\x00", digest),
        "an empty object identifier": _info(b"\x06\x00\x05\x00", digest),
        "an object identifier with an arc more": _info(b"\x06\x0a" + oid[2:] + b"\x01\x05\x00", digest),
        "an object identifier with an arc less": _info(b"\x06\x08" + oid[2:-1] + b"\x05\x00", digest),
        "a member behind the digest": _sequence(_sequence(oid + b"\x05\x00") + b"\x04\x20" + digest + b"\x05\x00"),
        "a member before the algorithm": _sequence(b"\x05\x00" + _sequence(oid + b"\x05\x00") + b"\x04\x20" + digest),
        "the lengths in their long form": b"\x30\x81\x31" + _SHA256[2:] + digest,
        "the digest's length in its long form": b"\x30\x32" + _SHA256[2:-1] + b"\x81\x20" + digest,
        "no length given (BER)": b"\x30\x80" + _SHA256[2:] + digest + b"\x00\x00",
        "the algorithm's length not given (BER)": _sequence(
            b"\x30\x80" + oid + b"\x05\x00\x00\x00" + b"\x04\x20" + digest
        ),
        "the digest in a string of strings (BER)": _sequence(
            _sequence(oid + b"\x05\x00") + b"\x24\x24\x04\x10" + digest[:16] + b"\x04\x10" + digest[16:]
        ),
    }
    for name, content in made.items():
        yield name, _padded(length, content)


def _hashes(length: int, message: bytes) -> Iterator[tuple[str, bytes]]:
    """Another digest than the algorithm's, or one that says that it is another."""
    for name, prefix in _INFO.items():
        if name != "sha256":
            yield f"{name} instead", _padded(length, bytes.fromhex(prefix) + hashlib.new(name, message).digest())
            yield f"sha256 that says {name}", _padded(length, bytes.fromhex(prefix) + hashlib.sha256(message).digest())
            yield f"{name} that says sha256", _padded(length, _SHA256 + hashlib.new(name, message).digest())


def _octet_by_octet(length: int, digest: bytes) -> Iterator[tuple[str, bytes]]:
    """Each octet of the DigestInfo before the digest, one more and one less than it should be."""
    whole = _padded(length, _SHA256 + digest)
    start = length - len(_SHA256) - len(digest)
    for at in range(len(_SHA256)):
        for step in (1, -1):
            changed = _set(whole, start + at, (whole[start + at] + step) % 256)
            yield f"octet {at} of the DigestInfo {step:+d}", changed
    for at in (0, 15, 31):
        yield f"octet {at} of the digest changed", _set(whole, length - 32 + at, whole[length - 32 + at] ^ 1)


def _wrappings(raw: RawRsa, right: bytes) -> Signatures:
    """A right signature that is written wrongly: RFC 8017 wants as many octets as the modulus has, and less than it."""
    yield "an octet 00 before the signature", b"\x00" + right
    yield "an octet 00 behind the signature", right + b"\x00"
    yield "the signature without its last octet", right[:-1]
    yield "the signature backwards", right[::-1]
    raised = int.from_bytes(right, "big") + raw.modulus
    yield "the signature plus the modulus", raised.to_bytes((raised.bit_length() + 7) // 8, "big")
    negated = raw.modulus - int.from_bytes(right, "big")
    yield "the modulus less the signature", negated.to_bytes(raw.length, "big")


def _pss(
    raw: RawRsa,
    message: bytes,
    *,
    salt: bytes = _SALT,
    digest: str = "sha256",
    mask: str = "",
    trailer: bytes = _TRAILER,
    before: bytes = bytes(8),
    separator: bytes = b"\x01",
    noise: int | None = None,
    early: Callable[[bytes], bytes] = bytes,
    late: Callable[[bytes], bytes] = bytes,
) -> bytes:
    """EMSA-PSS (RFC 8017 section 9.1.1), its parts changed on demand; `early` before the hash, `late` behind it."""
    bits = raw.modulus.bit_length() - 1
    length = (bits + 7) // 8
    hashed = hashlib.new(digest, before + early(hashlib.new(digest, message).digest()) + salt).digest()
    salted = separator + salt
    block = salted.rjust(length - len(hashed) - 1, b"\x00")
    if noise is not None:
        block = _set(block, noise, block[noise] | 1)
    masked = bytes(a ^ b for a, b in zip(block, _mgf1(late(hashed), len(block), mask or digest), strict=True))
    kept = masked[0] & (0xFF >> (8 * length - bits))
    return (bytes([kept]) + masked[1:] + late(hashed) + trailer).rjust(raw.length, b"\x00")


def _with_leftmost_bit(raw: RawRsa, message: bytes) -> bytes:
    """The one bit set that must be clear, with salt after salt until the number is below the modulus."""
    for number in range(256):
        encoded = _pss(raw, message, salt=bytes([number]) * 32)
        raised = _set(encoded, 0, encoded[0] | 0x80)
        if int.from_bytes(raised, "big") < raw.modulus:
            return raised
    return _set(encoded, 0, encoded[0] ^ 0x40)


def _mgf1(seed: bytes, length: int, name: str) -> bytes:
    """RFC 8017 appendix B.2.1."""
    made = b""
    counter = 0
    while len(made) < length:
        made += hashlib.new(name, seed + counter.to_bytes(4, "big")).digest()
        counter += 1
    return made[:length]


def _info(algorithm: bytes, digest: bytes) -> bytes:
    return _sequence(_sequence(algorithm) + bytes([4, len(digest)]) + digest)


def _sequence(content: bytes) -> bytes:
    size = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return b"\x30" + size + content


def _set(data: bytes, at: int, octet: int) -> bytes:
    return data[:at] + bytes([octet]) + data[at + 1 :]


def _flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: _set(data, at, data[at] ^ 1)
