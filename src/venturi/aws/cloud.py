"""What the front knows of the world behind it: keys of its own, and policies and credentials in moto's backends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from venturi.aws.faults import AwsFault
from venturi.aws.keystore.records import Key
from venturi.aws.keystore.sealing import ID_BYTES
from venturi.aws.keystore.store import KeyStore
from venturi.aws.organization import Organizations

Backend: TypeAlias = Any
"""One of moto's backends; moto ships no types for them."""


@dataclass(frozen=True)
class Issued:
    """Credentials that the cloud itself has issued; `token` belongs to a role session."""

    arn: str
    secret: str
    token: str = ""


@dataclass(frozen=True)
class Bucket:
    """A bucket: who owns it, where, its policy, and its default encryption (algorithm and key, both may be empty)."""

    account: str
    region: str
    policy: str | None
    algorithm: str = ""
    key: str = ""


@dataclass
class Notes:
    """What moto forgets or has no place for."""

    boundaries: dict[str, str] = field(default_factory=dict)
    """A user's ARN to the ARN of its permissions boundary."""
    sessions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Access key of a role session to the policies that it was narrowed with."""
    contexts: WeakKeyDictionary[Backend, dict[str, str]] = field(default_factory=WeakKeyDictionary)
    """An object's version to the encryption context that it was stored with."""


class MotoCloud:
    """Keeps the keys, and reads moto's backends for the rest. `clock` returns the time in UTC."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        from moto.iam.access_control import PermissionResult
        from moto.iam.models import iam_backends  # moto takes a second to import, and not every process needs it
        from moto.kms.models import kms_backends
        from moto.s3.models import FakeBucket, s3_backends
        from moto.sns.models import sns_backends
        from moto.sqs.models import sqs_backends
        from moto.sts.models import sts_backends

        self._iam, self._kms, self._sts = iam_backends, kms_backends, sts_backends
        self._s3, self._sns, self._sqs = s3_backends, sns_backends, sqs_backends
        # moto reads bucket policies too, and no condition in them; what comes to it has been decided.
        setattr(FakeBucket, "get_permission", lambda *_: PermissionResult.PERMITTED)  # noqa: B010  # a method of moto
        self._clock = clock
        self.keys = KeyStore(clock, self._introduce)
        self.notes = Notes()
        self.organizations = Organizations()

    def find_key(self, reference: str, account: str, region: str) -> Key | None:
        """The key behind an id, an ARN or an alias, as `account` would mean it in `region`."""
        return self.keys.find(reference, account, region)

    def key_of_ciphertext(self, blob: bytes, region: str) -> Key | None:
        """The key that a ciphertext names in its first bytes, whoever owns it."""
        return self.keys.at(blob[:ID_BYTES].decode("ascii", "replace"), region)

    def key_of_grant(self, token: str, region: str) -> Key | None:
        """The key on which the grant with this token was made."""
        every = self.keys.of("", region)
        return next((key for key in every if any(grant.token == token for grant in key.grants)), None)

    def identity_policies(self, arn: str) -> tuple[str, ...]:
        """Inline and attached policies of a user or role, and of the user's groups; none for anybody else."""
        holder, groups = self._holder(arn)
        return tuple(text for each in (holder, *groups) if each is not None for text in _documents(each))

    def boundary(self, arn: str) -> str | None:
        """The permissions boundary of a user or role. One that is not there any more bounds to nothing."""
        holder, _ = self._holder(arn)
        named = self.notes.boundaries.get(arn) or getattr(holder, "permissions_boundary_arn", None)
        return None if not named else (self.managed_policy(named, arn.split(":")[4]) or '{"Statement": []}')

    def user_arn(self, account: str, name: str) -> str:
        """The ARN of a user, path and all. Raises AwsFault NoSuchEntity when there is none."""
        held = self._iam[account]["aws"].users.get(name)
        if held is None:
            raise AwsFault("NoSuchEntity", f"The user with name {name} cannot be found.", 404)
        return str(held.arn)

    def managed_policy(self, arn: str, account: str) -> str | None:
        """The document of a managed policy as an account sees it; None when there is no such policy."""
        policies = self._iam[account]["aws"].managed_policies
        return _default_version(policies[arn]) if arn in policies else None

    def principal_tags(self, arn: str) -> dict[str, str]:
        """The tags of a user or role."""
        holder, _ = self._holder(arn)
        tags = getattr(holder, "tags", None) or {}
        return {tag["Key"]: tag["Value"] for tag in tags.values()} if isinstance(tags, dict) else {}

    def _holder(self, arn: str) -> tuple[Backend | None, list[Backend]]:
        _, _, _, _, account, resource = arn.split(":", 5)
        kind, _, path = resource.partition("/")
        name = path.rpartition("/")[2]
        backend = self._iam[account]["aws"]
        if kind == "user" and name in backend.users:
            groups = [group for group in backend.groups.values() if any(user.name == name for user in group.users)]
            return backend.users[name], groups
        roles = (role for role in list(backend.roles.values()) if kind == "role" and role.name == name)
        return next(roles, None), []

    def trust_policy(self, role_arn: str) -> str | None:
        """The trust policy of a role; None when there is no such role."""
        roles = self._iam[role_arn.split(":")[4]]["aws"].roles.values()
        return next((str(role.assume_role_policy_document) for role in list(roles) if role.arn == role_arn), None)

    def topic_policy(self, arn: str) -> str | None:
        """The policy of an SNS topic; None when there is no such topic."""
        _, _, _, region, account, _ = arn.split(":", 5)
        topic = self._sns[account][region].topics.get(arn)
        return None if topic is None else str(topic.policy)

    def queue_policy(self, arn: str) -> str | None:
        """The policy of an SQS queue; None when it has none or there is no such queue."""
        _, _, _, region, account, name = arn.split(":", 5)
        queue = self._sqs[account][region].queues.get(name)
        return str(queue.policy) if queue is not None and queue.policy else None

    def bucket(self, name: str) -> Bucket | None:
        """A bucket, whoever owns it."""
        for account, partitions in list(self._s3.items()):
            held = partitions["aws"].buckets.get(name)
            if held is not None:
                default = ((held.encryption or {}).get("Rule") or {}).get("ApplyServerSideEncryptionByDefault") or {}
                return Bucket(account, str(held.region_name), _text(held.policy), default.get("SSEAlgorithm", ""),
                              default.get("KMSMasterKeyID") or "")  # fmt: skip
        return None

    def has_object_lock(self, name: str) -> bool:
        """Whether the bucket was made for locked objects."""
        held = (partitions["aws"].buckets.get(name) for partitions in list(self._s3.values()))
        return any(bucket is not None and bucket.object_lock_enabled for bucket in held)

    def stored(self, bucket: str, name: str, version: str = "") -> Backend | None:
        """An object as moto keeps it; None for one that is not there or only marked as deleted."""
        for partitions in list(self._s3.values()):
            backend = partitions["aws"]
            if bucket in backend.buckets:
                found = backend.get_object(bucket, name, version_id=version or None)
                return found if hasattr(found, "lock_mode") else None
        return None

    def issued(self, access_key_id: str) -> Issued | None:
        """Credentials made with iam:CreateAccessKey or sts:AssumeRole."""
        return next(iter(self._issued(access_key_id)), None)

    def _issued(self, access_key_id: str) -> Iterator[Issued]:
        for partitions in list(self._iam.values()):
            for user in list(partitions["aws"].users.values()):
                for key in user.access_keys:
                    if key.access_key_id == access_key_id and key.status == "Active":
                        yield Issued(user.arn, key.secret_access_key)
        for sessions in list(self._sts.values()):
            session = sessions["aws"].get_assumed_role_from_access_key(access_key_id)
            if session is not None and session.expiration.replace(tzinfo=UTC) > self._clock():
                yield Issued(session.arn, session.secret_access_key, session.session_token)

    def _introduce(self, key: Key) -> None:
        """Let moto's other services (RDS asks for keys) find a key that is ours."""
        known: Any = SimpleNamespace(id=key.id, arn=key.arn, aliases={}, multi_region=False)
        self._kms[key.account][key.region].keys[key.id] = known


def _documents(holder: Backend) -> list[str]:
    return [*holder.policies.values(), *(_default_version(policy) for policy in holder.managed_policies.values())]


def _default_version(policy: Backend) -> str:
    return next(str(version.document) for version in policy.versions if version.is_default)


def _text(policy: bytes | str | None) -> str | None:
    return policy.decode() if isinstance(policy, bytes) else policy
