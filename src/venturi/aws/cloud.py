"""What the front knows of the world behind it: keys, policies and issued credentials, read from moto's backends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from venturi.aws.grants import Grant

Backend: TypeAlias = Any
"""One of moto's backends; moto ships no types for them."""
_ARN = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):(key|alias)/([A-Za-z0-9/_-]+)")


@dataclass(frozen=True)
class Key:
    """A KMS key as it stands at this moment."""

    account: str
    region: str
    id: str
    arn: str
    policy: str
    state: str
    spec: str = "SYMMETRIC_DEFAULT"
    usage: str = "ENCRYPT_DECRYPT"
    origin: str = "AWS_KMS"
    multi_region: bool = False
    aliases: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True)
class Issued:
    """Credentials that the cloud itself has issued; `token` belongs to a role session."""

    arn: str
    secret: str
    token: str = ""


@dataclass
class Ledger:
    """What moto forgets: rotation periods in days by key ARN, and when and by which account a grant was made."""

    rotation_days: dict[str, int] = field(default_factory=dict)
    granted: dict[str, tuple[float, str]] = field(default_factory=dict)


class MotoCloud:
    """Reads moto's backends. `clock` returns the time in UTC; a key whose deletion date has passed is gone."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        from moto.iam.models import iam_backends  # moto takes a second to import, and not every process needs it
        from moto.kms.models import kms_backends
        from moto.s3.models import s3_backends
        from moto.sns.models import sns_backends
        from moto.sqs.models import sqs_backends
        from moto.sts.models import sts_backends

        self._iam, self._kms, self._sts = iam_backends, kms_backends, sts_backends
        self._s3, self._sns, self._sqs = s3_backends, sns_backends, sqs_backends
        self._clock = clock
        self.ledger = Ledger()

    def find_key(self, reference: str, account: str, region: str) -> Key | None:
        """The key behind an id, an ARN or an alias, as `account` would mean it in `region`."""
        if match := _ARN.fullmatch(reference):
            if match[1] != region:
                return None
            account, reference = match[2], match[4] if match[3] == "key" else f"alias/{match[4]}"
        backend = self._kms[account][region]
        if reference.startswith("alias/"):
            reference = backend.get_key_id_from_alias(reference) or ""
        return self._key(backend, reference)

    def key_of_ciphertext(self, blob: bytes, region: str) -> Key | None:
        """The key that a ciphertext names in its first 36 bytes, whoever owns it."""
        ident = blob[:36].decode("ascii", "replace")
        found = (self._key(regions[region], ident) for regions in list(self._kms.values()))
        return next((key for key in found if key is not None), None)

    def key_of_grant(self, token: str, region: str) -> Key | None:
        """The key on which the grant with this token was made."""
        for regions in list(self._kms.values()):
            for ident in list(regions[region].keys):
                key = self._key(regions[region], ident)
                if key and any(grant.token == token for grant in key.grants):
                    return key
        return None

    def _key(self, backend: Backend, ident: str) -> Key | None:
        held = backend.keys.get(ident)
        if held is None:
            return None
        if held.deletion_date is not None and held.deletion_date.replace(tzinfo=UTC) <= self._clock():
            held.key_material = b""
            backend.delete_key(ident)
            return None
        return Key(
            held.account_id, held.region, held.id, held.arn, held.policy, held.key_state, held.key_spec,
            held.key_usage, held.origin, bool(held.multi_region), tuple(held.aliases),
            tuple(_grant(grant) for grant in list(held.grants.values())),
        )  # fmt: skip

    def identity_policies(self, arn: str) -> tuple[str, ...]:
        """Inline and attached policies of a user or role, and of the user's groups; none for anybody else."""
        _, _, _, _, account, resource = arn.split(":", 5)
        kind, _, path = resource.partition("/")
        name = path.rpartition("/")[2]
        backend = self._iam[account]["aws"]
        if kind == "user" and name in backend.users:
            groups = [group for group in backend.groups.values() if any(user.name == name for user in group.users)]
            return tuple(text for holder in (backend.users[name], *groups) for text in _documents(holder))
        roles = (role for role in list(backend.roles.values()) if kind == "role" and role.name == name)
        return tuple(text for role in roles for text in _documents(role))

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

    def bucket(self, name: str) -> tuple[str, str | None] | None:
        """The account that owns a bucket, and the bucket's policy if it has one."""
        for account, partitions in list(self._s3.items()):
            held = partitions["aws"].buckets.get(name)
            if held is not None:
                return account, _text(held.policy)
        return None

    def issued(self, access_key_id: str) -> Issued | None:
        """Credentials made with iam:CreateAccessKey or sts:AssumeRole."""
        return next(iter(self._issued(access_key_id)), None)

    def _issued(self, access_key_id: str) -> Iterator[Issued]:
        for account, partitions in list(self._iam.items()):
            for user in list(partitions["aws"].users.values()):
                for key in user.access_keys:
                    if key.access_key_id == access_key_id and key.status == "Active":
                        yield Issued(f"arn:aws:iam::{account}:user/{user.name}", key.secret_access_key)
        for sessions in list(self._sts.values()):
            session = sessions["aws"].get_assumed_role_from_access_key(access_key_id)
            if session is not None and session.expiration.replace(tzinfo=UTC) > self._clock():
                yield Issued(session.arn, session.secret_access_key, session.session_token)


def _grant(held: Backend) -> Grant:
    return Grant(
        id=held.id,
        token=held.token,
        grantee=held.grantee_principal,
        operations=frozenset(held.operations),
        constraints=_mapping(held.constraints),
        retiring=held.retiring_principal or "",
        name=held.name or "",
    )


def _mapping(value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return value or {}


def _documents(holder: Backend) -> list[str]:
    return [*holder.policies.values(), *(policy.document for policy in holder.managed_policies.values())]


def _text(policy: bytes | str | None) -> str | None:
    return policy.decode() if isinstance(policy, bytes) else policy
