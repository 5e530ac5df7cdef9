"""Where keys are kept and found again: by id, ARN or alias, in one account and Region, at a given time."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from venturi.aws.keystore.pairs import new_pair
from venturi.aws.keystore.records import Family, ImportToken, Key, Material
from venturi.aws.keystore.specs import SPECS
from venturi.aws.turn import Turn

ARN = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):(key|alias)/([A-Za-z0-9/_-]+)")
_AWS_ALIAS = re.compile(r"alias/aws/[a-z0-9]+")


class KeyStore:
    """Every key of every account. `clock` tells the time in UTC; `made` hears of each new key."""

    def __init__(
        self, clock: Callable[[], datetime] = lambda: datetime.now(UTC), made: Callable[[Key], None] = lambda _: None
    ) -> None:
        self.clock = clock
        self.turn = Turn()
        self.keep: Callable[[str], None] = lambda _: None
        """Hears, in its turn, of every key that has changed, by its id."""
        self.shred: Callable[[], None] = lambda: None
        """Hears that material is gone for good, and has to go from wherever it was kept."""
        self.lent: dict[bytes, ImportToken] = {}
        """Import tokens that were handed out."""
        self.introduced: dict[str, list[tuple[str, str, str]]] = {}
        """Id to (account, Region, ARN) of every copy that there ever was."""
        self._made = made
        self._keys: dict[tuple[str, str], Key] = {}
        """(Region, id) to the key; an id is unique, and copies in other Regions share it."""

    def find(self, reference: str, account: str, region: str) -> Key | None:
        """The key behind an id, an ARN or an alias, as `account` would mean it in `region`."""
        if match := ARN.fullmatch(reference):
            if match[1] != region:
                return None
            account, reference = match[2], match[4] if match[3] == "key" else f"alias/{match[4]}"
        if reference.startswith("alias/"):
            return self._by_alias(reference, account, region)
        key = self.at(reference, region)
        return key if key is not None and key.account == account else None

    def at(self, ident: str, region: str) -> Key | None:
        """The key with this id in the Region, whoever owns it."""
        key = self._keys.get((region, ident))
        return None if key is None else self._now(key)

    def of(self, account: str, region: str) -> Iterator[Key]:
        """The keys of an account in a Region, in the order they were made."""
        for key in list(self._keys.values()):
            if key.region == region and account in ("", key.account) and self._now(key) is not None:
                yield key

    def add(self, key: Key) -> Key:
        """Take a new key in."""
        with self.turn.changing():
            self.put(key)
            self.introduced.setdefault(key.id, []).append((key.account, key.region, key.arn))
            self._made(key)
            self.changed(key)
        return key

    def put(self, key: Key) -> None:
        """Have a key that was made before."""
        self._keys[key.region, key.id] = key
        key.family.members[key.region] = key

    def introduce(self, account: str, region: str, ident: str, arn: str) -> None:
        """Say that there was such a key once."""
        self._made(Key(account, region, ident, arn, policy="", state=""))

    def every(self) -> dict[tuple[str, str], Key]:
        """All keys by Region and id, whatever time has done to them since somebody last looked."""
        return dict(self._keys)

    def changed(self, key: Key) -> None:
        """Have it kept; whoever changes a key calls this in its turn."""
        self.keep(key.id)

    def make(self, account: str, region: str, *, policy: str = "", **asked: Any) -> Key:  # noqa: ANN401  # Key's fields
        """A new key with fresh material, unless its material is to be imported."""
        multi = bool(asked.get("multi_region"))
        ident = f"mrk-{secrets.token_hex(16)}" if multi else str(uuid.uuid4())
        key = Key(
            account, region, ident, f"arn:aws:kms:{region}:{account}:key/{ident}", policy or default_policy(account),
            "Enabled", created=self.clock(), family=Family(region), **asked,
        )  # fmt: skip
        spec = SPECS[key.spec]
        if key.origin == "EXTERNAL":
            key.state = "PendingImport"
        elif spec.material_bytes:
            key.family.materials.append(self.material(secrets.token_bytes(spec.material_bytes)))
        else:
            key.family.pair = new_pair(key.spec)
        return self.add(key)

    def material(self, secret: bytes, kind: str = "") -> Material:
        """A version of material, made now."""
        return Material(secrets.token_hex(32), secret, hashlib.sha256(secret).hexdigest(), self.clock(), kind)

    def _by_alias(self, alias: str, account: str, region: str) -> Key | None:
        found = self._aliased(alias, account, region)
        if found is None and _AWS_ALIAS.fullmatch(alias):
            with self.turn.changing():
                found = self._aliased(alias, account, region) or self._make_for_service(alias, account, region)
        return found

    def _aliased(self, alias: str, account: str, region: str) -> Key | None:
        return next((key for key in self.of(account, region) if alias in key.aliases), None)

    def _make_for_service(self, alias: str, account: str, region: str) -> Key:
        """A service's own key comes into being when somebody first needs it."""
        made = self.make(account, region, policy=_service_policy(account, region, alias), manager="AWS")
        made.aliases[alias] = self.clock()
        self.changed(made)
        return made

    def _now(self, key: Key) -> Key | None:
        """The key with everything that time alone does to it done; None once it is deleted."""
        now = self.clock()
        if key.deletion_date is not None and key.deletion_date <= now:
            self._delete(key, now)
            return None
        if any(_has_expired(version, now) for version in key.family.materials):
            self._expire(key, now)
        if _is_due(key, now):
            self._rotate(key, now)
        return key

    def _expire(self, key: Key, now: datetime) -> None:
        with self.turn.changing():
            for version in key.family.materials:
                if _has_expired(version, now):
                    version.secret, version.valid_to = b"", None
            if not key.is_pending:
                key.state = "PendingImport"
            self.changed(key)
            self.shred()

    def _rotate(self, key: Key, now: datetime) -> None:
        with self.turn.changing():
            while _is_due(key, now) and (due := key.next_rotation):
                key.family.materials.append(self.material(secrets.token_bytes(32), "AUTOMATIC"))
                key.family.materials[-1].created = key.family.rotation_from = due
            self.changed(key)

    def _delete(self, key: Key, now: datetime) -> None:
        with self.turn.changing():
            self._keys.pop((key.region, key.id), None)
            members = key.family.members
            members.pop(key.region, None)
            if not members:
                for version in key.family.materials:
                    version.secret = b""
                key.family.pair = None
            elif set(members) == {key.family.primary}:
                # The last replica is gone, and the primary's own waiting period begins.
                primary = members[key.family.primary]
                if primary.state == "PendingReplicaDeletion":
                    primary.state = "PendingDeletion"
                    primary.deletion_date = now + timedelta(days=primary.window)
            self.changed(key)
            self.shred()


def _has_expired(version: Material, now: datetime) -> bool:
    return version.valid_to is not None and version.valid_to <= now


def _is_due(key: Key, now: datetime) -> bool:
    return (due := key.next_rotation) is not None and due <= now and key.state == "Enabled"


def default_policy(account: str) -> str:
    """The policy of a key that is made without one: the account decides with its own policies."""
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    allow = {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": root, "Action": "kms:*"}
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [allow | {"Resource": "*"}]})


def _service_policy(account: str, region: str, alias: str) -> str:
    """The policy of a service's own key: whoever is in the account, through the service alone."""
    service = alias.rpartition("/")[2]
    through = {"kms:CallerAccount": account, "kms:ViaService": f"{service}.{region}.amazonaws.com"}
    used = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant",
            "kms:DescribeKey"]  # fmt: skip
    reads = ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"]
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Id": f"auto-{service}",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": used, "Resource": "*",
                 "Condition": {"StringEquals": through}},
                {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": reads,
                 "Resource": "*"},
            ],
        }
    )  # fmt: skip
