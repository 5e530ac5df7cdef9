"""Reads a profile for its meaning: what is well-formed and still can't be meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tenantproof.model import (
    certificates_profile,
    graphql_profile,
    names_profile,
    objects_profile,
    restore_profile,
    shares_profile,
)
from tenantproof.model.legal_path import BODIES
from tenantproof.model.profile import (
    Aws,
    LentHmac,
    LentKey,
    Principal,
    Profile,
    Rotation,
    Secret,
    Support,
    Tenant,
    Tokens,
)
from tenantproof.model.tenancy_profile import STEPS, Tenancy
from tenantproof.model.toml_lines import KeyPath

_HOST = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE
)
_OPERATIONS = ("read", "list")
_REFUSALS = ("mismatch", "token", "absent")


def review(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
    """Each key whose value is well-formed and can't be meant, and what to do about it."""
    yield from _hosts(profile)
    yield from _http(profile)
    yield from _tenants(profile)
    if profile.support:
        yield from _path(profile.support)
        for name, principal in profile.support.principals.items():
            yield from _principal(("support", "principals", name), principal)
    if profile.tokens:
        yield from _tokens(profile, profile.tokens)
    if profile.erasure:
        yield from _apart(profile, "erasure", profile.erasure.tenant)
    if profile.webhooks and not profile.safety.allow_listener:
        yield ("webhooks",), "events need a server to go to; set safety.allow_listener = true, or take the table out"
    if profile.tenancy:
        yield from _tenancy(profile, profile.tenancy)
    yield from _lent(profile)
    if profile.aws:
        yield from _aws(profile.aws)


def _lent(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
    """Tables that lend what is looked further with."""
    if profile.shares:
        yield from shares_profile.review(profile.shares)
    if profile.restore:
        yield from restore_profile.review(profile.restore, profile.tenants)
    if profile.objects:
        yield from objects_profile.review(profile.tenants)
    tenants = {each.id for each in profile.tenants}
    if profile.certificates:
        yield from certificates_profile.review(profile.certificates, profile.target.base_url, tenants)
    yield from names_profile.review(profile.names, tenants)


def _tokens(profile: Profile, tokens: Tokens) -> Iterator[tuple[KeyPath, str]]:
    if tokens.test_key:
        yield from _test_key(profile, tokens.test_key)
    if tokens.test_hmac:
        yield from _test_hmac(profile, tokens.test_hmac)
    if tokens.rotation:
        yield from _rotation(profile, tokens.rotation)
    if tokens.recover_public_key and not any(each.startswith("RS") for each in tokens.algorithms):
        wanted = (
            "only tokens by RS256, RS384 or RS512 give their key; add theirs to tokens.algorithms, or take this out"
        )
        yield ("tokens", "recover_public_key"), wanted


def _aws(aws: Aws) -> Iterator[tuple[KeyPath, str]]:
    lent = {"workload": aws.workload, "auditor": aws.auditor, "laboratory": aws.laboratory}
    for name, user in lent.items():
        if user:
            yield from _secret(("aws", name, "secret_access_key"), user.secret_access_key)


def _path(support: Support) -> Iterator[tuple[KeyPath, str]]:
    if support.path[0] != "request":
        yield ("support", "path"), 'the legal path begins with "request"; put it first'
    says = [str(support.bodies.get(step, BODIES.get(step, {}))) for step in support.path]
    wanted = (*support.path, *(["challenge"] if any("{challenge}" in said for said in says) else []))
    for name in wanted:
        if name not in support.operations:
            yield ("support", "operations"), f'the operation "{name}" is missing; add its method and path'


def _test_key(profile: Profile, lent: LentKey) -> Iterator[tuple[KeyPath, str]]:
    at: KeyPath = ("tokens", "test_key")
    yield from _known((*at, "tenant"), profile, lent.tenant, "subject")
    if profile.tokens and lent.issuer not in profile.tokens.jwks:
        yield (*at, "issuer"), f"tokens.jwks names no key set of {lent.issuer!r}; add its URL there"
    yield from _secret((*at, "key"), lent.key)
    if lent.rsa_key:
        yield from _secret((*at, "rsa_key"), lent.rsa_key)
    if lent.one_time and lent.one_time.claim in lent.one_time.claims:
        yield (*at, "one_time", "claims"), f"{lent.one_time.claim!r} is each token's own; take it out"


def _test_hmac(profile: Profile, lent: LentHmac) -> Iterator[tuple[KeyPath, str]]:
    at: KeyPath = ("tokens", "test_hmac")
    yield from _known((*at, "tenant"), profile, lent.tenant, "subject")
    yield from _secret((*at, "key"), lent.key)
    yield from _secret((*at, "short_key"), lent.short_key)


def _rotation(profile: Profile, rotation: Rotation) -> Iterator[tuple[KeyPath, str]]:
    at: KeyPath = ("tokens", "rotation")
    yield from _known((*at, "tenant"), profile, rotation.tenant, "principal")
    yield from _principal((*at, "principal"), rotation.principal)
    yield from _secret((*at, "secret"), rotation.secret)


def _tenancy(profile: Profile, tenancy: Tenancy) -> Iterator[tuple[KeyPath, str]]:
    at = ("tenancy",)
    for step in STEPS:
        if step not in tenancy.operations:
            yield (*at, "operations"), f'needs the operation "{step}"; add its method and path'
    yield from _principal((*at, "operator"), tenancy.operator)
    for name, principal in tenancy.tenant.principals.items():
        yield from _principal((*at, "tenant", "principals", name), principal)
    yield from _apart(profile, "tenancy", tenancy.tenant)


def _apart(profile: Profile, table: str, tenant: Tenant) -> Iterator[tuple[KeyPath, str]]:
    """What is deleted must be nobody's: neither a tenant that other checks meet, nor one that is there to stay."""
    if tenant.id in {each.id for each in profile.tenants}:
        yield (table, "tenant", "id"), f"{tenant.id!r} is one of [[tenants]]; name one that exists for this alone"
    if not tenant.disposable:
        yield (table, "tenant", "disposable"), "must be true: this tenant is deleted"


def _known(at: KeyPath, profile: Profile, tenant: str, whose: str) -> Iterator[tuple[KeyPath, str]]:
    if tenant not in {each.id for each in profile.tenants}:
        yield at, f"no tenant {tenant!r} in the profile; name the one that the {whose} belongs to"


def _hosts(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
    named: list[tuple[KeyPath, str]] = [(("target", "base_url"), profile.target.base_url)]
    if profile.tokens:
        named += [(("tokens", "jwks", issuer), url) for issuer, url in profile.tokens.jwks.items()]
        if profile.tokens.rotation:
            named.append((("tokens", "rotation", "url"), profile.tokens.rotation.url))
    if profile.aws and profile.aws.endpoint:
        named.append((("aws", "endpoint"), profile.aws.endpoint))
    for path, url in named:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            yield path, f"{url!r} is no http(s) URL; write it as https://host[:port]"
        elif _authority(url) not in {_with_port(host) for host in profile.safety.hosts}:
            yield path, f"{_authority(url)} is not in safety.hosts; add it there if the harness may contact it"


def _authority(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _with_port(host: str) -> str:
    return host if re.search(r":\d+$", host) else f"{host}:443"


def _http(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
    for name in _OPERATIONS:
        if name not in profile.http.operations:
            yield ("http", "operations"), f'the operation "{name}" is missing; add its method and path'
    for name in _REFUSALS:
        if name not in profile.http.refusals:
            yield ("http", "refusals"), f'the refusal "{name}" is missing; add the status and code of your contract'
    for name, operation in profile.http.operations.items():
        if not operation.path.startswith("/"):
            yield ("http", "operations", name, "path"), "a path starts with a slash; add it"
    if profile.http.graphql:
        yield from graphql_profile.review(profile.http.graphql, profile.http.contract)
    if not profile.target.identity.expect:
        yield ("target", "identity", "expect"), "empty, so any deployment would do; name at least one member and value"


def _tenants(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
    ids: dict[str, int] = {}
    canaries: dict[str, str] = {}
    for index, tenant in enumerate(profile.tenants):
        at: KeyPath = ("tenants", index)
        if tenant.id in ids:
            yield (*at, "id"), f"{tenant.id!r} is also the id of tenants[{ids[tenant.id]}]; ids are unique"
        ids.setdefault(tenant.id, index)
        yield from _tenant(at, tenant, profile.aws)
        if "read" in profile.http.operations and "{parent}" in profile.http.operations["read"].path:
            for number, record in enumerate(tenant.records):
                if not record.parent:
                    yield (*at, "records", number), "the path of read names a parent; add the id of the record's"
        for number, record in enumerate(tenant.records):
            if canaries.setdefault(record.canary, record.id) != record.id:
                yield (*at, "records", number, "canary"), "stands in another record too; a canary has one owner"


def _tenant(at: KeyPath, tenant: Tenant, aws: Aws | None) -> Iterator[tuple[KeyPath, str]]:
    if tenant.host and not _HOST.fullmatch(tenant.host):
        yield (*at, "host"), f"{tenant.host!r} is no host name; write it without scheme, port and path"
    if not tenant.records:
        yield (*at, "records"), f"tenant {tenant.id!r} has none; name at least one record and its canary"
    if "reader" not in tenant.principals:
        yield (*at, "principals"), f'tenant {tenant.id!r} needs a principal "reader"; add its client or token'
    for name, principal in tenant.principals.items():
        yield from _principal((*at, "principals", name), principal)
    if aws and not tenant.key_arn:
        yield (*at, "key_arn"), f"[aws] is given, but not the key of tenant {tenant.id!r}; add its ARN"
    for name, user in tenant.aws.items():
        yield from _secret((*at, "aws", name, "secret_access_key"), user.secret_access_key)


def _principal(at: KeyPath, principal: Principal) -> Iterator[tuple[KeyPath, str]]:
    if sum(each is not None for each in (principal.client, principal.login, principal.token)) != 1:
        yield at, 'needs exactly one of "client", "login" and "token"'
    if principal.login:
        yield from _secret((*at, "login", "password"), principal.login.password)
    if principal.client:
        yield from _secret((*at, "client", "client_secret"), principal.client.client_secret)
    if principal.token:
        yield from _secret((*at, "token"), principal.token)
    if principal.mfa:
        yield from _secret((*at, "mfa", "key"), principal.mfa.key)


def _secret(at: KeyPath, secret: Secret) -> Iterator[tuple[KeyPath, str]]:
    if bool(secret.env) == bool(secret.file):
        yield at, 'name exactly one of "env" and "file", where the secret is; never the secret itself'
