"""What can be made of a link that shows an object to whoever holds it: the object of another, or what is shown no more.

Changes of one link alone, without anything being sent. A link may have decoration in it, such as the object's id, so
what comes back decides.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Container, Iterator
from urllib.parse import SplitResult, quote, urlencode, urlsplit

_WORD = re.compile(r"[0-9A-Za-z_-]{4,}")
_LEAST_SECRET = 8


def crossing(own: str, names: dict[str, str], other: str) -> Iterator[tuple[str, str]]:
    """What one makes of an own link to come to another's object: what was changed, and the link.

    `names` are what is the own one's (the object's id, the tenant's) and what it is called at the other; `other` is the
    other's object.
    """
    parts = urlsplit(own)
    yield "the other's id behind it", _at(parts, f"{parts.path.rstrip('/')}/{quote(other, safe='')}")
    yield "the other's id in its query", parts._replace(query=_and(parts.query, {"id": other})).geturl()
    yield "all that is beside it", _at(parts, parts.path.rstrip("/").rpartition("/")[0] + "/")
    for what, changed in (("plain", _swapped(own, names)), ("in base64", _swapped_within(own, names))):
        if changed != own:
            yield f"the other's names in it, {what}", changed


def strays(own: str, names: Container[str], others: Collection[str]) -> Iterator[tuple[str, str]]:
    """What one makes of a link without knowing it: what was changed, and the link. Nothing where it has no secret.

    A secret is any longer word that is no name of `names`, nor in links that were given to others. Where there are
    several, all are changed: some may be decoration.
    """
    parts = urlsplit(own)
    known = {word for other in others for word in _WORD.findall(other)}

    def changed(change: Callable[[str], str]) -> str:
        def by(found: re.Match[str]) -> str:
            word = found[0]
            return word if len(word) < _LEAST_SECRET or word in known or word in names else change(word)

        return parts._replace(path=_WORD.sub(by, parts.path), query=_WORD.sub(by, parts.query)).geturl()

    if changed(lambda _: "") == own:
        return
    yield "one character of it changed", changed(_with_another)
    yield "half of it", changed(lambda word: word[: len(word) // 2])
    yield "nothing of it", changed(lambda _: "")


def _with_another(word: str) -> str:
    """The word with another character in the middle: the last one of base64 may have bits that nobody reads."""
    middle = len(word) // 2
    return word[:middle] + ("A" if word[middle].lower() != "a" else "B") + word[middle + 1 :]


def _at(parts: SplitResult, path: str) -> str:
    return parts._replace(path=path).geturl()


def _and(query: str, more: dict[str, str]) -> str:
    return "&".join(filter(None, (query, urlencode(more))))


def _swapped(text: str, names: dict[str, str]) -> str:
    """The text with every whole word of these by the other one. The origin is left as it is."""
    parts = urlsplit(text)
    path, query = parts.path, parts.query
    for own, other in names.items():
        word = re.compile(rf"(?<![0-9A-Za-z_-]){re.escape(quote(own, safe=''))}(?![0-9A-Za-z_-])")
        path, query = (word.sub(lambda _, by=other: quote(by, safe=""), each) for each in (path, query))  # type: ignore[misc]
    return parts._replace(path=path, query=query).geturl()


def _swapped_within(text: str, names: dict[str, str]) -> str:
    """The same within every word that is base64url of something with a name in it: tokens that nobody signed."""
    parts = urlsplit(text)
    path, query = (_WORD.sub(lambda found: _reencoded(found[0], names), each) for each in (parts.path, parts.query))
    return parts._replace(path=path, query=query).geturl()


def _reencoded(word: str, names: dict[str, str]) -> str:
    try:
        octets = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return word
    changed = octets
    for own, other in names.items():
        changed = re.sub(rb"(?<![0-9A-Za-z])" + re.escape(own.encode()) + rb"(?![0-9A-Za-z])", other.encode(), changed)
    return base64.urlsafe_b64encode(changed).rstrip(b"=").decode() if changed != octets else word
