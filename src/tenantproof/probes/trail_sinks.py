"""Puts marked secrets and hostile text into every part of a request and looks where the target writes for them."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from msgspec.structs import replace

from tenantproof.clients.canaries import new_canary, stands_in
from tenantproof.clients.exchange import Answer, Headers, Request
from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PRESENT, UNCLEAR, Outcome
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import new_probe, sight
from tenantproof.probes.trail_events import Sought, TrailReader, TrailReading
from tenantproof.probes.trail_receipts import values_of

_LARGEST_LOG = 32 * 1024 * 1024
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data; boundary=b"
# What moves a cursor, breaks a line, hides text, ends a value, runs as a formula, a lookup or a format.
HOSTILE = {
    "CRLF": '\r\n{"decision":"allow"}',
    "ANSI": "\x1b[2J\x1b]0;owned\x07",
    "line separator": "\u2028\u2029\u0085",
    "direction": "\u202e\u2066",
    "NUL": "\x00",
    "JSON": '","decision":{"outcome":"allow"},"x":"',
    "formula": "=HYPERLINK(1)",
    "lookup": "${jndi:ldap://x}%n%s{0.__class__}",
}
_HIDDEN = {"Cc", "Cf", "Zl", "Zp", "Cs"}


@dataclass(frozen=True)
class Sent:
    """A request with something marked in one of its parts."""

    part: str
    mark: str
    request: Request
    answer: Answer


class TrailSinks(Probe):
    """What becomes of marked input in trails and, where the profile names them, in the target's own logs."""

    needs: ClassVar[frozenset[str]] = frozenset({"http", "trail"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.tenants = tuple(tenant.id for tenant in target.profile.tenants)
        self.ring = tuple(zip(self.tenants, (*self.tenants[1:], self.tenants[0]), strict=True))
        self._reader = TrailReader(target)
        self._sent: list[Sent] = []

    def sees(self, tenant: str) -> Observation:
        """A request with nothing to hide: present when its event is found, so that a secret in it would be too."""
        sent = self._send("nothing", tenant, tenant)
        reading = self._reader.appear(tenant, _sought(sent))
        what = f"{tenant} finds the event of a plain request in its trail"
        return self._seen(what, reading, reading.outcome, Unit(tenant, tenant, "trail", "plain"))

    def spilled(self, tenant: str, at: str) -> Iterator[Observation]:
        """A secret in each part of a request under a tenant's path: present, if a trail of the two keeps it."""
        for part in ("header", "cookie", "query", "query name", "body", "body name", "form", "multipart", "basic"):
            sent = self._send(part, tenant, at)
            self._sent.append(sent)
            for owner in dict.fromkeys((tenant, at)):
                yield self._kept(sent, owner, tenant, at)

    def disturbed(self, tenant: str) -> Iterator[Observation]:
        """Hostile text where a log may keep what it was sent: present, if it comes out of the trail as it went in."""
        for name, text in HOSTILE.items():
            for place in ("path", "agent"):
                sent = self._send(place, tenant, tenant, text=text)
                reading = self._reader.miss(tenant, _sought(sent))
                broken = [value for value in values_of(list(reading.events)) if _is_hostile(value, sent.mark, text)]
                # What the web server itself turns away leaves no event, and so nothing to be bent.
                outcome = PRESENT if broken else ABSENT if reading.outcome is PRESENT else reading.outcome
                what = f"{tenant} looks in its trail for hostile text ({name}) from the {place} of its request"
                yield self._seen(what, reading, outcome, Unit(tenant, tenant, "inject", f"{name}, {place}"))

    def logged(self) -> Iterator[Observation]:
        """Every secret of `spilled`, and every token that was used, in the target's own logs; none without any."""
        tokens = [self.target.bearer(tenant).rpartition(".")[2] for tenant in self.tenants]
        for place in self.target.profile.logs:
            text = b"".join(map(_end_of, _files(Path(place))))
            found = [sent for sent in self._sent if stands_in(sent.mark, text)]
            spilled = sum(stands_in(token, text) for token in tokens)
            lines = sum(line.startswith(b'{"decision":"allow"}') for line in text.splitlines())
            shown = found[0] if found else self._sent[-1]
            outcome = PRESENT if found or spilled or lines else ABSENT if text else UNCLEAR
            notes = [f"{len(found)} marked secrets, {spilled} tokens, {lines} forged lines in {len(text)} octets"]
            what = f"the target's own log {Path(place).name} is searched for what was sent"
            yield sight(what, shown.request, shown.answer, outcome, notes=notes)

    def _kept(self, sent: Sent, owner: str, tenant: str, at: str) -> Observation:
        reading = self._reader.miss(owner, _sought(sent))
        text = repr(list(reading.events))
        found = stands_in(sent.mark, text) or stands_in(self.target.bearer(tenant).rpartition(".")[2], text)
        # An attempt may be told to a trail of somebody else; QA-3 says to whom. Here it matters what is told.
        outcome = PRESENT if found else ABSENT if reading.outcome in {PRESENT, ABSENT} else reading.outcome
        what = f"{owner} looks in its trail for a secret from the {sent.part} of a request of {tenant} under {at}"
        return self._seen(what, reading, outcome, Unit(tenant, at, "spill", f"{sent.part}, trail of {owner}"))

    def _send(self, part: str, tenant: str, at: str, *, text: str = "") -> Sent:
        mark = new_canary()
        query, headers, body, record, method = _dressed(part, mark, text)
        operation = self.target.operation("read" if record else "list")
        request = self.target.request(
            operation,
            tenant=at,
            record=record,
            query=query,
            bearer=self.target.bearer(tenant),
            headers=headers,
            body=body,
            principal=f"{tenant}/reader",
            probe=new_probe(),
        )
        if method:
            request = replace(request, method=method)
        return Sent(part, mark, request, self.target.wire.send(request))

    def _seen(self, what: str, reading: TrailReading, outcome: Outcome, unit: Unit) -> Observation:
        return sight(what, reading.request, reading.answer, outcome, unit=unit, notes=reading.notes)


def _dressed(part: str, mark: str, text: str) -> tuple[str, Headers, bytes, str, str]:
    """Query, headers, body, record and method of a request with the mark in one of its parts."""
    basic = base64.b64encode(f"user:{mark}".encode()).decode()
    kind = {"body": _JSON, "body name": _JSON, "form": _FORM, "multipart": _MULTIPART}.get(part, "")
    bodies = {
        "body": f'{{"password":"{mark}"}}',
        "body name": f'{{"{mark}":1}}',
        "form": f"password={mark}",
        "multipart": f'--b\r\nContent-Disposition: form-data; name="{mark}"\r\n\r\n{mark}\r\n--b--\r\n',
    }
    headers: dict[str, Headers] = {
        "header": (("X-Api-Key", mark),),
        "cookie": (("Cookie", f"session={mark}"),),
        "basic": (("Proxy-Authorization", f"Basic {basic}"),),
        "agent": (("User-Agent", _octets(f"{mark}{text}")),),
    }
    typed: Headers = (("Content-Type", kind),) if kind else ()
    query = {"query": f"api_key={mark}", "query name": f"{mark}=1"}.get(part, "")
    record = f"{text}{mark}" if part == "path" else ""
    return query, headers.get(part, typed), bodies.get(part, "").encode(), record, "POST" if kind else ""


def _octets(text: str) -> str:
    """As much of hostile text as a header can carry: a line break would end it, a NUL breaks the message itself."""
    return text.replace("\r\n", "%0d%0a").replace("\x00", "%00").encode().decode("latin-1")


def _is_hostile(value: object, mark: str, text: str) -> bool:
    """Whether a text of an event holds the mark together with what makes it hostile."""
    if not isinstance(value, str) or mark not in value:
        return False
    if any(unicodedata.category(character) in _HIDDEN for character in value):
        return True
    return value.startswith(("=", "+", "-", "@")) or (text.startswith("$") and text in value)


def _sought(sent: Sent) -> Sought:
    return Sought(sent.request.probe, sent.request.method, quote(sent.part), sent.answer, "")


def _files(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from sorted(path for path in place.iterdir() if path.is_file() and path.suffix == ".log")
    elif place.is_file():
        yield place


def _end_of(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(-min(stream.tell(), _LARGEST_LOG), 2)
        return stream.read()
