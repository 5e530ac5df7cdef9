"""Reads a target profile and answers a mistake in it with the key, the line and the fix."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from tenantproof.model import graphql_profile
from tenantproof.model.errors import UsageError
from tenantproof.model.legal_path import BODIES
from tenantproof.model.profile import Aws, LentKey, Principal, Profile, Rotation, Secret, Support, Tenant
from tenantproof.model.toml_lines import KeyPath, line_of, show

_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]+)`(?: - at `(?P<at>[^`]+)`)?")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]+)`(?: - at `(?P<at>[^`]+)`)?")
_OTHER = re.compile(r"(?P<what>.+?)(?: - at `(?P<at>[^`]+)`)?$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_HOST = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE
)
_OPERATIONS = ("read", "list")
_REFUSALS = ("mismatch", "token", "absent")


def load(path: Path) -> Profile:
    """The profile in the file. Raises UsageError that names the file, line, key and fix."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such profile; `tenantproof init` writes one to fill in") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: can't be read as UTF-8 text: {error}") from None
    return parse(text, str(path))


def parse(text: str, source: str) -> Profile:
    """The profile in the text; `source` names it in messages. Raises UsageError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source}: not TOML: {error}") from None
    try:
        profile = msgspec.convert(table, Profile)
    except msgspec.ValidationError as error:
        path, problem = _explain(str(error))
        raise UsageError(f"{source}:{line_of(text, path)}: {show(path) or 'the profile'}: {problem}") from None
    problems = [f"{source}:{line_of(text, path)}: {show(path)}: {problem}" for path, problem in _review(profile)]
    if problems:
        raise UsageError("\n".join(problems))
    return profile


def _explain(message: str) -> tuple[KeyPath, str]:
    """Where msgspec objects, and what to do about it."""
    if missing := _MISSING.match(message):
        path = _path(missing["at"])
        return path, f'the key "{missing["key"]}" is missing; add it' + (f" to [{show(path)}]" if path else "")
    if unknown := _UNKNOWN.match(message):
        path = (*_path(unknown["at"]), unknown["key"])
        near = difflib.get_close_matches(unknown["key"], _known_keys(), n=1)
        fix = f'did you mean "{near[0]}"?' if near else "remove it"
        return path, f"no such key; {fix}"
    other = _OTHER.match(message)
    assert other
    wanted = other["what"].replace("`", "")
    return _path(other["at"]), f"{wanted[:1].lower()}{wanted[1:]}; correct the value"


def _path(at: str | None) -> KeyPath:
    steps: list[str | int] = []
    for name, position in _STEP.findall(at or ""):
        if name or position:
            steps.append(name or int(position))
    return tuple(steps)


def _known_keys() -> list[str]:
    seen: set[type] = set()
    names: set[str] = set()
    todo: list[object] = [Profile]
    while todo:
        kind = todo.pop()
        todo.extend(getattr(kind, "__args__", ()))
        if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct) or kind in seen:
            continue
        seen.add(kind)
        for field in msgspec.structs.fields(kind):
            names.add(field.encode_name)
            todo.append(field.type)
    return sorted(names)


def _review(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
    """What is well-formed and still can't be meant."""
    yield from _review_hosts(profile)
    yield from _review_http(profile)
    yield from _review_tenants(profile)
    if profile.support:
        yield from _review_path(profile.support)
        for name, principal in profile.support.principals.items():
            yield from _review_principal(("support", "principals", name), principal)
    if profile.tokens and profile.tokens.test_key:
        yield from _review_test_key(profile, profile.tokens.test_key)
    if profile.tokens and profile.tokens.rotation:
        yield from _review_rotation(profile, profile.tokens.rotation)
    if profile.aws:
        lent = {"workload": profile.aws.workload, "auditor": profile.aws.auditor, "laboratory": profile.aws.laboratory}
        for name, user in lent.items():
            if user:
                yield from _review_secret(("aws", name, "secret_access_key"), user.secret_access_key)


def _review_path(support: Support) -> Iterator[tuple[KeyPath, str]]:
    if support.path[0] != "request":
        yield ("support", "path"), 'the legal path begins with "request"; put it first'
    says = [str(support.bodies.get(step, BODIES.get(step, {}))) for step in support.path]
    wanted = (*support.path, *(["challenge"] if any("{challenge}" in said for said in says) else []))
    for name in wanted:
        if name not in support.operations:
            yield ("support", "operations"), f'the operation "{name}" is missing; add its method and path'


def _review_test_key(profile: Profile, lent: LentKey) -> Iterator[tuple[KeyPath, str]]:
    at: KeyPath = ("tokens", "test_key")
    yield from _review_known((*at, "tenant"), profile, lent.tenant, "subject")
    if profile.tokens and lent.issuer not in profile.tokens.jwks:
        yield (*at, "issuer"), f"tokens.jwks names no key set of {lent.issuer!r}; add its URL there"
    yield from _review_secret((*at, "key"), lent.key)
    if lent.rsa_key:
        yield from _review_secret((*at, "rsa_key"), lent.rsa_key)


def _review_rotation(profile: Profile, rotation: Rotation) -> Iterator[tuple[KeyPath, str]]:
    at: KeyPath = ("tokens", "rotation")
    yield from _review_known((*at, "tenant"), profile, rotation.tenant, "principal")
    yield from _review_principal((*at, "principal"), rotation.principal)
    yield from _review_secret((*at, "secret"), rotation.secret)


def _review_known(at: KeyPath, profile: Profile, tenant: str, whose: str) -> Iterator[tuple[KeyPath, str]]:
    if tenant not in {each.id for each in profile.tenants}:
        yield at, f"no tenant {tenant!r} in the profile; name the one that the {whose} belongs to"


def _review_hosts(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
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


def _review_http(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
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


def _review_tenants(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
    ids: dict[str, int] = {}
    canaries: dict[str, str] = {}
    for index, tenant in enumerate(profile.tenants):
        at: KeyPath = ("tenants", index)
        if tenant.id in ids:
            yield (*at, "id"), f"{tenant.id!r} is also the id of tenants[{ids[tenant.id]}]; ids are unique"
        ids.setdefault(tenant.id, index)
        yield from _review_tenant(at, tenant, profile.aws)
        if "read" in profile.http.operations and "{parent}" in profile.http.operations["read"].path:
            for number, record in enumerate(tenant.records):
                if not record.parent:
                    yield (*at, "records", number), "the path of read names a parent; add the id of the record's"
        for number, record in enumerate(tenant.records):
            if canaries.setdefault(record.canary, record.id) != record.id:
                yield (*at, "records", number, "canary"), "stands in another record too; a canary has one owner"


def _review_tenant(at: KeyPath, tenant: Tenant, aws: Aws | None) -> Iterator[tuple[KeyPath, str]]:
    if tenant.host and not _HOST.fullmatch(tenant.host):
        yield (*at, "host"), f"{tenant.host!r} is no host name; write it without scheme, port and path"
    if not tenant.records:
        yield (*at, "records"), f"tenant {tenant.id!r} has none; name at least one record and its canary"
    if "reader" not in tenant.principals:
        yield (*at, "principals"), f'tenant {tenant.id!r} needs a principal "reader"; add its client or token'
    for name, principal in tenant.principals.items():
        yield from _review_principal((*at, "principals", name), principal)
    if aws and not tenant.key_arn:
        yield (*at, "key_arn"), f"[aws] is given, but not the key of tenant {tenant.id!r}; add its ARN"
    for name, user in tenant.aws.items():
        yield from _review_secret((*at, "aws", name, "secret_access_key"), user.secret_access_key)


def _review_principal(at: KeyPath, principal: Principal) -> Iterator[tuple[KeyPath, str]]:
    if sum(each is not None for each in (principal.client, principal.login, principal.token)) != 1:
        yield at, 'needs exactly one of "client", "login" and "token"'
    if principal.login:
        yield from _review_secret((*at, "login", "password"), principal.login.password)
    if principal.client:
        yield from _review_secret((*at, "client", "client_secret"), principal.client.client_secret)
    if principal.token:
        yield from _review_secret((*at, "token"), principal.token)
    if principal.mfa:
        yield from _review_secret((*at, "mfa", "key"), principal.mfa.key)


def _review_secret(at: KeyPath, secret: Secret) -> Iterator[tuple[KeyPath, str]]:
    if bool(secret.env) == bool(secret.file):
        yield at, 'name exactly one of "env" and "file", where the secret is; never the secret itself'
