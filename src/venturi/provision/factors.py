"""The codes and security keys of a plan's people, as the control database holds them and as a profile lends them."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from venturi.identity.strict import b64url
from venturi.provision.plan import Plan, PrincipalPlan
from venturi.support.enrolments import Enrolment, sealed


def enrolled(plan: Plan) -> list[Enrolment]:
    """Every enrolment, secrets sealed and keys by their public halves."""
    key = base64.b64decode(plan.factor_key)
    people = [person for tenant in plan.tenants for person in tenant.principals]
    return [
        *(_code(person, key) for person in people if person.totp),
        *(_security_key(person) for person in people if person.passkey),
    ]


def credential_of(person: PrincipalPlan) -> str:
    """The id of the person's security key, base64url."""
    return b64url(hashlib.sha256(_public(person.passkey)).digest())


def _code(person: PrincipalPlan, key: bytes) -> Enrolment:
    material = sealed(key, person.client_id, base64.b32decode(person.totp))
    return Enrolment(principal=person.client_id, kind="totp", credential="", material=material)


def _security_key(person: PrincipalPlan) -> Enrolment:
    credential = credential_of(person)
    return Enrolment(
        principal=person.client_id, kind="webauthn", credential=credential, material=_public(person.passkey)
    )


def _public(private_pem: str) -> bytes:
    key = load_pem_private_key(private_pem.encode(), password=None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
