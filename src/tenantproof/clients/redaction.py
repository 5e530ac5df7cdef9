"""Keeps secrets and hostile text out of evidence: secrets become digests, text becomes one clean line."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

from tenantproof.clients.exchange import Headers
from tenantproof.clients.remembered import remembered

_SECRET_HEADERS = {
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-access-token",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-forwarded-access-token",
    "x-forwarded-authorization",
    "x-original-authorization",
}
# Three segments or two: a token stays a secret when its signature is cut off.
_JWT = re.compile(r"ey[JA-Z][A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]")
# Other, control, format, surrogate, private use, unassigned, line and paragraph separators.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_LONGEST_LINE = 300


def digest(data: bytes | str) -> str:
    """The SHA-256 of the data (of the UTF-8 of a string), as "sha256:" and 64 hex digits."""
    octets = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return "sha256:" + hashlib.sha256(octets).hexdigest()


@remembered(most=1024, longest=2048)
def digest_of_body(body: bytes) -> str:
    """The digest of an answer's body; most are refusals, which say the same again and again."""
    return digest(body)


def redact(headers: Headers) -> Headers:
    """The headers with the values of those that carry secrets replaced by digests, and tokens elsewhere too."""
    return tuple((name, digest(value) if is_secret(name) else scrub(value)) for name, value in headers)


@lru_cache(maxsize=1024)
def is_secret(header: str) -> bool:
    """Whether a header of that name carries a secret, however it is written."""
    return header.strip().lower() in _SECRET_HEADERS


def scrub(text: str) -> str:
    """The text with everything that looks like a JSON Web Token replaced by its digest."""
    return _JWT.sub(lambda found: digest(found[0]), text) if "ey" in text else text


def one_line(text: str, longest: int = _LONGEST_LINE) -> str:
    """The text as one line that can't move a cursor, change direction, break a line or flood a page.

    Terminal sequences are dropped, other unprintable characters are shown as <U+XXXX>; the rest is cut at `longest`
    characters.
    """
    if len(text) <= longest and text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    length = 0
    for character in _ANSI.sub("", text[: 8 * longest]):
        piece = character
        if unicodedata.category(character) in _UNPRINTABLE:
            piece = " " if character in "\t\r\n" else f"<U+{ord(character):04X}>"
        length += len(piece)
        if length > longest:
            return "".join(shown) + "…"
        shown.append(piece)
    return "".join(shown) + ("…" if len(text) > 8 * longest else "")
