"""Assertions as a browser makes them with a security key (W3C Web Authentication, section 7.2), bound to one step."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from venturi.identity.strict import b64url, read_json_object
from venturi.support import es256

_USER_PRESENT, _USER_VERIFIED = 0x01, 0x04
_ATTESTED, _EXTENDED = 0x40, 0x80
_AUTHENTICATOR_DATA_BYTES = 37
"""Hash of the relying party, flags and counter; we ask for no extension, so nothing may follow."""


@dataclass(frozen=True)
class Ceremony:
    """Whom assertions are made for: the relying party's id and the one origin that may ask for them."""

    rp_id: str
    origin: str

    def counter_of(self, statement: bytes, client_data: bytes, authenticator_data: bytes) -> int | None:
        """The authenticator's counter, when the assertion is for exactly this step; None otherwise.

        `statement` is what the step is about; its SHA-256 is the challenge that the authenticator has signed.
        """
        if not self.is_about(statement, client_data) or not self.is_by_authenticator(authenticator_data):
            return None
        return int.from_bytes(authenticator_data[33:37])

    def is_about(self, statement: bytes, client_data: bytes) -> bool:
        """Whether the browser was asked for this step, here, and not from inside of another page."""
        try:
            said = read_json_object(client_data)
        except ValueError:
            return False
        return (
            said.get("type") == "webauthn.get"
            and said.get("challenge") == self.challenge(statement)
            and self.is_origin(said.get("origin"))
            and said.get("crossOrigin", False) is False
            and "topOrigin" not in said
        )

    def challenge(self, statement: bytes) -> str:
        """What the browser is to be given as a challenge."""
        return b64url(hashlib.sha256(statement).digest())

    def is_origin(self, said: object) -> bool:
        """Whether this is the page that may ask."""
        return said == self.origin

    def is_by_authenticator(self, data: bytes) -> bool:
        """Whether the authenticator acted for us, and a person was there whom it has verified."""
        if len(data) != _AUTHENTICATOR_DATA_BYTES or not self.is_ours(data[:32]):
            return False
        flags = data[32]
        wanted = _USER_PRESENT | _USER_VERIFIED
        return flags & wanted == wanted and not flags & (_ATTESTED | _EXTENDED)

    def is_ours(self, rp_id_hash: bytes) -> bool:
        """Whether the key was used for our relying party."""
        return rp_id_hash == hashlib.sha256(self.rp_id.encode()).digest()

    def is_signed(self, pem: str, signature: bytes, client_data: bytes, authenticator_data: bytes) -> bool:
        """Whether the P-256 key in `pem` signed both (ES256, ASN.1)."""
        return es256.is_signed(pem, signature, authenticator_data + hashlib.sha256(client_data).digest())
