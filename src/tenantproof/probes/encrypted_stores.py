"""Asks AWS under whose key each tenant's database and bucket are encrypted, and tries to get round it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from tenantproof.clients.aws import AwsAnswer, Client
from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.clients.wire import new_probe
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Aws, Tenant
from tenantproof.probes.probe import Probe

# S3 does not look for a key in another Region than the bucket's.
_REFUSALS = frozenset({"AccessDenied", "AccessDeniedException", "KMS.NotFoundException"})
_BYTES = b"tenantproof"
_KMS = "aws:kms"


class EncryptedStores(Probe):
    """The tenants' databases and buckets, as each tenant's auditor sees them and as the vendor's workload does."""

    needs: ClassVar[frozenset[str]] = frozenset({"kms", "buckets"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        if target.profile.aws is None:
            raise UsageError("the profile has no [aws]; add it to have the stores assessed")
        self.aws: Aws = target.profile.aws
        self.tenants = target.profile.tenants
        target.aws.identify(self.aws.workload, key="aws.workload")

    @property
    def writable(self) -> list[Tenant]:
        """The tenants into whose buckets objects may be put to see what they take."""
        return [each for each in self.tenants if self.target.profile.safety.allow_writes and each.disposable]

    def database_is_there(self, tenant: Tenant) -> Observation:
        """Whether the tenant's auditor finds the database instance that the profile names."""
        found, answer = self._instance(tenant)
        outcome = _answered(answer) or (PRESENT if found else ABSENT)
        return _seen(f"{tenant.id}'s auditor finds {tenant.database_instance}", outcome, answer, tenant)

    def database_under_own_key(self, tenant: Tenant) -> Observation:
        """Whether the instance's storage is encrypted, and under this tenant's key."""
        found, answer = self._instance(tenant)
        well = found.get("StorageEncrypted") is True and found.get("KmsKeyId") == tenant.key_arn
        outcome = _answered(answer) or (PRESENT if well else ABSENT)
        note = f"encrypted {found.get('StorageEncrypted')}, key {found.get('KmsKeyId')}"
        unit = Unit("", tenant.id, "rds:DescribeDBInstances", "storage key")
        return _seen(f"{tenant.id}'s database is encrypted under its key", outcome, answer, tenant, unit, note)

    def bucket_is_there(self, tenant: Tenant) -> Observation:
        """Whether the tenant's auditor can ask the bucket that the profile names where it lies."""
        answer = self._call(self._auditor(tenant, "s3"), "get_bucket_location", Bucket=tenant.bucket)
        outcome = _answered(answer) or PRESENT
        return _seen(f"{tenant.id}'s auditor finds {tenant.bucket}", outcome, answer, tenant)

    def bucket_under_own_key(self, tenant: Tenant) -> Observation:
        """Whether the bucket encrypts by default with KMS under this tenant's key."""
        answer = self._call(self._auditor(tenant, "s3"), "get_bucket_encryption", Bucket=tenant.bucket)
        rules = _rules(answer)
        well = bool(rules) and all(
            rule.get("SSEAlgorithm") == _KMS and rule.get("KMSMasterKeyID") == tenant.key_arn for rule in rules
        )
        none = answer.code == "ServerSideEncryptionConfigurationNotFoundError"
        outcome = ABSENT if none else _answered(answer) or (PRESENT if well else ABSENT)
        note = "no default encryption" if none else f"default {[rule.get('KMSMasterKeyID') for rule in rules]}"
        unit = Unit("", tenant.id, "s3:GetBucketEncryption", "default key")
        return _seen(f"{tenant.id}'s bucket encrypts under its key", outcome, answer, tenant, unit, note)

    def right_put(self, tenant: Tenant) -> Observation:
        """The workload puts an object under the tenant's own key and reads under which key it lies."""
        answer, name = self._put(tenant, tenant.key_arn)
        if answer.is_granted:
            read = self._call(self._workload(tenant), "get_object", Bucket=tenant.bucket, Key=name)
            same = read.data.get("SSEKMSKeyId") == tenant.key_arn and _content(read) == _BYTES
            outcome = PERMITTED if same else _outcome(read) if not read.is_granted else UNCLEAR
            answer = read
        else:
            outcome = _outcome(answer)
        return _seen(f"the workload puts an object under {tenant.id}'s key", outcome, answer, tenant)

    def wrong_puts(self, tenant: Tenant) -> list[Observation]:
        """Puts that would leave an object outside the tenant's key, with the workload's credentials."""
        others = [each for each in self.tenants if each.id != tenant.id]
        other = next((each for each in others if _region(each) == _region(tenant)), others[0])
        return [
            self._wrong(tenant, "under no key at all", None),
            self._wrong(tenant, "under S3's own key", "AES256"),
            self._wrong(tenant, f"under {other.id}'s key", other.key_arn),
        ]

    def _wrong(self, tenant: Tenant, how: str, key: str | None) -> Observation:
        answer, _ = self._put(tenant, key)
        unit = Unit("workload", tenant.id, "s3:PutObject", how)
        return _seen(
            f"the workload puts an object into {tenant.id}'s bucket {how}", _outcome(answer), answer, tenant, unit
        )

    def _put(self, tenant: Tenant, key: str | None) -> tuple[AwsAnswer, str]:
        name = f"{self.aws.export_prefix}tenantproof-{new_probe()}"
        how: dict[str, str] = {}
        if key == "AES256":
            how = {"ServerSideEncryption": "AES256"}
        elif key:
            how = {"ServerSideEncryption": _KMS, "SSEKMSKeyId": key, "SSEKMSEncryptionContext": _context(tenant.id)}
        workload = self._workload(tenant)
        return self._call(workload, "put_object", Bucket=tenant.bucket, Key=name, Body=_BYTES, **how), name

    def _instance(self, tenant: Tenant) -> tuple[Mapping[str, Any], AwsAnswer]:
        rds = self._auditor(tenant, "rds")
        answer = self._call(rds, "describe_db_instances", DBInstanceIdentifier=tenant.database_instance)
        listed = answer.data.get("DBInstances") or [{}]
        return listed[0], answer

    def _auditor(self, tenant: Tenant, service: str) -> Client:
        if "auditor" not in tenant.aws:
            raise UsageError(
                f"tenant {tenant.id!r} has no aws.auditor in the profile; add one that may read its stores"
            )
        place = f"tenants.{tenant.id}.aws.auditor"
        return self.target.aws.client(service, tenant.aws["auditor"], region=_region(tenant), key=place)

    def _workload(self, tenant: Tenant) -> Client:
        return self.target.aws.client("s3", self.aws.workload, region=_region(tenant), key="aws.workload")

    def _call(self, client: Client, operation: str, **arguments: Any) -> AwsAnswer:  # noqa: ANN401  # the operation's own
        return self.target.aws.call(client, operation, **arguments)


def _outcome(answer: AwsAnswer) -> Outcome:
    if answer.failure:
        return UNANSWERED
    if answer.is_granted:
        return PERMITTED
    return REFUSED if answer.code in _REFUSALS else UNCLEAR


def _answered(answer: AwsAnswer) -> Outcome | None:
    """None for a readable answer, and otherwise what kept us from one."""
    if answer.failure:
        return UNANSWERED
    return None if answer.is_granted else UNCLEAR


def _rules(answer: AwsAnswer) -> list[Mapping[str, Any]]:
    rules = (answer.data.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or []
    return [rule.get("ApplyServerSideEncryptionByDefault") or {} for rule in rules]


def _content(answer: AwsAnswer) -> bytes:
    body = answer.data.get("Body")
    try:
        return bytes(body.read(1024)) if body is not None else b""
    except Exception:  # whatever broke while reading, there is no content
        return b""


def _context(tenant: str) -> str:
    import base64
    import json

    return base64.b64encode(json.dumps({"tenant": tenant}).encode()).decode()


def _region(tenant: Tenant) -> str:
    parts = tenant.key_arn.split(":")
    return parts[3] if len(parts) > 3 else tenant.region


def _seen(
    what: str, outcome: Outcome, answer: AwsAnswer, tenant: Tenant, unit: Unit | None = None, note: str = ""
) -> Observation:
    said = "granted" if answer.is_granted else answer.failure or answer.code
    return Observation(
        probe=new_probe(),
        what=what,
        outcome=outcome,
        principal=unit.attacker if unit and unit.attacker else f"{tenant.id}, auditor",
        request=f"on {tenant.bucket} and {tenant.database_instance}",
        response=one_line(said),
        response_digest=digest(said),
        at=answer.at or time.time(),
        seconds=answer.seconds,
        unit=unit,
        notes=(one_line(note),) if note else (),
    )
