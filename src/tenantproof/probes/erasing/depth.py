"""Every reader of what is to be erased, tried before and after: exports, links, wrapped keys, files, certificates."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from tenantproof.clients.canaries import found_in
from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.clients.wire import new_probe, origin_and_target
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.access_bodies import filled
from tenantproof.probes.erasing.certificates import Wanted, is_about, troubles_of
from tenantproof.probes.erasing.files import scan
from tenantproof.probes.erasing.wrapped import Displacement, displacements
from tenantproof.probes.erasure import Erasure, Planted, told
from tenantproof.probes.sighting import carried_out, json_object, refusal_name, sight

_OUT_OF_PLACE = frozenset({"AccessDeniedException", "IncorrectKeyException", "InvalidCiphertextException"})
_LINKS = (2, 10, 60)
"""Seconds that a link works. A machine that is too slow for the one gets the next."""


@dataclass(frozen=True)
class _Streamed:
    """An event that was sent: where it lies, what must not be found there, and what must."""

    files: tuple[str, ...]
    canary: str
    acknowledged: str


class DeepErasure(Erasure):
    """The tenant that exists to be erased, with every way to its data."""

    uses: ClassVar[frozenset[str]] = frozenset({"streams"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        if "export" not in self.ways.operations:
            raise UsageError("erasure.operations has no export; add its method and path to the profile")
        self._open_until = self._surely_open_until = 0.0
        self._blobs: dict[str, bytes] = {}
        self._streamed: dict[str, _Streamed] = {}
        """By the record whose subject the event is about."""

    def streamed(self, row: Planted) -> Iterator[Observation]:
        """The subject comes into the event stream too; none where the profile names no way."""
        way = self.ways.event
        if way is None:
            return
        canary = self.new().canary
        body = filled(way.body, {"subject": row.subject, "canary": canary})
        key = ((way.key, f"tp-{row.id}"),)
        request, answer = self._ask(way.operation, body=body, principal=way.principal, headers=key)
        if way.files:
            acknowledged = str(json_object(answer.body).get(way.told) or "-")
            self._streamed[row.id] = _Streamed(way.files, canary, acknowledged)
        yield carried_out(f"{way.principal} sends an event of the subject", request, answer)

    def neighbours(self, row: Planted) -> tuple[Planted, ...]:
        """Records of subjects whose names a careless pattern takes for the row's."""
        return tuple(self.plant(subject) for subject in (f"{row.subject}_", row.subject[:-1], row.subject.upper()))

    def exported(self, row: Planted) -> Observation:
        """Whether an export, fetched through its link, brings the record's content: present, absent, or refused."""
        unit = Unit("steward", self.tenant.id, "export", "the object behind the link")
        what = "the steward exports and fetches the object"
        for seconds in _LINKS:
            request, answer = self._export(seconds)
            if refusal_name(answer, self.target.profile.http) == "key":
                return sight(what, request, answer, REFUSED, unit=unit)
            if answer.status != 201:
                return sight(what, request, answer, UNCLEAR if answer.is_whole else UNANSWERED, unit=unit)
            fetched = self._fetch(str(json_object(answer.body).get("link", "")))
            if fetched.status == 200 or time.time() < self._surely_open_until:
                break
        return sight(what, request, fetched, _exported(fetched, row), unit=unit)

    def shred_while_linked(self) -> Observation:
        """The steward has a subject erased while a link to an export of it works; refused is that nobody certifies."""
        for seconds in _LINKS:
            # A subject of its own for each attempt: one that came too late has erased it.
            row = self.plant()
            self._export(seconds)
            request, answer = self._ask(self.ways.operations["shred"], record=row.subject)
            in_time = time.time() < self._surely_open_until
            if in_time:
                break
        unit = Unit("steward", self.tenant.id, "shred", "with an open link")
        outcome = PERMITTED if answer.status == 200 and in_time else UNCLEAR if answer.is_whole else UNANSWERED
        if refusal_name(answer, self.target.profile.http) == "conflict":
            outcome = REFUSED
        return sight("the steward has a subject erased while a link is open", request, answer, outcome, unit=unit)

    def wait(self) -> None:
        """Until the links that we opened have expired; the clocks of two machines may differ by a second."""
        time.sleep(max(0.0, self._open_until + 1.1 - time.time()))

    def certificate(self, row: Planted | None = None) -> Observation:
        """Whether there is a good certificate of the subject's erasure, or of the tenant's when no row is given."""
        if row is None:
            self._ask(self.ways.operations["begin"])
        request, answer = self._ask(self.ways.operations["certificates"], principal="reader")
        wanted = Wanted(self.tenant.id, row.subject if row else "", self.tenant.key_arn, self.tenant.trail_key)
        items = json_object(answer.body).get("items")
        listed = items if isinstance(items, list) else []
        found = [item for item in listed if isinstance(item, dict) and is_about(item, wanted)]
        troubles = troubles_of(found[0], wanted, datetime.now(UTC)) if found else ["there is none"]
        outcome = UNANSWERED if not answer.is_whole else ABSENT if troubles else PRESENT
        what = f"the certificate of {'a subject' if row else 'the tenant'} is verified"
        unit = Unit("reader", self.tenant.id, "certificate", "subject" if row else "tenant")
        return sight(what, request, answer, outcome, unit=unit, notes=troubles)

    def shred_again(self, row: Planted) -> Observation:
        """An erasure that is asked for twice; permitted means that the same certificate came back."""
        bodies = [self._ask(self.ways.operations["shred"], record=row.subject) for _ in range(2)]
        said = [json_object(answer.body).get("certificate") for _, answer in bodies]
        request, answer = bodies[1]
        outcome = PERMITTED if said[0] and said[0] == said[1] else UNCLEAR if answer.is_whole else UNANSWERED
        return sight("the steward has an erased subject erased again", request, answer, outcome)

    def in_the_trail(self, row: Planted) -> Observation:
        """Whether the tenant's trail tells the content, which outlives every erasure."""
        request, answer = self._ask(self.target.operation("trail"), principal="reader")
        unit = Unit("reader", self.tenant.id, "trail", "the content in an event")
        return sight("the tenant's trail is searched for the content", request, answer, told(answer, row), unit=unit)

    def in_place(self, row: Planted) -> Observation:
        """The workload opens a wrapped key where it belongs."""
        place = {"tenant": self.tenant.id, "subject": row.subject}
        return self._displaced(Displacement("its own place", place), row, is_trial=False)

    def out_of_place(self, row: Planted, other: Planted) -> Iterator[Observation]:
        """The workload asks for the key wherever it does not belong."""
        tenant = self.target.profile.tenants[0]
        for each in displacements(self.tenant.id, row.subject, other.subject, tenant.id, tenant.key_arn):
            yield self._displaced(each, row, is_trial=True)

    def seen_in_files(self, row: Planted) -> Iterator[Observation]:
        """What is not encrypted of record and event, in the files that the profile lends; none where it lends none."""
        if self.ways.files:
            yield self._scanned(self.ways.files, row.id, "the record's id", None)
        if sent := self._streamed.get(row.id):
            yield self._scanned(sent.files, sent.acknowledged, "what the event was acknowledged with", None)

    def left_in_files(self, row: Planted) -> Iterator[Observation]:
        """The content in the files that the profile lends: pages, write-ahead log, server logs, topics."""
        if self.ways.files:
            unit = Unit("operator", self.tenant.id, "files", "the content")
            yield self._scanned(self.ways.files, row.canary, "the content", unit)
        if sent := self._streamed.get(row.id):
            unit = Unit("operator", self.tenant.id, "files", "an event")
            yield self._scanned(sent.files, sent.canary, "an event of the subject", unit)

    def _export(self, seconds: int) -> tuple[Request, Answer]:
        body, begun = {"link_seconds": seconds}, time.time()
        request, answer = self._ask(self.ways.operations["export"], body=body)
        if answer.status == 201:
            # The target starts counting somewhere between our asking and its answer.
            self._surely_open_until = begun + seconds
            self._open_until = max(self._open_until, time.time() + seconds)
        return request, answer

    def _fetch(self, link: str) -> Answer:
        origin, target = origin_and_target(link)
        try:
            return self.target.wire.send(Request(method="GET", target=target, probe=new_probe()), to=origin)
        except UsageError as error:  # the target chose the link; where it leads must not end the check
            return Answer(failure=one_line(str(error)))

    def _displaced(self, each: Displacement, row: Planted, *, is_trial: bool) -> Observation:
        kms, own = self._kms("workload"), {"tenant": self.tenant.id, "subject": row.subject}
        if row.subject not in self._blobs:
            made = self._call(kms, "generate_data_key", KeyId=self.tenant.key_arn, KeySpec="AES_256",
                              EncryptionContext=own)  # fmt: skip
            self._blobs[row.subject] = made.data.get("CiphertextBlob", b"")
        asked: dict[str, Any] = {"EncryptionContext": dict(each.context)} if each.context else {}
        answer = self._call(kms, "decrypt", KeyId=each.key_arn or self.tenant.key_arn,
                            CiphertextBlob=self._blobs[row.subject] or b"-", **asked)  # fmt: skip
        outcome = PERMITTED if answer.is_granted else REFUSED if answer.code in _OUT_OF_PLACE else UNCLEAR
        unit = Unit("workload", self.tenant.id, "kms:Decrypt", each.name)
        return self._said(
            f"the workload opens a wrapped key under {each.name}", UNANSWERED if answer.failure else outcome, answer,
            unit if is_trial else None,
        )  # fmt: skip

    def _scanned(self, lent: Sequence[str], text: str, name: str, unit: Unit | None) -> Observation:
        begun, at = time.monotonic(), time.time()
        result = scan(lent, (text,))
        places = result.found[text]
        outcome: Outcome = PRESENT if places else ABSENT if result.files and not result.unread else UNCLEAR
        said = f"{len(places)} of {result.files} files, {result.octets >> 20} MiB read, {result.unread} unreadable"
        return Observation(
            probe=new_probe(),
            what=f"the deployment's files are searched for {name}",
            outcome=outcome,
            request=f"{len(lent)} places that the profile lends",
            response=one_line(said),
            response_digest=digest(said),
            at=at,
            seconds=time.monotonic() - begun,
            unit=unit,
            notes=tuple(one_line(place) for place in places[:5]),
        )


def _exported(answer: Answer, row: Planted) -> Outcome:
    if found_in(answer, (row.canary,)):
        return PRESENT
    if not answer.is_whole:
        return UNANSWERED
    lines = [_line(text) for text in answer.body.splitlines()]
    return ABSENT if answer.status == 200 and any(line.get("id") == row.id for line in lines) else UNCLEAR


def _line(text: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
