"""The target: one deployment, as its profile describes it, and the ways to reach it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property, lru_cache
from urllib.parse import quote

from tenantproof.clients.aws import AwsClients
from tenantproof.clients.client_certificates import ClientCertificates
from tenantproof.clients.exchange import Answer, Headers, Request
from tenantproof.clients.recovered_key import KeyRecovery
from tenantproof.clients.redaction import one_line
from tenantproof.clients.sweep_wire import SweepWire
from tenantproof.clients.tokens import TokenSource
from tenantproof.clients.transparency.heads import HeadBook
from tenantproof.clients.wire import Wire, response_line
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.profile import Operation, Principal, Profile, Tenant
from tenantproof.model.sweep import SweepChoice


class Target:
    """Everything that a probe acts through. Nothing is contacted before it is asked for."""

    def __init__(self, profile: Profile, sweep: SweepChoice | None = None, heads: HeadBook | None = None) -> None:
        self.profile = profile
        self.sweep = sweep or SweepChoice()
        self.heads = heads or HeadBook()
        """The heads by which its trails are known from earlier runs."""
        self.capabilities = _capabilities(profile)
        self.certificates = ClientCertificates(profile.certificates)
        self.wire = Wire(profile.target.base_url, profile.safety, self.certificates)
        self.sweep_wire = SweepWire(profile.target.base_url, profile.safety, self.wire.pace, self.certificates)
        self.tokens = TokenSource(profile, self.wire)
        self.recovery = KeyRecovery(profile.tokens)
        apart = [table.tenant for table in (profile.erasure, profile.tenancy) if table]
        self._tenants: dict[str, Tenant] = {tenant.id: tenant for tenant in (*profile.tenants, *apart)}
        self._aws: AwsClients | None = None
        self.exhibits: dict[str, bytes] = {}
        """Files that probes leave for the bundle, by name: facts that a verdict can be recomputed from."""

    @cached_property
    def canaries(self) -> Mapping[str, tuple[str, ...]]:
        """The canaries of every tenant, by its id."""
        return {tenant.id: tuple(record.canary for record in tenant.records) for tenant in self.profile.tenants}

    @property
    def aws(self) -> AwsClients:
        """Clients of the AWS endpoint. Raises UsageError when the profile has no [aws]."""
        if self._aws is None:
            if self.profile.aws is None:
                raise UsageError("the profile has no [aws]; add it, or leave out the claims that need kms")
            self._aws = AwsClients(self.profile, self.wire.pace)
        return self._aws

    def tenant(self, tenant_id: str) -> Tenant:
        """The tenant of that id. Raises UsageError when the profile names none."""
        if tenant_id not in self._tenants:
            raise UsageError(f"the profile has no tenant {tenant_id!r}; it has {', '.join(self._tenants)}")
        return self._tenants[tenant_id]

    def principal(self, tenant_id: str, name: str = "reader") -> Principal:
        """A principal of a tenant. Raises UsageError when the profile names none of that name."""
        principals = self.tenant(tenant_id).principals
        if name not in principals:
            raise UsageError(f'tenant {tenant_id!r} has no principal "{name}"; add it to the profile')
        return principals[name]

    def bearer(self, tenant_id: str, principal: str = "reader") -> str:
        """A genuine token of a principal of a tenant. Raises TargetError or UsageError."""
        return self.tokens.bearer(self.principal(tenant_id, principal), f"tenant {tenant_id}, {principal}")

    def support_bearer(self, name: str) -> str:
        """A genuine token of somebody of the vendor's support. Raises TargetError or UsageError."""
        principals = self.profile.support.principals if self.profile.support else {}
        if name not in principals:
            raise UsageError(f'the profile has no support principal "{name}"; add it to [support.principals]')
        return self.tokens.bearer(principals[name], f"support, {name}")

    def operation(self, name: str) -> Operation:
        """An operation of the tenant-facing API. Raises UsageError when the profile has none of that name."""
        if name not in self.profile.http.operations:
            raise UsageError(f'http.operations has no "{name}"; add its method and path to the profile')
        return self.profile.http.operations[name]

    def request(
        self,
        operation: Operation,
        *,
        tenant: str = "",
        record: str = "",
        query: str = "",
        bearer: str = "",
        headers: Headers = (),
        body: bytes = b"",
        principal: str = "",
        probe: str = "",
    ) -> Request:
        """The request of an operation, with its path filled in; `bearer` goes where the profile says that tokens go."""
        parent = self._parent(tenant, record) if "{parent}" in operation.path else ""
        path = _path(operation.path, tenant, record, parent)
        authorization = (self.authorization(bearer),) if bearer else ()
        return Request(
            method=operation.method,
            target=f"{path}?{query}" if query else path,
            headers=(*authorization, ("Accept", "application/json"), *headers),
            body=body,
            principal=principal,
            probe=probe,
        )

    def _parent(self, tenant: str, record: str) -> str:
        """What a record stands in, if it is the tenant's own or there is no such tenant; else what its first does."""
        own = self._tenants[tenant].records if tenant in self._tenants else ()
        all_records = own or [each for known in self.profile.tenants for each in known.records]
        return next((each.parent for each in all_records if each.id == record), own[0].parent if own else "")

    def authorization(self, token: str) -> tuple[str, str]:
        """The header that carries a token, as [tokens] has it: Authorization with Bearer unless it says otherwise."""
        tokens = self.profile.tokens
        return (tokens.header, f"{tokens.prefix}{token}") if tokens else ("Authorization", f"Bearer {token}")

    def identify(self) -> dict[str, str]:
        """Ask the target who it is. Returns the members that the profile expects, with what the target says.

        Raises TargetError when it does not answer or is another deployment.
        """
        identity, url = self.profile.target.identity, self.profile.target.base_url
        answer = self.wire.send(Request(method="GET", target=identity.path, headers=(("Accept", "application/json"),)))
        if not answer.is_whole:
            because = answer.failure or answer.malformed
            raise TargetError(
                f"{url}{identity.path} gave no readable answer: {because}; start the target or correct target.base_url"
            )
        said = _members(answer)
        if answer.status != 200 or said is None:
            raise TargetError(
                f"{url}{identity.path} answered {response_line(answer)}; wanted 200 and a JSON object; "
                f"correct target.identity.path"
            )
        seen = {name: one_line(str(said.get(name, "nothing"))) for name in identity.expect}
        wrong = [name for name, wanted in identity.expect.items() if said.get(name) != wanted]
        if wrong:
            told = "; ".join(
                f"{name} is {seen[name]!r}, the profile expects {identity.expect[name]!r}" for name in wrong
            )
            raise TargetError(
                f"{url} is not the deployment of the profile: {told}; point target.base_url at the right one"
            )
        return seen

    def close(self) -> None:
        """Close all connections."""
        self.wire.close()
        if self._aws:
            self._aws.close()


@lru_cache(maxsize=4096)
def _path(template: str, tenant: str, record: str, parent: str) -> str:
    values = {"{tenant}": tenant, "{parent}": parent, "{id}": record}
    for place, value in values.items():
        template = template.replace(place, quote(value, safe=""))
    return template


def _capabilities(profile: Profile) -> frozenset[str]:
    found = {
        "http": True,
        "tokens": profile.tokens is not None,
        "kms": profile.aws is not None,
        "trail": "trail" in profile.http.operations,
        # Its checks write requests, approvals and grants.
        "support": profile.support is not None and profile.safety.allow_writes,
        "aggregation": profile.aggregation is not None and profile.safety.allow_writes,
        "scoring": "score" in profile.http.operations and profile.safety.allow_writes,
        "training": (
            profile.aggregation is not None
            and {"train"} <= set(profile.aggregation.operations)
            and {"model", "write"} <= set(profile.http.operations)
            and profile.safety.allow_writes
        ),
        "stores": any(tenant.database for tenant in profile.tenants),
        "buckets": profile.aws is not None and all(each.bucket and each.database_instance for each in profile.tenants),
        "links": profile.links is not None and profile.safety.allow_writes,
        "shares": profile.shares is not None and profile.safety.allow_writes,
        "quota": profile.quota is not None,
        # Objects are made where they disturb nobody, and states are put back where they may be lost.
        "objects": profile.objects is not None and profile.safety.allow_writes and _has_pair(profile),
        "restore": profile.restore is not None and profile.safety.allow_destructive and _has_pair(profile),
        # Some questions make something, and all of them reach somebody's account.
        "names": bool(profile.names) and profile.safety.allow_writes,
        "names without unique": any(not each.unique for each in profile.names) and profile.safety.allow_writes,
        "names with unique": any(each.unique for each in profile.names) and profile.safety.allow_writes,
        "webhooks": profile.webhooks is not None and profile.safety.allow_writes and profile.safety.allow_listener,
        "certificates": profile.certificates is not None,
        # Whether TLS agrees on it is known once it is asked.
        "http2": profile.http.http2 is True
        or (profile.http.http2 is None and profile.target.base_url.lower().startswith("https:")),
        "tenancy": (
            profile.tenancy is not None and profile.tenancy.tenant.disposable and profile.safety.allow_destructive
        ),
        "streams": profile.kafka is not None,
        "resolution": profile.resolution is not None and profile.safety.allow_writes,
        # Nothing is erased but what the profile calls disposable, and only where it may be.
        "erasure": (
            profile.erasure is not None and profile.erasure.tenant.disposable and profile.safety.allow_destructive
        ),
    }
    return frozenset(name for name, is_there in found.items() if is_there)


def _has_pair(profile: Profile) -> bool:
    """Whether two tenants are there for tests alone."""
    return sum(tenant.disposable for tenant in profile.tenants) > 1


def _members(answer: Answer) -> dict[str, object] | None:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
