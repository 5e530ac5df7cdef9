"""The facts that decisions rest on, as JSON (schema tenantproof.key-facts/1): principals, keys, policies, grants."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

from tenantproof.model.errors import UsageError

LONGEST = 256 * 1024 * 1024
"""Bytes of a file of facts; longer is refused unread."""

Json = dict[str, Any]
"""A policy, a grant or another object as AWS has it; its members are AWS's."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One policy: its name, as an explanation prints it, and its document as JSON or as text that holds JSON."""

    name: str = ""
    document: Json | str
    arn: str = ""
    """A managed policy's ARN: whoever may write a new version of it widens everybody it is attached to."""


class PrincipalFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user, a role, or one session of a role. What is left out is not there; `unread` names what nobody could read.

    A session has the policies of its role besides its own `session_policies`.
    """

    arn: str
    policies: tuple[Policy, ...] = ()
    """Inline, attached, and those of the user's groups."""
    boundary: Policy | None = None
    session_policies: tuple[Policy, ...] = ()
    trust: Json | str | None = None
    """A role's trust policy."""
    tags: dict[str, str] = {}
    unread: tuple[Literal["policies", "boundary", "session_policies", "trust", "tags"], ...] = ()


class KeyFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A KMS key. `grants` are as kms:ListGrants gives them, `aliases` are names such as "alias/orders"."""

    arn: str
    policy: Json | str | None = None
    grants: tuple[Json, ...] = ()
    aliases: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    state: str = ""
    manager: str = ""
    spec: str = ""
    usage: str = ""
    origin: str = ""
    multi_region: bool = False
    metadata: Json = {}
    """The rest of kms:DescribeKey."""
    rotation: Json = {}
    """As kms:GetKeyRotationStatus gives it."""
    rotations: tuple[Json, ...] = ()
    """As kms:ListKeyRotations gives them."""
    uses: tuple[Json, ...] | None = None
    """The latest calls on the key in the trail of its owner, counted (key_uses); None where nobody could read them."""
    vendor_uses: tuple[Json, ...] | None = None
    """The same in the vendor's own trail, which alone says who of the vendor it was."""
    unread: tuple[Literal["policy", "grants", "aliases", "tags", "metadata", "rotation", "rotations"], ...] = ()


class ResourceFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another resource with a policy of its own: a bucket, a topic, a queue. `key` is what it is encrypted under."""

    arn: str
    account: str
    policy: Json | str | None = None
    key: str = ""
    settings: Json = {}
    unread: tuple[Literal["policy", "settings"], ...] = ()


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account. `scps` and `rcps`: a list for each level, from the root of the organization down to the account."""

    organization: str = ""
    management: bool = False
    """The organization's management account: no SCP or RCP applies to it."""
    scps: tuple[tuple[Policy, ...], ...] = ()
    rcps: tuple[tuple[Policy, ...], ...] = ()
    unread: tuple[Literal["organization", "scps", "rcps", "principals"], ...] = ()


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is known. Of an account, a principal or a key that is not listed, nothing is known."""

    schema: Literal["tenantproof.key-facts/1"]
    principals: tuple[PrincipalFacts, ...] = ()
    keys: tuple[KeyFacts, ...] = ()
    resources: tuple[ResourceFacts, ...] = ()
    accounts: dict[str, AccountFacts] = {}
    endpoint: Policy | None = None
    """The policy of the VPC endpoint that requests come through."""
    context: dict[str, str | tuple[str, ...]] = {}
    """Condition keys of every request, and their values; an empty list: not in the request."""
    collected: str = ""
    """When, as RFC 3339."""
    trouble: tuple[str, ...] = ()
    """What could not be read, and why."""


# msgspec learns what a Struct holds at its first use, and shows what it has learnt so far to every thread that comes
# meanwhile; facts are collected by several threads.
DECODER = msgspec.json.Decoder(Facts)


def read_facts(raw: bytes, name: str = "the facts") -> Facts:
    """Parse a file of facts. Raises UsageError that says what is wrong with it and where."""
    if len(raw) > LONGEST:
        raise UsageError(f"{name}: {len(raw)} bytes are too many; {LONGEST} are read")
    try:
        return msgspec.convert(json.loads(raw, object_pairs_hook=_once, parse_constant=_finite), Facts)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name}: {error}; docs/keys.md describes the facts") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} holds no JSON that can be read: {error}") from None


def _once(pairs: list[tuple[str, Any]]) -> Json:
    """An object whose keys are all different: two readers would make two policies of one that repeats a key."""
    table = dict(pairs)
    if len(table) != len(pairs):
        repeated = next(key for at, (key, _) in enumerate(pairs) if key in {earlier for earlier, _ in pairs[:at]})
        raise ValueError(f"{repeated!r} stands twice in one object")
    return table


def _finite(text: str) -> float:
    raise ValueError(f"{text} is no number in JSON")
