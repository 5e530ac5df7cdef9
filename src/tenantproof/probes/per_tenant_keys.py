"""Asks what the vendor's workload may do to each tenant's key: on paper, by policy and grants, and live."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from tenantproof.clients.aws import AwsAnswer, Client
from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.clients.wire import new_probe
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Aws, Tenant
from tenantproof.probes.encrypted_stores import EncryptedStores
from tenantproof.probes.erasing.depth import DeepErasure
from tenantproof.probes.erasing.racing import RacedErasure
from tenantproof.probes.erasure import Erasure
from tenantproof.probes.key_calls import Arguments, KeyCall, harmful, harmless, outcome_of, undo_of
from tenantproof.probes.key_reach import KeyReach
from tenantproof.probes.permissions.actions import kms_actions
from tenantproof.probes.permissions.documents import Document, read_document
from tenantproof.probes.permissions.evaluate import Grant, decide, possible_actions, read_grants
from tenantproof.probes.permissions.principals import Caller
from tenantproof.probes.probe import Probe

__all__ = ["DeepErasure", "EncryptedStores", "Erasure", "KeyReach", "RacedErasure", "TenantKeys"]

_YEAR_DAYS = 365
_SLACK = timedelta(days=1)
"""How much later than the day itself a rotation may be."""


@dataclass(frozen=True)
class Key:
    """One tenant's key as its own auditor sees it; `trouble` says what could not be read."""

    tenant: Tenant
    policy: Document
    grants: tuple[Grant, ...]
    policy_text: str
    possible: Mapping[str, str]
    """The actions that can't be shown to be kept from the workload, and what gives each."""
    metadata: Mapping[str, Any]
    rotation: Mapping[str, Any]
    trouble: str = ""

    @property
    def rotation_days(self) -> int:
        """The rotation period in days; 0 if it is not rotated or the target does not say how often."""
        period = self.rotation.get("RotationPeriodInDays")
        return period if self.rotation.get("KeyRotationEnabled") is True and isinstance(period, int) else 0


class TenantKeys(Probe):
    """The tenants' KMS keys, read with each tenant's auditor and tried with the vendor's workload."""

    needs: ClassVar[frozenset[str]] = frozenset({"kms"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        if target.profile.aws is None:
            raise UsageError("the profile has no [aws]; add it to have keys assessed")
        self.aws: Aws = target.profile.aws
        self.caller = Caller.of(self.aws.workload.arn)
        self.tenants = target.profile.tenants
        self.actions = kms_actions()
        self._keys: dict[str, Key] = {}
        target.aws.identify(self.aws.workload, key="aws.workload")

    @property
    def allowed(self) -> tuple[str, ...]:
        """The actions that the vendor says it holds."""
        return self.aws.allowed_actions

    @property
    def forbidden(self) -> tuple[str, ...]:
        """Every other action of KMS."""
        held = {action.lower() for action in self.allowed}
        return tuple(action for action in self.actions if action.lower() not in held)

    def readable(self, tenant: Tenant) -> Observation:
        """Whether the key's policy, grants and state can be read; without them nothing is known."""
        key = self._key(tenant)
        outcome = UNANSWERED if key.trouble else PRESENT
        return self._seen(f"the policy and grants of {tenant.id}'s key", outcome, tenant, notes=(key.trouble,))

    def holds(self, tenant: Tenant, action: str) -> Observation:
        """Whether policy or grants give the workload an action, in the tenant's own encryption context."""
        key = self._key(tenant)
        decision = decide(action, tenant.key_arn, self.caller, key.policy, key.grants, {"tenant": tenant.id})
        seen = {True: PRESENT, False: ABSENT, None: UNCLEAR}[decision.may]
        return self._on_paper(tenant, action, seen, decision.because)

    def holds_elsewhere(self, tenant: Tenant, action: str) -> Observation:
        """Whether policy or grants give the workload the action in another tenant's encryption context, or in none."""
        key = self._key(tenant)
        contexts: list[dict[str, str]] = [{}, *({"tenant": each.id} for each in self.tenants if each.id != tenant.id)]
        decided = [
            (context, decide(action, tenant.key_arn, self.caller, key.policy, key.grants, context))
            for context in contexts
        ]
        found = next(((context, each) for context, each in decided if each.may is not False), None)
        because = f"in the encryption context {found[0]}: {found[1].because}" if found else "nothing allows it"
        unit = Unit("workload", tenant.id, action, "another context")
        what = f"{tenant.id}'s key gives the workload {action} outside the tenant's encryption context"
        seen = UNANSWERED if key.trouble else PRESENT if found else ABSENT
        return self._seen(what, seen, tenant, unit=unit, notes=(key.trouble or because,))

    def could_hold(self, tenant: Tenant, action: str) -> Observation:
        """Whether policy or grants give, or can't be shown not to give, the action in any encryption context."""
        because = self._key(tenant).possible.get(action)
        # For a "never" what can't be ruled out counts as held.
        return self._on_paper(tenant, action, PRESENT if because else ABSENT, because or "nothing allows it")

    def round_trip(self, tenant: Tenant) -> Observation:
        """The workload makes a data key and opens it again, in the tenant's own encryption context."""
        kms = self._workload(tenant)
        context = {"tenant": tenant.id, "subject": "tenantproof"}
        made = self._call(kms, "generate_data_key", KeyId=tenant.key_arn, KeySpec="AES_256", EncryptionContext=context)
        opened = made
        if made.is_granted:
            wrapped = made.data.get("CiphertextBlob", b"")
            opened = self._call(kms, "decrypt", KeyId=tenant.key_arn, CiphertextBlob=wrapped, EncryptionContext=context)
        same = bool(opened.data.get("Plaintext")) and opened.data.get("Plaintext") == made.data.get("Plaintext")
        outcome = PERMITTED if same else UNCLEAR if opened.is_granted else outcome_of(opened)
        return self._seen(f"the workload makes and opens a data key of {tenant.id}", outcome, tenant, opened)

    def without_context(self, tenant: Tenant) -> Observation:
        """The workload makes a data key in another tenant's encryption context."""
        other = next(each for each in self.tenants if each.id != tenant.id)
        answer = self._call(
            self._workload(tenant),
            "generate_data_key",
            KeyId=tenant.key_arn,
            KeySpec="AES_256",
            EncryptionContext={"tenant": other.id},
        )
        unit = Unit("workload", tenant.id, "kms:GenerateDataKey", "another tenant's context")
        what = f"the workload uses {tenant.id}'s key in {other.id}'s encryption context"
        return self._seen(what, outcome_of(answer), tenant, answer, unit=unit)

    def live(self, tenant: Tenant) -> list[Observation]:
        """Calls that must be refused, with the workload's own credentials.

        Those that could harm the key are made only where the profile allows destruction and the tenant and its key are
        disposable, only those that policy and grants deny (for the others the paper has shown it), and none after one
        that was carried out.
        """
        kms, context = self._workload(tenant), {"tenant": tenant.id}
        made = self._call(kms, "generate_data_key", KeyId=tenant.key_arn, KeySpec="AES_256", EncryptionContext=context)
        # Without a ciphertext, a byte that is none: the refusal comes before anybody looks at it.
        wrapped = bytes(made.data.get("CiphertextBlob") or b"\0")
        calls = self._not_allowed(harmless(tenant.key_arn, wrapped, context))
        seen = [self._try(tenant, call) for call in calls]
        for call in self._risky(tenant):
            seen.append(self._try(tenant, call))
            if seen[-1].outcome is PERMITTED:
                break
        return seen

    def in_own_account(self, tenant: Tenant) -> Observation:
        """Whether the key is customer-managed and in the tenant's own account, not in the vendor's."""
        key = self._key(tenant)
        parts = tenant.key_arn.split(":")
        account = parts[4] if len(parts) > 4 else ""
        well = (
            not key.trouble
            and account == tenant.account
            and account != self.caller.account
            and key.metadata.get("KeyManager") == "CUSTOMER"
            and key.metadata.get("Arn") == tenant.key_arn
            and key.metadata.get("KeyState") == "Enabled"
        )
        said = one_line(f"manager {key.metadata.get('KeyManager')}, state {key.metadata.get('KeyState')}")
        note = f"account {account}, {said}"
        outcome = UNANSWERED if key.trouble else PRESENT if well else ABSENT
        unit = Unit("", tenant.id, "kms:DescribeKey", "own account")
        return self._seen(f"{tenant.id}'s key is its own", outcome, tenant, unit=unit, notes=(note,))

    def same_key(self, one: Tenant, other: Tenant) -> Observation:
        """Whether two tenants' keys are one and the same: by ARN, or by key id as replicas have it."""
        mine, theirs = (self._key(tenant) for tenant in (one, other))
        trouble = mine.trouble or theirs.trouble
        same = one.key_arn == other.key_arn or _key_id(one) == _key_id(other)
        replica = bool(mine.metadata) and mine.metadata.get("Arn") == theirs.metadata.get("Arn")
        outcome = PRESENT if same or replica else UNANSWERED if trouble else ABSENT
        unit = Unit(one.id, other.id, "kms:DescribeKey", "shared key")
        return self._seen(f"{one.id} and {other.id} share a key", outcome, one, unit=unit, notes=(trouble,))

    def rotates(self, tenant: Tenant) -> Observation:
        """Whether the key is rotated at least once a year, or as often as the tenant wants it to be."""
        key, longest = self._key(tenant), min(_YEAR_DAYS, tenant.rotation_days)
        late = 0 < key.rotation_days <= longest and self._is_late(key)
        well = 0 < key.rotation_days <= longest and late is False
        outcome = UNANSWERED if key.trouble or late is None else PRESENT if well else ABSENT
        unit = Unit("", tenant.id, "kms:GetKeyRotationStatus", "period")
        note = (
            f"enabled {key.rotation.get('KeyRotationEnabled')}, every {key.rotation.get('RotationPeriodInDays')} days"
        )
        imported = (
            "imported key material is never rotated by itself" if key.metadata.get("Origin") == "EXTERNAL" else ""
        )
        notes = (note, "the last rotation is longer ago than that" if late else "", imported)
        return self._seen(
            f"{tenant.id}'s key is rotated within {longest} days", outcome, tenant, unit=unit, notes=notes
        )

    def _is_late(self, key: Key) -> bool | None:
        """Whether the key is older than its period and was not rotated within it; None when nobody says."""
        since = datetime.now(UTC) - timedelta(days=key.rotation_days) - _SLACK
        if _moment(key.metadata.get("CreationDate")) > since:
            return False
        answer = self._call(self._client(key.tenant, "auditor"), "list_key_rotations", KeyId=key.tenant.key_arn)
        rotations = answer.data.get("Rotations")
        if not answer.is_granted or not isinstance(rotations, list):
            return None
        return not any(_moment(_mapping(each).get("RotationDate")) > since for each in rotations)

    def _on_paper(self, tenant: Tenant, action: str, seen: Outcome, because: str) -> Observation:
        trouble = self._key(tenant).trouble
        unit = Unit("workload", tenant.id, action, "policy and grants")
        what = f"{tenant.id}'s key gives the workload {action}"
        return self._seen(what, UNANSWERED if trouble else seen, tenant, unit=unit, notes=(trouble or because,))

    def _not_allowed(self, calls: Iterable[KeyCall]) -> list[KeyCall]:
        """Those of the calls that need an action which the vendor does not say it holds."""
        held = {action.lower() for action in self.allowed}
        return [call for call in calls if not {action.lower() for action in call.actions} <= held]

    def _risky(self, tenant: Tenant) -> list[KeyCall]:
        key = self._key(tenant)
        lent = self.target.profile.safety.allow_destructive and tenant.disposable and self.aws.disposable_keys
        if not lent or key.trouble or key.metadata.get("KeyState") != "Enabled":
            return []
        calls = self._not_allowed(harmful(tenant.key_arn, key.policy_text, key.rotation_days))
        return [call for call in calls if not key.possible.keys() & set(call.actions)]

    def _try(self, tenant: Tenant, call: KeyCall) -> Observation:
        answer = self._call(self._workload(tenant), call.operation, **call.arguments)
        unit = Unit("workload", tenant.id, call.operation, "live call")
        what = f"the workload calls {call.operation} on {tenant.id}'s key"
        notes = tuple(self._undo(tenant, *step) for step in undo_of(call, answer))
        return self._seen(what, outcome_of(answer), tenant, answer, unit=unit, notes=notes)

    def _undo(self, tenant: Tenant, operation: str, arguments: Arguments) -> str:
        """Take back what should not have been possible, as whoever can; says what came of it."""
        for name, kms in (("the workload", self._workload(tenant)), ("the auditor", self._client(tenant, "auditor"))):
            if self._call(kms, operation, **arguments).is_granted:
                return f"taken back by {name} with {operation}"
        return f"NOT taken back: {operation} was refused; call it on {tenant.key_arn} by hand"

    def _key(self, tenant: Tenant) -> Key:
        if tenant.id not in self._keys:
            self._keys[tenant.id] = self._read(tenant)
        return self._keys[tenant.id]

    def _read(self, tenant: Tenant) -> Key:
        if "auditor" not in tenant.aws:
            raise UsageError(f"tenant {tenant.id!r} has no aws.auditor in the profile; add one that may read its key")
        self.target.aws.identify(tenant.aws["auditor"], key=f"tenants.{tenant.id}.aws.auditor")
        kms = self._client(tenant, "auditor")
        policy = self._call(kms, "get_key_policy", KeyId=tenant.key_arn, PolicyName="default")
        described = self._call(kms, "describe_key", KeyId=tenant.key_arn)
        rotation = self._call(kms, "get_key_rotation_status", KeyId=tenant.key_arn)
        grants, trouble = self._grants(kms, tenant.key_arn)
        for answer in (policy, described, rotation):
            trouble = trouble or answer.failure or answer.code
        text = str(policy.data.get("Policy", ""))
        document = read_document("key policy", text, resource_based=True)
        return Key(
            tenant=tenant,
            policy=document,
            grants=grants,
            policy_text=text,
            possible=possible_actions(tenant.key_arn, self.caller, document, grants),
            metadata=_mapping(described.data.get("KeyMetadata")),
            rotation=rotation.data,
            trouble=trouble,
        )

    def _grants(self, kms: Client, key: str) -> tuple[tuple[Grant, ...], str]:
        """All grants, page by page, and what stopped the reading, if anything did."""
        found: list[Mapping[str, object]] = []
        marker: dict[str, str] = {}
        for _ in range(1000):
            answer = self._call(kms, "list_grants", KeyId=key, Limit=100, **marker)
            listed = answer.data.get("Grants")
            if not answer.is_granted or not isinstance(listed, list):
                return read_grants(found), answer.failure or answer.code or "kms:ListGrants gave no list"
            found += listed
            if not answer.data.get("Truncated"):
                return read_grants(found), ""
            marker = {"Marker": str(answer.data.get("NextMarker", ""))}
        return read_grants(found), "kms:ListGrants does not come to an end"

    def _workload(self, tenant: Tenant) -> Client:
        region = _region(tenant) or self.aws.region
        return self.target.aws.client("kms", self.aws.workload, region=region, key="aws.workload")

    def _client(self, tenant: Tenant, name: str) -> Client:
        place = f"tenants.{tenant.id}.aws.{name}"
        return self.target.aws.client("kms", tenant.aws[name], region=_region(tenant) or self.aws.region, key=place)

    def _call(self, client: Client, operation: str, **arguments: Any) -> AwsAnswer:  # noqa: ANN401  # the operation's own
        return self.target.aws.call(client, operation, **arguments)

    def _seen(
        self,
        what: str,
        outcome: Outcome,
        tenant: Tenant,
        answer: AwsAnswer | None = None,
        *,
        unit: Unit | None = None,
        notes: tuple[str, ...] = (),
    ) -> Observation:
        said = ("granted" if answer.is_granted else answer.failure or answer.code) if answer else ""
        return Observation(
            probe=new_probe(),
            what=what,
            outcome=outcome,
            principal=self.aws.workload.arn if answer else f"{tenant.id}, auditor",
            request=f"on {tenant.key_arn}" if answer else "",
            response=one_line(said),
            response_digest=digest(said) if answer else "",
            at=answer.at if answer else time.time(),
            seconds=answer.seconds if answer else 0.0,
            unit=unit,
            notes=tuple(one_line(note) for note in notes if note),
        )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _moment(value: object) -> datetime:
    """The time that a target gave; the beginning of time for anything that is none."""
    return value if isinstance(value, datetime) and value.tzinfo else datetime.min.replace(tzinfo=UTC)


def _key_id(tenant: Tenant) -> str:
    return tenant.key_arn.rpartition("/")[2]


def _region(tenant: Tenant) -> str:
    parts = tenant.key_arn.split(":")
    return parts[3] if len(parts) > 3 else ""
