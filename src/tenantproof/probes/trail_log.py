"""Reads one tenant's trail as one of its readers is shown it: pages of entries, signed heads, proofs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target
from tenantproof.clients.transparency.entries import spelled
from tenantproof.clients.transparency.merkle import leaf_hash
from tenantproof.clients.transparency.notes import Checkpoint, NoteError, NoteKey, opened
from tenantproof.probes.sighting import json_object, new_probe

_QUICK = msgspec.json.Encoder(order="sorted").encode
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PAGE = 500
_SMALLER_PAGE = 100
_MOST_PAGES = 2_000


@dataclass(frozen=True)
class Entry:
    """One entry as a page shows it. `data` is its canonical spelling, empty when it has none."""

    seq: object
    leaf: str
    event: Mapping[str, Any]  # JSON, the target's
    data: bytes


@dataclass(frozen=True)
class Look:
    """One exchange with the trail. `trouble` says why nothing came of it, or is empty."""

    request: Request
    answer: Answer
    trouble: str = ""

    @property
    def page(self) -> Mapping[str, Any]:
        """The answer's JSON object."""
        return json_object(self.answer.body)


@dataclass(frozen=True)
class HeadLook(Look):
    """A look at the signed head: `head` is None unless the log's key signed it."""

    head: Checkpoint | None = None
    note: str = ""


class TrailLog:
    """The trail of `owner`, read by a principal of `reader` (the owner itself, unless said)."""

    def __init__(self, target: Target, owner: str, *, reader: str = "", principal: str = "reader") -> None:
        self.owner, self.reader, self.principal = owner, reader or owner, principal
        self._target = target
        self.last: Look | None = None

    @property
    def seen(self) -> Look:
        """The last look there was."""
        assert self.last is not None
        return self.last

    @property
    def key(self) -> NoteKey | None:
        """The log's public key, from the profile. Raises NoteError when it is none."""
        text = self._target.tenant(self.owner).trail_key
        return NoteKey.parse(text) if text else None

    def ask(self, operation: str, query: Mapping[str, object] | None = None) -> Look:
        """One exchange."""
        request = self._target.request(
            self._target.operation(operation),
            tenant=self.owner,
            query=urlencode(query) if query else "",
            bearer=self._target.bearer(self.reader, self.principal),
            principal=f"{self.reader}/{self.principal}",
            probe=new_probe(),
        )
        answer = self._target.wire.send(request)
        trouble = answer.failure or answer.malformed or ("" if answer.status == 200 else f"answered {answer.status}")
        self.last = Look(request, answer, trouble)
        return self.last

    def head(self) -> HeadLook:
        """The signed head that this reader is shown."""
        look = self.ask("checkpoint")
        note = look.answer.body.decode("utf-8", "replace")
        if look.trouble:
            return HeadLook(look.request, look.answer, look.trouble)
        try:
            if (key := self.key) is None:
                return HeadLook(look.request, look.answer, "the profile has no trail_key for it", note=note)
            return HeadLook(look.request, look.answer, head=opened(note, key), note=note)
        except NoteError as error:
            return HeadLook(look.request, look.answer, f"the head: {error}", note=note)

    def pages(self, after: int = -1, *, trace_id: str = "") -> Iterator[Look]:
        """The trail page by page, behind sequence number `after`, to the end or to the first page with trouble."""
        size = _PAGE
        for _ in range(_MOST_PAGES):
            query = {"limit": size, **({"after": after} if after >= 0 else {})}
            look = self.ask("trail", {**query, **({"trace_id": trace_id} if trace_id else {})})
            if look.answer.status == 400 and size == _PAGE:
                size = _SMALLER_PAGE
                continue
            yield look
            following = look.page.get("next")
            if look.trouble or not isinstance(following, int) or following <= after:
                return
            after = following

    def entries(self, after: int = -1, *, until: int | None = None) -> Iterator[Entry]:
        """The entries behind `after` and before `until`; the last look says whether that was all (`last.trouble`)."""
        for look in self.pages(after):
            for entry in entries_of(look.page):
                if until is not None and isinstance(entry.seq, int) and entry.seq >= until:
                    return
                yield entry


def entries_of(page: Mapping[str, Any]) -> Iterator[Entry]:  # JSON, the target's
    """The entries of a page."""
    found = page.get("events")
    for item in found if isinstance(found, list) else ():
        inside = item.get("event") if isinstance(item, dict) else None
        event = inside if isinstance(inside, dict) else {}
        outside = item if isinstance(item, dict) else {}
        leaf = str(outside.get("leaf_hash", ""))
        yield Entry(outside.get("seq"), leaf, event, _spelled(event, leaf))


def hashes_of(page: Mapping[str, Any]) -> list[bytes] | None:  # JSON, the target's
    """The hashes of a proof, or None when there is none."""
    found = page.get("hashes")
    if not isinstance(found, list) or not all(isinstance(each, str) and _HASH.fullmatch(each) for each in found):
        return None
    return [bytes.fromhex(each) for each in found]


def _spelled(event: Mapping[str, Any], leaf: str) -> bytes:
    """The canonical spelling. The quick one is it when its hash is the one that stands beside the entry."""
    quick = _QUICK(event)
    if leaf_hash(quick).hex() == leaf:
        return quick
    try:
        return spelled(event)
    except ValueError:
        return b""
