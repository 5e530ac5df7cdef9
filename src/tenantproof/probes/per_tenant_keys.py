"""Asks what the vendor's workload may do to each tenant's key: on paper, by policy and grants, and live."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from tenantproof.clients.aws import AwsAnswer, Client
from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.clients.wire import new_probe
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Aws, Tenant
from tenantproof.probes.permissions.actions import kms_actions
from tenantproof.probes.permissions.documents import Document, read_document
from tenantproof.probes.permissions.evaluate import Grant, decide, read_grants
from tenantproof.probes.permissions.principals import Caller
from tenantproof.probes.probe import Probe

Arguments: TypeAlias = Mapping[str, Any]
"""Keyword arguments of one KMS operation; their types are the operation's."""

_REFUSALS = frozenset({"AccessDeniedException", "AccessDenied"})
_BYTES = b"tenantproof"
_YEAR_DAYS = 365


@dataclass(frozen=True)
class Key:
    """One tenant's key as its own auditor sees it; `trouble` says what could not be read."""

    tenant: Tenant
    policy: Document
    grants: tuple[Grant, ...]
    metadata: Mapping[str, Any]
    rotation: Mapping[str, Any]
    trouble: str = ""


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
        return self._on_paper(tenant, action, {"tenant": tenant.id})

    def could_hold(self, tenant: Tenant, action: str) -> Observation:
        """Whether policy or grants give, or can't be shown not to give, the action in any encryption context."""
        return self._on_paper(tenant, action, None)

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
        outcome = PERMITTED if same else _outcome(opened)
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
        return self._seen(what, _outcome(answer), tenant, answer, unit=unit)

    def live(self, tenant: Tenant) -> list[Observation]:
        """Calls that must be refused, with the workload's own credentials.

        Those that could harm the key are made only where the profile allows destruction and the tenant and its key are
        disposable, and not where policy or grants give them anyway: the paper has shown it then.
        """
        harmless = [self._try(tenant, name, arguments) for name, arguments in _harmless(tenant.key_arn).items()]
        if not self._is_disposable(tenant):
            return harmless
        harmful = _harmful(tenant.key_arn)
        safe = [name for name in harmful if self._is_denied_on_paper(tenant, name)]
        return harmless + [self._try_and_undo(tenant, name, harmful[name]) for name in safe]

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
        )
        note = f"account {account}, manager {one_line(str(key.metadata.get('KeyManager')))}"
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
        """Whether the key is rotated at least once a year."""
        key = self._key(tenant)
        period = key.rotation.get("RotationPeriodInDays")
        well = key.rotation.get("KeyRotationEnabled") is True and isinstance(period, int) and 0 < period <= _YEAR_DAYS
        outcome = UNANSWERED if key.trouble else PRESENT if well else ABSENT
        unit = Unit("", tenant.id, "kms:GetKeyRotationStatus", "period")
        note = f"enabled {key.rotation.get('KeyRotationEnabled')}, every {period} days"
        return self._seen(f"{tenant.id}'s key is rotated yearly", outcome, tenant, unit=unit, notes=(one_line(note),))

    def _on_paper(self, tenant: Tenant, action: str, context: Mapping[str, str] | None) -> Observation:
        key = self._key(tenant)
        decision = decide(action, tenant.key_arn, self.caller, key.policy, key.grants, context)
        # For a "never" what can't be ruled out counts as held.
        outcome = UNANSWERED if key.trouble else ABSENT if decision.may is False else PRESENT
        if context is not None and decision.may is None:
            outcome = UNCLEAR
        unit = Unit("workload", tenant.id, action, "policy and grants")
        what = f"{tenant.id}'s key gives the workload {action}"
        return self._seen(what, outcome, tenant, unit=unit, notes=(key.trouble or decision.because,))

    def _is_denied_on_paper(self, tenant: Tenant, operation: str) -> bool:
        key = self._key(tenant)
        action = "kms:" + "".join(part.capitalize() for part in operation.split("_"))
        return decide(action, tenant.key_arn, self.caller, key.policy, key.grants).may is False

    def _is_disposable(self, tenant: Tenant) -> bool:
        return self.target.profile.safety.allow_destructive and tenant.disposable and self.aws.disposable_keys

    def _try(self, tenant: Tenant, operation: str, arguments: Arguments) -> Observation:
        answer = self._call(self._workload(tenant), operation, **arguments)
        unit = Unit("workload", tenant.id, operation, "live call")
        return self._seen(
            f"the workload calls {operation} on {tenant.id}'s key", _outcome(answer), tenant, answer, unit=unit
        )

    def _try_and_undo(self, tenant: Tenant, operation: str, attempt: Attempt) -> Observation:
        seen = self._try(tenant, operation, attempt.arguments)
        if seen.outcome is PERMITTED:
            for undo in attempt.undo:
                self._call(self._workload(tenant), undo, KeyId=tenant.key_arn)
        return seen

    def _key(self, tenant: Tenant) -> Key:
        if tenant.id not in self._keys:
            self._keys[tenant.id] = self._read(tenant)
        return self._keys[tenant.id]

    def _read(self, tenant: Tenant) -> Key:
        if "auditor" not in tenant.aws:
            raise UsageError(f"tenant {tenant.id!r} has no aws.auditor in the profile; add one that may read its key")
        kms = self._client(tenant, "auditor")
        policy = self._call(kms, "get_key_policy", KeyId=tenant.key_arn, PolicyName="default")
        described = self._call(kms, "describe_key", KeyId=tenant.key_arn)
        rotation = self._call(kms, "get_key_rotation_status", KeyId=tenant.key_arn)
        grants, trouble = self._grants(kms, tenant.key_arn)
        for answer in (policy, described, rotation):
            trouble = trouble or answer.failure or answer.code
        return Key(
            tenant=tenant,
            policy=read_document("key policy", str(policy.data.get("Policy", "")), resource_based=True),
            grants=grants,
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


@dataclass(frozen=True)
class Attempt:
    """A call that would harm a key, and what undoes it."""

    arguments: Arguments
    undo: tuple[str, ...] = ()


def _harmless(key: str) -> dict[str, Arguments]:
    """Calls that change nothing even where they are permitted: reads, and what KMS lets one rehearse (DryRun)."""
    rehearsed = {"KeyId": key, "DryRun": True}
    return {
        "encrypt": {**rehearsed, "Plaintext": _BYTES},
        "create_grant": {
            **rehearsed,
            "GranteePrincipal": "arn:aws:iam::000000000000:root",
            "Operations": ["Decrypt"],
        },
        "generate_data_key_pair": {**rehearsed, "KeyPairSpec": "ECC_NIST_P256"},
        "get_key_policy": {"KeyId": key, "PolicyName": "default"},
        "list_grants": {"KeyId": key},
        "describe_key": {"KeyId": key},
        "get_key_rotation_status": {"KeyId": key},
        "list_resource_tags": {"KeyId": key},
    }


def _harmful(key: str) -> dict[str, Attempt]:
    """Calls that would put a key out of use, the mildest first."""
    return {
        "disable_key_rotation": Attempt({"KeyId": key}, ("enable_key_rotation",)),
        "disable_key": Attempt({"KeyId": key}, ("enable_key",)),
        "schedule_key_deletion": Attempt(
            {"KeyId": key, "PendingWindowInDays": 30}, ("cancel_key_deletion", "enable_key")
        ),
    }


def _outcome(answer: AwsAnswer) -> Outcome:
    """Refused is AWS's own refusal; a rehearsal that would have succeeded is a permission."""
    if answer.failure:
        return UNANSWERED
    if answer.is_granted or answer.code == "DryRunOperationException":
        return PERMITTED
    return REFUSED if answer.code in _REFUSALS else UNCLEAR


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _key_id(tenant: Tenant) -> str:
    return tenant.key_arn.rpartition("/")[2]


def _region(tenant: Tenant) -> str:
    parts = tenant.key_arn.split(":")
    return parts[3] if len(parts) > 3 else ""
