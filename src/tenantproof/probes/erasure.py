"""Destroys a key and looks whether anything under it can still be read: a tenant's key, and one subject's."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tenantproof.clients.aws import AwsAnswer, Client
from tenantproof.clients.canaries import found_in, new_canary
from tenantproof.clients.exchange import Answer, Headers, Request
from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.clients.wire import new_probe
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Operation
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import carried_out, json_object, refusal_name, sight

_DEAD_KEY = frozenset({"DisabledException", "KMSInvalidStateException", "NotFoundException", "KeyUnavailableException"})
_SHORTEST_WAIT_DAYS = 7


@dataclass(frozen=True)
class Planted:
    """A record that we wrote: its id, its subject, and the canary in its encrypted field."""

    id: str
    subject: str
    canary: str


class Erasure(Probe):
    """The tenant that exists to be erased: its API, its keys, and its administrator's hand on them."""

    needs: ClassVar[frozenset[str]] = frozenset({"tokens", "kms", "erasure"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        if target.profile.erasure is None or target.profile.aws is None:
            raise UsageError("the profile has no [erasure] or no [aws]; add both to have erasure assessed")
        self.ways, self.aws = target.profile.erasure, target.profile.aws
        self.tenant = self.ways.tenant
        if "keyadmin" not in self.tenant.aws:
            raise UsageError("erasure.tenant has no aws.keyadmin; lend one that may disable and delete its key")
        self._wrapped: Mapping[str, bytes] = {}
        # A run that was killed may have left the key out of use.
        self.restore()

    def plant(self, subject: str = "") -> Planted:
        """Write a record of a subject of its own, or of the one given. Whether it went in shows when it is read."""
        return self.written(self.new(subject))

    def new(self, subject: str = "", prefix: str = "tp_") -> Planted:
        """A record that nobody has yet; its id begins with `prefix`."""
        return Planted(
            id=f"{prefix}{secrets.token_hex(10)}",
            subject=subject or f"tp_{secrets.token_hex(10)}",
            canary=new_canary(),
        )

    def written(self, row: Planted) -> Planted:
        """The same, once it was written; whether it went in shows when it is read."""
        self._write(row)
        return row

    def read(self, row: Planted) -> Observation:
        """A record read by id. Refused is the contract's answer for a key that can't be used."""
        request, answer = self._ask(self.target.operation("read"), record=row.id, principal="reader")
        outcome, notes = self._access(answer, row)
        unit = Unit("reader", self.tenant.id, "read", "by id")
        return sight(f"{self.tenant.id}'s reader reads a record", request, answer, outcome, unit=unit, notes=notes)

    def listed(self, row: Planted) -> Observation:
        """The listing, which may have caches of its own."""
        request, answer = self._ask(self.target.operation("list"), principal="reader")
        outcome, notes = self._access(answer, row)
        unit = Unit("reader", self.tenant.id, "list", "listing")
        return sight(f"{self.tenant.id}'s reader lists its records", request, answer, outcome, unit=unit, notes=notes)

    def content(self, row: Planted) -> Observation:
        """Whether the record's encrypted content comes with it: present, or absent where the record is but it is null.

        A record that can't be read at all, for whatever reason, is unclear: it is not the erasure that kept it.
        """
        request, answer = self._ask(self.target.operation("read"), record=row.id, principal="reader")
        unit = Unit("reader", self.tenant.id, "read", "the subject's content")
        outcome = _content(answer, row, self.ways.text)
        return sight("a reader looks for the content of a record", request, answer, outcome, unit=unit)

    def shred(self, row: Planted) -> Observation:
        """The steward has the record's subject erased; permitted means that a certificate came back."""
        request, answer = self._ask(self.ways.operations["shred"], record=row.subject)
        certificate = json_object(answer.body).get("certificate")
        dates = certificate if isinstance(certificate, dict) else {}
        well = answer.status == 200 and dates.get("unreadable_since") and dates.get("unrecoverable_from")
        outcome = PERMITTED if well else UNCLEAR if answer.is_whole else UNANSWERED
        notes = [f"{name} {one_line(str(dates[name]))}" for name in ("unreadable_since", "unrecoverable_from") if well]
        return sight("the steward has a subject erased", request, answer, outcome, notes=notes)

    def delete(self, row: Planted) -> Observation:
        """The steward deletes a record by its id, where the profile names the operation: permitted, with a 2xx."""
        request, answer = self._ask(self.ways.operations["delete"], record=row.id)
        return carried_out("the steward has a record deleted", request, answer)

    def write_again(self, row: Planted) -> Observation:
        """A second record under an erased subject: refused, or taken in."""
        again = self.new(row.subject)
        request, answer = self._write(again)
        refused = refusal_name(answer, self.target.profile.http) == "conflict"
        outcome = UNANSWERED if not answer.is_whole else REFUSED if refused else UNCLEAR
        if answer.status == 201:
            outcome = PERMITTED
        unit = Unit("steward", self.tenant.id, "write", "an erased subject")
        return sight("the steward writes under an erased subject", request, answer, outcome, unit=unit)

    def unwrap(self) -> Observation:
        """The workload opens a data key that was wrapped while the tenant's key lived, with its own credentials."""
        kms = self._kms("workload")
        context = {"tenant": self.tenant.id, "subject": "tenantproof"}
        if not self._wrapped:
            made = self._call(
                kms, "generate_data_key", KeyId=self.tenant.key_arn, KeySpec="AES_256", EncryptionContext=context
            )
            self._wrapped = {"blob": made.data.get("CiphertextBlob", b"")}
        answer = self._call(
            kms,
            "decrypt",
            KeyId=self.tenant.key_arn,
            CiphertextBlob=self._wrapped["blob"],
            EncryptionContext=context,
        )
        unit = Unit("workload", self.tenant.id, "kms:Decrypt", "a key wrapped before")
        return self._said("the workload opens a wrapped data key", _key_outcome(answer), answer, unit)

    def disable(self) -> Observation:
        """The tenant's own administrator switches its key off."""
        answer = self._call(self._kms("keyadmin"), "disable_key", KeyId=self.tenant.key_arn)
        return self._said("the tenant's administrator disables its key", _key_outcome(answer), answer)

    def schedule(self) -> Observation:
        """The tenant's own administrator gives its key up: it is deleted after the shortest waiting period."""
        answer = self._call(
            self._kms("keyadmin"),
            "schedule_key_deletion",
            KeyId=self.tenant.key_arn,
            PendingWindowInDays=_SHORTEST_WAIT_DAYS,
        )
        return self._said("the tenant's administrator schedules its key's deletion", _key_outcome(answer), answer)

    def certified(self) -> Observation:
        """Whether the target certifies the erasure of the tenant, with both dates, once its key is on the way out."""
        self._ask(self.ways.operations["begin"])
        request, answer = self._ask(self.ways.operations["certificates"], principal="reader")
        items = json_object(answer.body).get("items")
        # A certificate of an earlier run, whose key came back, is shown as withdrawn.
        standing = [item for item in items if item.get("standing") != "withdrawn"] if isinstance(items, list) else []
        found = [item.get("certificate", {}) for item in standing]
        live = [each for each in found if each.get("kind") == "tenant" and each.get("unrecoverable_from")]
        outcome = UNANSWERED if not answer.is_whole else PRESENT if live else ABSENT
        return sight("the tenant's reader looks for a certificate", request, answer, outcome)

    def restore(self) -> Observation:
        """The administrator takes all of it back, so that the tenant can be used again."""
        kms = self._kms("keyadmin")
        self._call(kms, "cancel_key_deletion", KeyId=self.tenant.key_arn)
        answer = self._call(kms, "enable_key", KeyId=self.tenant.key_arn)
        return self._said("the tenant's administrator brings its key back", _key_outcome(answer), answer)

    def _access(self, answer: Answer, row: Planted) -> tuple[Outcome, tuple[str, ...]]:
        if found_in(answer, (row.canary,)):
            return PERMITTED, ()
        if not answer.is_whole:
            return UNANSWERED, (answer.failure or answer.malformed,)
        if refusal_name(answer, self.target.profile.http) == "key":
            return REFUSED, ()
        return UNCLEAR, (f"saw {answer.status}; the contract refuses with the refusal called key",)

    def _write(self, row: Planted) -> tuple[Request, Answer]:
        body = {**self.ways.template, "id": row.id, self.ways.subject: row.subject, self.ways.text: row.canary}
        return self._ask(self.ways.operations["write"], body=body)

    def _ask(
        self,
        operation: Operation,
        *,
        record: str = "",
        body: dict[str, Any] | None = None,
        principal: str = "",
        headers: Headers = (),
    ) -> tuple[Request, Answer]:
        who = principal or self.ways.principal
        request = self.target.request(
            operation,
            tenant=self.tenant.id,
            record=record,
            bearer=self.target.bearer(self.tenant.id, who),
            headers=(*headers, ("Content-Type", "application/json")) if body is not None else headers,
            body=json.dumps(body).encode() if body is not None else b"",
            principal=f"{self.tenant.id}/{who}",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)

    def _kms(self, who: str) -> Client:
        region = self.tenant.key_arn.split(":")[3]
        if who == "workload":
            return self.target.aws.client("kms", self.aws.workload, region=region, key="aws.workload")
        return self.target.aws.client("kms", self.tenant.aws[who], region=region, key=f"erasure.tenant.aws.{who}")

    def _call(self, client: Client, operation: str, **arguments: Any) -> AwsAnswer:  # noqa: ANN401  # the operation's own
        return self.target.aws.call(client, operation, **arguments)

    def _said(self, what: str, outcome: Outcome, answer: AwsAnswer, unit: Unit | None = None) -> Observation:
        said = "granted" if answer.is_granted else answer.failure or answer.code
        return Observation(
            probe=new_probe(),
            what=what,
            outcome=outcome,
            principal=self.aws.workload.arn if unit else self.tenant.aws["keyadmin"].arn,
            request=f"on {self.tenant.key_arn}",
            response=one_line(said),
            response_digest=digest(said),
            at=answer.at or time.time(),
            seconds=answer.seconds,
            unit=unit,
        )


def _key_outcome(answer: AwsAnswer) -> Outcome:
    """Refused is KMS saying that the key can't be used; a lack of permission is not the key's end."""
    if answer.failure:
        return UNANSWERED
    if answer.is_granted:
        return PERMITTED
    return REFUSED if answer.code in _DEAD_KEY else UNCLEAR


def told(answer: Answer, row: Planted) -> Outcome:
    """Whether an answer that may hold much else tells the record's content; absent only from a good one."""
    if found_in(answer, (row.canary,)):
        return PRESENT
    return ABSENT if answer.status == 200 else UNCLEAR if answer.is_whole else UNANSWERED


def _content(answer: Answer, row: Planted, text: str) -> Outcome:
    if found_in(answer, (row.canary,)):
        return PRESENT
    if not answer.is_whole:
        return UNANSWERED
    body = json_object(answer.body)
    well = answer.status == 200 and body.get("id") == row.id and text in body and body[text] is None
    return ABSENT if well else UNCLEAR
