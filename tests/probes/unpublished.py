"""APIs whose issuers sign with RSA and publish no keys, one for each thing that can be wrong, and their profile."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenantproof.clients.recovered_key import KeyRecovery
from tenantproof.clients.tokens import parse, unbase64
from tenantproof.model.profile import Profile, Tokens
from tenantproof.probes.forging import confused
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import jwk
from tests.probes.broken_seeing import Seen
from tests.probes.broken_verifiers import Gap
from tests.probes.fake_api import AUDIENCE, FakeApi, Json, Refused
from tests.probes.test_forging import OWN

QUICK = rsa.generate_private_key(3, 2048)
"""With the exponent 3 all numbers are small."""


@cache
def material() -> Material:
    """What a forger has of an issuer that publishes nothing: two tokens of his own, and the key that they give."""
    api = RsaApi()
    own, other = (parse(str(api.issue("acme", {})["access_token"])) for _ in range(2))
    settings = Tokens(audience=AUDIENCE, algorithms=("RS256",))
    found = KeyRecovery(settings).of(own, other)
    assert found.jwk
    shown = OWN.certificate
    return Material.in_own_name(own, other, (), spare=other, certificate=shown, recovered=(found.jwk,))


def takes_what_nobody_published(s: Seen) -> bool:
    """Takes the key for a secret in any of its forms; and is safe from all that have not got it."""
    width = str(s.alg).removeprefix("HS")
    return width in {"256", "384", "512"} and any(
        s.mac(secret, bits=width) for key in s.m.recovered for _, secret in confused.renderings(key)
    )


GAPS: dict[str, Gap] = {"J049": takes_what_nobody_published}


def unpublished(*algorithms: str, named: bool = False, **tokens: Any) -> Callable[[Profile, str], Profile]:
    """A profile that names no key set, or all that there are."""

    def edited(usual: Profile, host: str) -> Profile:
        assert usual.tokens
        known = usual.tokens.jwks if named else {}
        said = msgspec.structs.replace(usual.tokens, jwks=known, algorithms=algorithms or ("RS256",), **tokens)
        safety = msgspec.structs.replace(usual.safety, allow_listener=False)
        return msgspec.structs.replace(usual, tokens=said, safety=safety)

    return edited


def static(patch: pytest.MonkeyPatch, host: str, usual: Profile, api: RsaApi) -> Profile:
    """The same profile, with one token of each principal in the environment instead of a client that asks for them."""
    tenants = []
    for tenant in usual.tenants:
        api.base = f"http://{host}"
        patch.setenv(f"TOKEN_{tenant.id}", str(api.issue(tenant.id, {})["access_token"]))
        reader = msgspec.convert({"token": {"env": f"TOKEN_{tenant.id}"}}, type(tenant.principals["reader"]))
        tenants.append(msgspec.structs.replace(tenant, principals={"reader": reader}))
    return msgspec.structs.replace(usual, tenants=tuple(tenants))


class RsaApi(FakeApi):
    """Every tenant's issuer signs with the same key; short-lived tokens and those for others are not made."""

    algorithm = "RS256"
    key = QUICK

    def issue(self, tenant: str, form: Json) -> Json:
        now = int(time.time())
        claims = {
            "iss": f"{self.base}/issuers/{tenant}",
            "sub": self.subject(tenant),
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 300,
            **self.marked(),
        }
        headers = {"kid": "one", "typ": "at+jwt"}
        token = jwt.encode(claims, self.signing(), self.algorithm, headers=headers)
        return {"access_token": token, "token_type": "Bearer", "expires_in": 300}

    def marked(self) -> Json:
        return {"jti": secrets.token_hex(8)}

    def signing(self) -> Any:
        return self.key

    def jwks(self, tenant: str) -> Json:
        return {"keys": [{**jwk(self.key), "kid": "one", "alg": self.algorithm}]}

    def verify(self, token: str) -> str:
        try:
            if self.is_fooled_by(token):
                claims = json.loads(unbase64(token.split(".")[1]))
            else:
                needed = {"require": ["exp", "iss", "sub", "aud"]}
                public = self.signing().public_key()
                claims = jwt.decode(token, public, [self.algorithm], audience=AUDIENCE, options=needed)  # type: ignore[arg-type]  # PyJWT's own options
        except (jwt.PyJWTError, ValueError, IndexError, RecursionError):
            raise Refused(401, {"error": "INVALID_TOKEN", "message": "no"}) from None
        tenant = self.tenant_of(claims)
        if not str(claims["iss"]).startswith(f"{self.base}/issuers/") or tenant not in self.keys:
            raise Refused(401, {"error": "INVALID_TOKEN", "message": "no"})
        return tenant

    def tenant_of(self, claims: Json) -> str:
        return str(claims["iss"]).rpartition("/")[2]

    def is_fooled_by(self, token: str) -> bool:
        """Whether something else than the right signature will do."""
        return False


class Rsa384Api(RsaApi):
    """Signs with another hash."""

    algorithm = "RS384"


class Rsa512Api(RsaApi):
    """Signs with another hash."""

    algorithm = "RS512"


class PssApi(RsaApi):
    """Signs with a salt."""

    algorithm = "PS256"


class CurveApi(RsaApi):
    """Signs with a curve."""

    algorithm = "ES256"
    curve = ec.generate_private_key(ec.SECP256R1())

    def signing(self) -> Any:
        return self.curve


class SecondApi(RsaApi):
    """Marks no token, so that two of one second are the same."""

    def marked(self) -> Json:
        return {}


class ConfusedApi(RsaApi):
    """Gives whatever verifies its tokens to whichever algorithm a token names: the PEM is the secret of HS256."""

    def is_fooled_by(self, token: str) -> bool:
        head, _, signature = token.rpartition(".")
        header = json.loads(unbase64(head.split(".")[0]))
        if not isinstance(header, dict) or header.get("alg") != "HS256":
            return False
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return hmac.compare_digest(unbase64(signature), hmac.digest(pem, head.encode(), hashlib.sha256))


class SlowApi(RsaApi):
    """Its key has the exponent that most have, for which the numbers are large."""

    key = rsa.generate_private_key(65537, 2048)


class OneIssuerApi(RsaApi):
    """All tenants have one issuer, which says in a claim of its own whose the token is."""

    def issue(self, tenant: str, form: Json) -> Json:
        self.tenant = tenant
        return super().issue("all", form)

    def marked(self) -> Json:
        return {**super().marked(), "sub": self.subject(self.tenant)}

    def tenant_of(self, claims: Json) -> str:
        return next((each for each in self.keys if self.subject(each) == claims.get("sub")), "")
