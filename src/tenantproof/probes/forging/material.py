"""What forgeries are made of, and the keys that a forger makes for himself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tenantproof.clients.tokens import Claims, Token
from tenantproof.probes.forging.raw import Json, PrivateKey, compact

ELSEWHERE = "https://keys.invalid"
"""RFC 2606 reserves .invalid: nobody is ever contacted under it."""

_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "keys.invalid")])


class OwnKeys:
    """A forger's own keys, one of each kind, and a certificate that he made himself."""

    @cached_property
    def ec(self) -> ec.EllipticCurvePrivateKey:
        """A P-256 key."""
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def rsa(self) -> rsa.RSAPrivateKey:
        """An RSA key of 2048 bits."""
        return rsa.generate_private_key(65537, 2048)

    @cached_property
    def ed(self) -> ed25519.Ed25519PrivateKey:
        """An Ed25519 key."""
        return ed25519.Ed25519PrivateKey.generate()

    @cached_property
    def certificate(self) -> bytes:
        """A self-signed certificate (DER) of the P-256 key."""
        return self.certified(_NAME)

    def certified(self, issuer: x509.Name) -> bytes:
        """A certificate (DER) of the P-256 key that says who issued it; the key itself has signed it."""
        begins = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
        built = x509.CertificateBuilder(issuer, _NAME, self.ec.public_key(), x509.random_serial_number())
        built = built.not_valid_before(begins).not_valid_after(begins + dt.timedelta(days=3650))
        return built.sign(self.ec, SHA256()).public_bytes(Encoding.DER)


@cache
def own_keys() -> OwnKeys:
    """The keys of this process: a forger needs no fresh ones for each token."""
    return OwnKeys()


@dataclass(frozen=True, repr=False)
class Material:
    """A token to imitate, another genuine one, and the published keys of the first's issuer.

    `kept` is the signature that a forger has at hand: the imitated token's own, or, when that token is somebody
    else's, the one of his own token, which is then `other`. `spare` is a second token of whoever `base` belongs to.
    `listener` is the URL of a server of ours that keys can be fetched from, or empty. `withdrawn` are ids of keys that
    the issuer does not publish any more. `certificate` (DER) is what the target shows who connects by TLS, or empty.
    `recovered` are keys that nobody published: computed of genuine tokens.
    """

    base: Token
    other: Token
    kept: bytes
    keys: tuple[Claims, ...]
    spare: Token | None = None
    listener: str = ""
    withdrawn: tuple[str, ...] = ()
    certificate: bytes = b""
    recovered: tuple[Claims, ...] = ()

    @classmethod
    def in_own_name(cls, own: Token, other: Token, keys: tuple[Claims, ...], **more: Any) -> Material:  # noqa: ANN401
        """A forger changes his own token; `keys` are those of its issuer. Any: `spare` and others."""
        return cls(own, other, own.signature, keys, **more)

    @classmethod
    def in_anothers_name(
        cls, own: Token, victim: Token, keys: tuple[Claims, ...], *, recovered: tuple[Claims, ...] = ()
    ) -> Material:
        """A forger knows what the victim's token says, and the victim's issuer's public `keys`; not its signature."""
        return cls(victim, own, own.signature, keys, recovered=recovered)

    @property
    def own(self) -> OwnKeys:
        """The forger's keys."""
        return own_keys()

    @property
    def header(self) -> Claims:
        """The header of the imitated token."""
        return self.base.header

    @property
    def payload(self) -> Claims:
        """The claims of the imitated token."""
        return self.base.payload

    @property
    def known(self) -> tuple[Claims, ...]:
        """All keys by which the imitated token may be signed, and no forgery of it: published ones and computed ones.

        A computed one is there for the imitated token's algorithm, as it would say if it were published.
        """
        return (*self.keys, *({**key, "alg": self.algorithm} for key in self.recovered))

    @property
    def named(self) -> tuple[Claims, ...]:
        """The issuer's keys that the genuine token may have been signed with."""
        kid = self.header.get("kid")
        return tuple(key for key in self.keys if key.get("kid") == kid) or self.keys

    @property
    def algorithm(self) -> str:
        """The algorithm of the imitated token."""
        return str(self.header.get("alg", ""))

    def head(self, **changes: object) -> dict[str, Any]:
        """The header with members changed; an ellipsis takes one out. Any: the header is the target's."""
        return changed(self.header, changes)

    def claims(self, **changes: object) -> dict[str, Any]:
        """The claims with members changed; an ellipsis takes one out. Any: the claims are the target's."""
        return changed(self.payload, changes)

    def kept_under(self, header: Json, payload: Json | None = None) -> str:
        """A token of other contents under the signature at hand."""
        return compact(header, self.payload if payload is None else payload, self.kept)

    def key_of(self, algorithm: str) -> PrivateKey:
        """The forger's own key that signs with the algorithm; for one that no key of his has, the P-256 key."""
        if algorithm[:2] in {"RS", "PS"}:
            return self.own.rsa
        return self.own.ed if algorithm == "EdDSA" else self.own.ec


def changed(members: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """The members with changes made; an ellipsis takes a member out. Any: both are somebody else's JSON."""
    return {name: value for name, value in {**members, **changes}.items() if value is not ...}
