"""The plan of a deployment: which tenants, principals, keys and records there are, drawn once and then built."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from venturi.aggregation.schema import ROLES, STORES

VENDOR = "venturi"
CONFORMANCE = "conformance"
"""An issuer that exists for conformance tests alone: its key is lent to whoever examines the deployment."""
ROTATION = "rotation"
"""An issuer that exists to have its keys turned by whoever examines the deployment."""
VENDOR_ACCOUNT = "700000000001"
HOME_REGION = "us-east-1"
AUDIENCE = "https://api.venturi.example"
ENCRYPTION_KEY_ALIAS = "alias/venturi"
# Two ids share a prefix, and one tenant is in the EU, because isolation breaks along such lines first.
DRILL = "drill"
_NAMED = (
    ("acme", "Acme Inc.", "us-east-1", "non-eu"),
    ("acme-eu", "Acme Europe GmbH", "eu-central-1", "eu"),
    ("globex", "Globex Corp.", "us-east-1", "non-eu"),
    ("initech", "Initech SARL", "eu-west-3", "eu"),
    ("umbrella", "Umbrella Ltd.", "us-west-2", "non-eu"),
)


class PrincipalPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can ask the issuer for a token. `mfa_key` is an ES256 private key (PEM) or empty."""

    name: str
    tenant: str
    """The tenant's id, or "" for the vendor's own people."""
    kind: str
    """`tenant` or `support`."""
    issuer: str
    """Name of the issuer that vouches for this principal."""
    subject: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    mfa_key: str = ""
    totp: str = ""
    """Secret of an authenticator application, base32 (as those take it), or empty."""
    passkey: str = ""
    """ES256 private key (PEM) of a security key, or empty."""
    person: str = ""
    """The human being, where it is one who has another account too."""


class RecordPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One seeded attribution record; `canary` is 24 hex digits after "cnry-", kept in the encrypted note."""

    id: str
    subject: str
    channel: str
    touchpoint: str
    conversion: str
    weight: float
    canary: str


class AwsUser(msgspec.Struct, frozen=True, kw_only=True):
    """Static AWS credentials of one IAM user or role session."""

    arn: str
    access_key_id: str
    secret_access_key: str


class TenantPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant: where it lives, its AWS account, its database and who may act for it."""

    id: str
    name: str
    region: str
    jurisdiction: str
    account: str
    database: str
    app_password: str
    guard_password: str
    records: tuple[RecordPlan, ...]
    principals: tuple[PrincipalPlan, ...]
    is_drill: bool = False
    """Whether the tenant exists to have its key destroyed in drills of erasure; nobody's data is in it."""

    @property
    def app_role(self) -> str:
        """Login role of the attribution side."""
        return f"{self.database}_app"

    @property
    def guard_role(self) -> str:
        """Login role of the trail and the support desk."""
        return f"{self.database}_guard"


class StorePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One jurisdiction's aggregation store: its database, a password per role, and the key that signs its releases."""

    jurisdiction: str
    database: str
    passwords: dict[str, str]
    key: str

    def role(self, kind: str) -> str:
        """The login role of a kind (aggregation.schema.ROLES)."""
        return f"{self.database}_{kind}"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The whole deployment before any of it exists."""

    deployment: str
    tenants: tuple[TenantPlan, ...]
    support: tuple[PrincipalPlan, ...]
    operator: PrincipalPlan
    """Runs the aggregation pipeline; reads nobody's data."""
    examiner: PrincipalPlan
    """Whoever the conformance issuer vouches for: a reader of the last tenant but the one for drills, nobody else."""
    examiner_key: str
    """The conformance issuer's ES256 private key (PEM), which is lent to whoever examines the deployment."""
    examiner_rsa_key: str
    """Its RSA private key of 2048 bits (PEM), lent likewise."""
    turner: PrincipalPlan
    """A reader of the same tenant, by the issuer whose keys may be turned."""
    turning_secret: str
    """Lets whoever examines the deployment turn the keys of that issuer, and of no other."""
    stores: tuple[StorePlan, ...]
    control_password: str
    admin_secret: str
    cursor_key: str
    """32 bytes, base64: authenticates page cursors."""
    factor_key: str
    """32 bytes, base64: seals the secrets of authenticator codes."""
    trail_keys: dict[str, str]
    """Tenant to its trail's Ed25519 private key (PEM); the vendor's security trail is under VENDOR."""


def draw(count: int, *, deployment: str) -> Plan:
    """Draw a plan for `count` tenants (at least 3) and the one for drills, with fresh secrets, ids and canaries.

    Raises ValueError when `count` is below 3.
    """
    if count < 3:
        raise ValueError(f"{count} tenants can't show isolation; ask for at least 3")
    drill = _tenant(count, (DRILL, "Erasure drill", HOME_REGION, "non-eu"), is_drill=True)
    tenants = (*(_tenant(index, _named(index)) for index in range(count)), drill)
    names = (VENDOR, *(tenant.id for tenant in tenants))
    return Plan(
        deployment=deployment,
        tenants=tenants,
        support=tuple(_support(number) for number in (1, 2)),
        operator=_vendors("operator", ("aggregation:run",)),
        examiner=_reader_by(CONFORMANCE, tenants[count - 1].id, "examiner"),
        examiner_key=_p256(),
        examiner_rsa_key=_pem(rsa.generate_private_key(65537, 2048)),
        turner=_reader_by(ROTATION, tenants[count - 1].id, "turner"),
        turning_secret=secrets.token_urlsafe(24),
        stores=tuple(_store(jurisdiction, database) for jurisdiction, database in STORES.items()),
        control_password=secrets.token_urlsafe(24),
        admin_secret=secrets.token_urlsafe(24),
        cursor_key=base64.b64encode(secrets.token_bytes(32)).decode(),
        factor_key=base64.b64encode(secrets.token_bytes(32)).decode(),
        trail_keys={name: _ed25519() for name in names},
    )


def _tenant(index: int, named: tuple[str, str, str, str], *, is_drill: bool = False) -> TenantPlan:
    ident, name, region, jurisdiction = named
    return TenantPlan(
        id=ident,
        name=name,
        region=region,
        jurisdiction=jurisdiction,
        account=f"{100000000001 + index:012d}",
        database=f"t_{secrets.token_hex(6)}",
        app_password=secrets.token_urlsafe(24),
        guard_password=secrets.token_urlsafe(24),
        records=_records(6),
        principals=(
            _principal(ident, "reader", ("attributions:read", "audit:read")),
            _principal(ident, "approver", ("support:approve", "aggregation:consent", "audit:read"), mfa=True),
            # One of the vendor's support moonlights as the tenant's approver, which must not help them.
            _principal(ident, "twin", ("support:approve",), mfa=True, person="person:support-1"),
            # Two more approvers, each with another kind of second factor.
            msgspec.structs.replace(_principal(ident, "approver_code", ("support:approve",)), totp=_totp()),
            msgspec.structs.replace(_principal(ident, "approver_key", ("support:approve",)), passkey=_p256()),
            _principal(ident, "steward", _STEWARD),
            _principal(ident, "collector", ("events:write",)),
        ),
        is_drill=is_drill,
    )


_STEWARD = ("scoring:write", "audit:read", "attributions:write", "erasure:write", "exports:write")


def _named(index: int) -> tuple[str, str, str, str]:
    return _NAMED[index] if index < len(_NAMED) else _unnamed(index)


def _unnamed(index: int) -> tuple[str, str, str, str]:
    eu = index % 3 == 0
    region, jurisdiction = ("eu-central-1", "eu") if eu else ("us-east-1", "non-eu")
    return f"tenant-{index + 1:03d}", f"Tenant {index + 1}", region, jurisdiction


def _principal(tenant: str, name: str, scopes: Sequence[str], *, mfa: bool = False, person: str = "") -> PrincipalPlan:
    return PrincipalPlan(
        name=name,
        tenant=tenant,
        kind="tenant",
        issuer=tenant,
        subject=secrets.token_hex(12),
        client_id=f"{tenant}.{name}",
        client_secret=secrets.token_urlsafe(24),
        scopes=tuple(scopes),
        mfa_key=_p256() if mfa else "",
        person=person,
    )


def _reader_by(issuer: str, tenant: str, name: str) -> PrincipalPlan:
    return msgspec.structs.replace(_principal(tenant, name, ("attributions:read",)), issuer=issuer)


def _support(number: int) -> PrincipalPlan:
    return _vendors(f"support-{number}", ("support:request",), mfa=True)


def _vendors(name: str, scopes: Sequence[str], *, mfa: bool = False) -> PrincipalPlan:
    return PrincipalPlan(
        name=name,
        tenant="",
        kind="support",
        issuer=VENDOR,
        subject=secrets.token_hex(12),
        client_id=name,
        client_secret=secrets.token_urlsafe(24),
        scopes=tuple(scopes),
        mfa_key=_p256() if mfa else "",
    )


def _store(jurisdiction: str, database: str) -> StorePlan:
    passwords = {kind: secrets.token_urlsafe(24) for kind in ROLES}
    return StorePlan(jurisdiction=jurisdiction, database=database, passwords=passwords, key=_ed25519())


_CHANNELS = ("search", "email", "display", "social", "affiliate", "direct")


def _records(count: int) -> tuple[RecordPlan, ...]:
    """So many records, of half as many subjects: a subject's key is shared where it should be."""
    subjects = [f"sub_{number}_{secrets.token_hex(6)}" for number in range((count + 1) // 2)]
    return tuple(_record(number, subjects[number // 2]) for number in range(count))


def _record(number: int, subject: str) -> RecordPlan:
    return RecordPlan(
        id=f"att_{secrets.token_hex(8)}",
        subject=subject,
        channel=_CHANNELS[number % len(_CHANNELS)],
        touchpoint=f"tp_{secrets.token_hex(6)}",
        conversion=f"cv_{secrets.token_hex(6)}",
        weight=1.0,
        canary=f"cnry-{secrets.token_hex(12)}",
    )


def _totp() -> str:
    # 160 bits, as long as the hash (RFC 4226 section 4, R6).
    return base64.b32encode(secrets.token_bytes(20)).decode()


def _p256() -> str:
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def _ed25519() -> str:
    return _pem(ed25519.Ed25519PrivateKey.generate())


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
