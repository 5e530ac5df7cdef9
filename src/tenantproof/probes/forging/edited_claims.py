"""Family N: claims edited under a signature that is not theirs. Signed ones need an issuer that lends its key."""

from __future__ import annotations

from collections.abc import Mapping

from tenantproof.clients.tokens import Token
from tenantproof.probes.forging.families import Family, Maker, Variants
from tenantproof.probes.forging.material import ELSEWHERE, Material

FAMILY = Family("N", "edited claims")
ADMIN_SCOPE = "admin attributions:read attributions:write audit:read"
_REGISTERED = (
    "iss sub aud exp nbf iat jti email azp auth_time acr amr cnf act scope client_id entitlements groups roles tenant "
    "tenant_id org_id"
)
"""Names of the IANA registry of claims that somebody may go by, and three that mean a tenant."""
_JUGGLED: Mapping[str, object] = {"null": None, "true": True, "false": False, "0": 0, "the empty string": ""}
Edits = Mapping[str, Mapping[str, object]]


def _edits(material: Material) -> dict[str, tuple[str, str, Edits]]:
    claims, other = material.payload, material.other.payload
    issuer = str(claims.get("iss", ELSEWHERE))
    audience = claims.get("aud")
    return {
        "J158": ("exp later or past", "RFC 7519 4.1.4", {"exp a day later": {"exp": _later(claims.get("exp"))}}),
        "J159": ("exp removed", "RFC 7519 7.2", {"exp removed": {"exp": ...}}),
        "J160": (
            "exp of another type",
            "RFC 7519 2",
            {f"exp {v!r}": {"exp": v} for v in ("4102444800", 4102444800.5, 2**63, -1, 0)},
        ),
        "J162": ("nbf in the past", "RFC 7519 4.1.5", {"nbf 0": {"nbf": 0}, "nbf removed": {"nbf": ...}}),
        "J163": (
            "iat elsewhen",
            "RFC 7519 4.1.6",
            {"iat in the future": {"iat": 4102444800}, "iat removed": {"iat": ...}},
        ),
        "J164": (
            "iss removed or another",
            "RFC 8725 3.8",
            {
                "iss removed": {"iss": ...},
                "iss another tenant's": {"iss": other.get("iss")},
                "iss and a slash": {"iss": f"{issuer}/"},
                "iss in capitals": {"iss": issuer.upper()},
                "iss and more": {"iss": f"{issuer}.keys.invalid"},
                "iss cut short": {"iss": issuer[:-1]},
            },
        ),
        "J165": ("iss an array", "CVE-2025-30144", {"iss an array": {"iss": [ELSEWHERE, issuer]}}),
        "J166": (
            "aud removed or another",
            "RFC 8725 3.9",
            {
                "aud removed": {"aud": ...},
                "aud somebody else": {"aud": "https://elsewhere.invalid"},
                "aud a star": {"aud": "*"},
                "aud in an array": {"aud": audience if isinstance(audience, list) else [audience, "*"]},
            },
        ),
        "J168": (
            "sub of another type or person",
            "RFC 8725 3.8",
            {
                "sub another tenant's": {"sub": other.get("sub")},
                "sub admin": {"sub": "admin"},
                "sub null": {"sub": None},
            },
        ),
        "J170": (
            "scope widened",
            "RFC 8725 3.10",
            {
                "scope widened": {"scope": ADMIN_SCOPE},
                "scope an array": {"scope": ADMIN_SCOPE.split()},
                "a role added": {"role": "admin", "roles": ["admin"], "is_admin": True},
            },
        ),
        "J171": (
            "another tenant claimed",
            "RFC 8725 3.8, 3.12",
            {f"{name} added": {name: "admin"} for name in ("tenant", "tenant_id", "org_id", "tid", "realm", "azp")},
        ),
        "J172": (
            "tenant claim of another type",
            "RFC 8725 3.8",
            {f"tenant {v!r}": {"tenant": v, "tenant_id": v} for v in (None, "", "*", ["a", "b"], {"id": "a"})},
        ),
        "J173": ("two tenant claims that disagree", "RFC 8725 2.6", {"two": {"tenant_id": "a", "org": {"id": "b"}}}),
        "J174": (
            "a reserved tenant",
            "CWE-284",
            {f"tenant {v!r}": {"tenant": v, "tenant_id": v} for v in ("__system__", "default", 0, "root")},
        ),
        "J176": (
            "injection in a claim",
            "RFC 8725 3.10",
            {f"sub {v!r}": {"sub": v} for v in ("' OR '1'='1", "../admin", "a\r\nb", "{{7*7}}", "a\0b")},
        ),
    }


def _maker(ident: str) -> Maker:
    def make(material: Material) -> Variants:
        for name, edit in _edits(material)[ident][2].items():
            if (claims := material.claims(**edit)) != material.payload:
                yield f"{name}, the signature kept", material.kept_under(material.header, claims)

    return make


@FAMILY.of("J175", "claims of another type", "RFC 7519 4")
def _juggled(material: Material) -> Variants:
    for claim in _REGISTERED.split():
        for name, value in _JUGGLED.items():
            if material.payload.get(claim, ...) != value:
                yield f"{claim} {name}", material.kept_under(material.header, material.claims(**{claim: value}))


def _later(moment: object) -> object:
    return moment + 86_400 if isinstance(moment, int | float) else 4_102_444_800


_NOBODY = Token({}, {}, b"", ("", "", ""))
# The names of the classes are the same whatever the material.
for _ident, (_name, _violates, _) in _edits(Material(_NOBODY, _NOBODY, b"", ())).items():
    FAMILY.of(_ident, _name, _violates)(_maker(_ident))
FAMILY.open("J161", "a clock that runs too far ahead or behind", "RFC 7519 4.1.4", "issuer")
FAMILY.open("J167", "aud of this service and another", "RFC 7519 4.1.3; RFC 7523", "issuer")
FAMILY.open(
    "J169", "a token used twice that is for once", "RFC 7519 4.1.7", "a lent key and a policy of one-time tokens"
)
FAMILY.open("J177", "a token bound to a key, without the key", "RFC 7800 3.1; RFC 9449 7.2", "issuer")
