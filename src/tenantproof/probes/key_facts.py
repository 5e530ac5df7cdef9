"""Collects every fact that decisions about keys rest on, from AWS alone, and keeps them for the bundle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import rfc8785

from tenantproof.clients.aws import AwsAnswer, Client
from tenantproof.clients.redaction import one_line
from tenantproof.clients.target import Target
from tenantproof.model.profile import Aws, AwsPrincipal, Tenant
from tenantproof.probes.account_facts import Account, account_facts
from tenantproof.probes.key_uses import uses
from tenantproof.probes.permissions.facts import DECODER, Facts, Json, KeyFacts, ResourceFacts

EXHIBIT = "key-facts.json"
_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown"}
)
_ATTEMPTS = 6
_PAGES = 1000
_TOKENS = (("NextMarker", "Marker"), ("Marker", "Marker"), ("NextToken", "NextToken"))


@dataclass
class Reader:
    """Reads as one principal in one Region; what could not be read is kept in `trouble`. `sleep` takes seconds."""

    target: Target
    principal: AwsPrincipal
    region: str
    place: str
    trouble: list[str] = field(default_factory=list)
    sleep: Callable[[float], None] = time.sleep

    def ask(self, service: str, operation: str, **arguments: Any) -> AwsAnswer:  # noqa: ANN401  # the operation's own
        """One call, made again a few times where AWS asks for patience."""
        client: Client = self.target.aws.client(service, self.principal, region=self.region, key=self.place)
        for attempt in range(_ATTEMPTS):
            answer = self.target.aws.call(client, operation, **arguments)
            if answer.code not in _THROTTLED:
                return answer
            self.sleep(0.2 * 2**attempt)
        return answer

    def read(self, service: str, operation: str, absent: tuple[str, ...] = (), **arguments: Any) -> Json | None:  # noqa: ANN401  # the operation's own
        """What the call gives; {} for one of the `absent` codes; None, with a note, where nobody can read it."""
        answer = self.ask(service, operation, **arguments)
        if answer.is_granted:
            return dict(answer.data)
        if answer.code in absent:
            return {}
        self.trouble.append(one_line(f"{self.place}: {service}:{operation}: {answer.failure or answer.code}"))
        return None

    def pages(self, service: str, operation: str, member: str, **arguments: Any) -> list[Json] | None:  # noqa: ANN401  # the operation's own
        """All of a listing, page by page; None where a page can't be read or there is no end to them."""
        found: list[Json] = []
        for page in self.walk(service, operation, arguments):
            listed = page.get(member) if page is not None else None
            if not isinstance(listed, list):
                return None
            found += listed
        return found

    def walk(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Iterator[Json | None]:
        """Page after page of a listing, to whoever wants no more of it than some; None for one that can't be read."""
        more: dict[str, Any] = {}
        for _ in range(_PAGES):
            page = self.read(service, operation, **arguments, **more)
            yield page
            token = next(((into, page[name]) for name, into in _TOKENS if page and page.get(name)), None)
            if token is None:
                return
            more = {token[0]: token[1]}
        self.trouble.append(f"{self.place}: {service}:{operation} does not come to an end")
        yield None


def collect(target: Target) -> Facts:
    """All facts, by the auditors of the tenants' accounts and of the vendor's; also left as an exhibit of the run."""
    aws = target.profile.aws
    assert aws
    tenants = _audited(target)
    with ThreadPoolExecutor(4) as pool:
        accounts = pool.map(lambda each: _account(target, aws, *each), _auditors(aws, tenants))
        own = pool.map(lambda tenant: _tenant(target, aws, tenant), tenants)
        read = [account for account in accounts if account]
        keys, resources, trouble = zip(*own, strict=True) if tenants else ((), (), ())
    facts = Facts(
        schema="tenantproof.key-facts/1",
        principals=tuple(each for account in read for each in account.principals),
        keys=tuple({key.arn: key for key in keys}.values()),
        resources=tuple(each for listed in resources for each in listed),
        accounts={account.id: account.facts for account in read},
        collected=datetime.now(UTC).isoformat(timespec="seconds"),
        trouble=tuple(note for notes in (*(account.trouble for account in read), *trouble) for note in notes),
    )
    target.exhibits[EXHIBIT] = canonical(facts)
    return facts


def known_facts(target: Target) -> Facts:
    """What an earlier check of this run has collected, else all facts collected now."""
    left = target.exhibits.get(EXHIBIT)
    return DECODER.decode(left) if left else collect(target)


def canonical(facts: Facts) -> bytes:
    """The facts as canonical JSON (RFC 8785)."""
    return rfc8785.dumps(msgspec.to_builtins(facts)) + b"\n"


def _audited(target: Target) -> list[Tenant]:
    erasure = target.profile.erasure
    listed = [*target.profile.tenants, *([erasure.tenant] if erasure else [])]
    return [tenant for tenant in listed if tenant.key_arn and "auditor" in tenant.aws]


def _auditors(aws: Aws, tenants: list[Tenant]) -> list[tuple[AwsPrincipal, str]]:
    """One auditor for each account, and its place in the profile."""
    lent = [(tenant.aws["auditor"], f"tenants.{tenant.id}.aws.auditor") for tenant in tenants]
    lent += [(aws.auditor, "aws.auditor")] if aws.auditor else []
    return list({auditor.arn.split(":")[4]: (auditor, place) for auditor, place in lent}.values())


def _account(target: Target, aws: Aws, auditor: AwsPrincipal, place: str) -> Account:
    reader = Reader(target, auditor, aws.region, place)
    return account_facts(reader, auditor.arn.split(":")[4])


def _tenant(target: Target, aws: Aws, tenant: Tenant) -> tuple[KeyFacts, list[ResourceFacts], list[str]]:
    """A tenant's key and what else it keeps, in the Region of the key."""
    parts = tenant.key_arn.split(":")
    region = parts[3] if len(parts) > 3 else aws.region
    reader = Reader(target, tenant.aws["auditor"], region, f"tenants.{tenant.id}.aws.auditor")
    vendor = Reader(target, aws.auditor, region, "aws.auditor", reader.trouble) if aws.auditor else None
    return _key(reader, vendor, tenant.key_arn), list(_stores(reader, tenant)), reader.trouble


def _key(reader: Reader, vendor: Reader | None, arn: str) -> KeyFacts:
    policy = reader.read("kms", "get_key_policy", KeyId=arn, PolicyName="default")
    described = reader.read("kms", "describe_key", KeyId=arn)
    rotation = reader.read("kms", "get_key_rotation_status", KeyId=arn)
    rotations = reader.pages("kms", "list_key_rotations", "Rotations", KeyId=arn)
    grants = reader.pages("kms", "list_grants", "Grants", KeyId=arn, Limit=100)
    aliases = reader.pages("kms", "list_aliases", "Aliases", KeyId=arn)
    tags = reader.pages("kms", "list_resource_tags", "Tags", KeyId=arn)
    read = {
        "policy": policy, "metadata": described, "rotation": rotation, "rotations": rotations, "grants": grants,
        "aliases": aliases, "tags": tags,
    }  # fmt: skip
    metadata = (described or {}).get("KeyMetadata") or {}
    told: Json = {
        "arn": arn,
        "policy": (policy or {}).get("Policy"),
        "grants": _plain(grants or []),
        "aliases": [each.get("AliasName", "") for each in aliases or []],
        "tags": {each.get("TagKey", ""): each.get("TagValue", "") for each in tags or []},
        "state": metadata.get("KeyState", ""),
        "manager": metadata.get("KeyManager", ""),
        "spec": metadata.get("KeySpec", ""),
        "usage": metadata.get("KeyUsage", ""),
        "origin": metadata.get("Origin", ""),
        "multi_region": bool(metadata.get("MultiRegion")),
        "metadata": _plain(metadata),
        "rotation": _plain(rotation or {}),
        "rotations": _plain(rotations or []),
        "uses": uses(reader, arn),
        "vendor_uses": uses(vendor, arn) if vendor else None,
        "unread": [name for name, got in read.items() if got is None],
    }
    return msgspec.convert(told, KeyFacts)


def _stores(reader: Reader, tenant: Tenant) -> Iterator[ResourceFacts]:
    """The tenant's bucket, database instance, notice queue and topics, with the key that each is encrypted under."""
    if tenant.bucket:
        policy = reader.read("s3", "get_bucket_policy", ("NoSuchBucketPolicy",), Bucket=tenant.bucket)
        none = ("ServerSideEncryptionConfigurationNotFoundError",)
        settings = reader.read("s3", "get_bucket_encryption", none, Bucket=tenant.bucket)
        rules = ((settings or {}).get("ServerSideEncryptionConfiguration") or {}).get("Rules") or [{}]
        key = (rules[0].get("ApplyServerSideEncryptionByDefault") or {}).get("KMSMasterKeyID", "")
        yield _store(f"arn:aws:s3:::{tenant.bucket}", tenant, policy, settings, key)
    if tenant.database_instance:
        found = reader.read("rds", "describe_db_instances", DBInstanceIdentifier=tenant.database_instance) or {}
        for each in found.get("DBInstances") or []:
            encrypted = {"StorageEncrypted": each.get("StorageEncrypted")}
            yield _store(str(each.get("DBInstanceArn", "")), tenant, {}, encrypted, str(each.get("KmsKeyId") or ""))
    if tenant.notices:
        queue = reader.read("sqs", "get_queue_attributes", QueueUrl=tenant.notices, AttributeNames=["All"])
        got = (queue or {}).get("Attributes")
        arn = (got or {}).get("QueueArn", "")
        yield _store(arn or tenant.notices, tenant, got, {}, (got or {}).get("KmsMasterKeyId", ""))
    for topic in reader.pages("sns", "list_topics", "Topics") or []:
        arn = str(topic.get("TopicArn", ""))
        got = (reader.read("sns", "get_topic_attributes", TopicArn=arn) or {}).get("Attributes")
        yield _store(arn, tenant, got, {}, (got or {}).get("KmsMasterKeyId", ""))


def _store(arn: str, tenant: Tenant, policy: Json | None, settings: Json | None, key: str) -> ResourceFacts:
    unread = [name for name, got in (("policy", policy), ("settings", settings)) if got is None]
    told = {"arn": arn, "account": tenant.account, "policy": (policy or {}).get("Policy") or None, "key": key}
    return msgspec.convert(told | {"settings": _plain(settings or {}), "unread": unread}, ResourceFacts)


def _plain(value: Any) -> Any:  # noqa: ANN401  # what boto3 gave, as JSON
    """The same with every time as RFC 3339 and whatever else JSON lacks as text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return value if isinstance(value, str | bool | int | float) or value is None else str(value)
