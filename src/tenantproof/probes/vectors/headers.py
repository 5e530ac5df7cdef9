"""Group 2 of the catalogue: headers (X025 to X037)."""

from __future__ import annotations

import base64
import json

from tenantproof.probes.contract import Endpoint
from tenantproof.probes.vectors.case import Case, Draft
from tenantproof.probes.vectors.vector import Aim, Group, Reach, any_tenant, is_read

HEADERS = Group()
_NAMES = (
    "X-Tenant-Id",
    "X-Tenant",
    "Tenant-Id",
    "X-Org-Id",
    "X-Organization-Id",
    "X-Account-Id",
    "X-User-Id",
    "X-Namespace",
    "X-Customer-Id",
    "X-Workspace-Id",
    "X-Scope-OrgID",
)


@HEADERS.add("X025", "tenant header under the own path", aim=Aim.CLEAN, reach=Reach.OWN, forms=_NAMES)
def override(case: Case, form: str) -> Draft:
    """A header that outranks the path."""
    return case.own().saying((form, case.victim.id))


@HEADERS.add("X025", "own tenant header under the foreign path", forms=_NAMES)
def claim_own(case: Case, form: str) -> Draft:
    """The gate reads the header, the handler the path."""
    return case.foreign().saying((form, case.attacker.id))


@HEADERS.add("X026", "empty tenant header", forms=("X-Tenant-Id", "X-Namespace", "X-Org-Id"))
def empty(case: Case, form: str) -> Draft:
    """No tenant named is every tenant to some."""
    return case.foreign().saying((form, ""))


@HEADERS.add("X027", "tenant header twice", forms=("A then B", "B then A", "in one"))
def twice(case: Case, form: str) -> Draft:
    """The first is checked, the last is used, or the other way about."""
    a, b = case.attacker.id, case.victim.id
    values = {"A then B": (a, b), "B then A": (b, a), "in one": (f"{a}, {b}",)}[form]
    return case.foreign().saying(*(("X-Tenant-Id", value) for value in values))


@HEADERS.add("X028", "tenant header spelled otherwise", forms=("X_Tenant_Id", "x-tenant-ID", "HTTP_X_TENANT_ID"))
def spelled(case: Case, form: str) -> Draft:
    """CGI makes an underscore of every hyphen."""
    return case.foreign().saying((form, case.attacker.id), ("X-Tenant-Id", case.victim.id))


@HEADERS.add("X029", "host of the victim", aim=Aim.CLEAN, forms=("Host", "X-Forwarded-Host", "Forwarded", "X-Host"))
def host(case: Case, form: str) -> Draft:
    """Tenants by subdomain."""
    name = case.host_of(case.victim)
    value = f"host={name};proto=https" if form == "Forwarded" else name
    return case.foreign().saying((form, value))


def _is_by_tls(endpoint: Endpoint) -> bool:
    return any_tenant(endpoint) and endpoint.tls


@HEADERS.add("X034", "name of the victim in TLS", aim=Aim.CLEAN, forms=("own host",), fits=_is_by_tls)
def name_in_tls(case: Case, form: str) -> Draft:
    """The gate reads the name that TLS was told, or the handler does (RFC 9110 section 7.4)."""
    del form
    return _named(case.foreign(), case.host_of(case.victim))


@HEADERS.add(
    "X034",
    "name of the victim in TLS under the own path",
    aim=Aim.CLEAN,
    reach=Reach.OWN,
    forms=("own host",),
    fits=_is_by_tls,
)
def name_in_tls_alone(case: Case, form: str) -> Draft:
    """The same, where the path is not what decides."""
    del form
    return _named(case.own(), case.host_of(case.victim))


@HEADERS.add("X034", "own name in TLS", aim=Aim.CLEAN, forms=("own host", "victim's host"), fits=_is_by_tls)
def own_name_in_tls(case: Case, form: str) -> Draft:
    """What was agreed on when the connection began is not what is asked for on it."""
    return _hosted(_named(case.foreign(), case.host_of(case.attacker)), case, form)


@HEADERS.add(
    "X034",
    "own name in TLS under the own path",
    aim=Aim.CLEAN,
    reach=Reach.OWN,
    forms=("victim's host",),
    fits=_is_by_tls,
)
def own_name_alone_in_tls(case: Case, form: str) -> Draft:
    """The gate reads the name that TLS was told, the handler the host."""
    return _hosted(_named(case.own(), case.host_of(case.attacker)), case, form)


def _named(draft: Draft, name: str) -> Draft:
    draft.server_name = name
    return draft


def _hosted(draft: Draft, case: Case, form: str) -> Draft:
    return draft.saying(("Host", case.host_of(case.victim))) if form == "victim's host" else draft


_REWRITES = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Envoy-Original-Path")


@HEADERS.add("X030", "path in a header", aim=Aim.CLEAN, reach=Reach.OWN, forms=_REWRITES)
def rewrite(case: Case, form: str) -> Draft:
    """The path that was checked is not the one that is served."""
    return case.own().saying((form, case.foreign().path))


ORIGINS = ("X-Forwarded-For", "X-Real-IP", "True-Client-IP", "Client-IP", "X-Client-IP", "X-Cluster-Client-IP")
"""Headers by which a request says where it comes from."""


@HEADERS.add("X031", "from within", forms=ORIGINS)
def from_within(case: Case, form: str) -> Draft:
    """Requests from the machine itself are trusted."""
    return case.foreign().saying((form, "127.0.0.1"))


@HEADERS.add("X032", "hop by hop", forms=("X-Tenant-Id", "X-Forwarded-For", "Cookie"))
def hop_by_hop(case: Case, form: str) -> Draft:
    """A proxy is told to drop what the service decides by."""
    return case.foreign().saying(("X-Tenant-Id", case.attacker.id), ("Connection", f"keep-alive, {form}"))


@HEADERS.add("X033", "page of the victim", forms=("Referer", "Origin"))
def page(case: Case, form: str) -> Draft:
    """Whoever comes from the victim's page is the victim."""
    return case.foreign().saying((form, f"https://{case.victim.id}.example"))


_GATEWAYS = (
    "X-Amzn-Oidc-Data",
    "X-Amzn-Oidc-Identity",
    "X-Goog-Iap-Jwt-Assertion",
    "X-MS-Client-Principal",
    "X-Forwarded-User",
    "X-Remote-User",
    "X-Auth-Request-User",
    "X-Apigateway-Context",
)


@HEADERS.add("X035", "identity from a gateway", forms=_GATEWAYS)
def gateway(case: Case, form: str) -> Draft:
    """What only a gateway may say, said by anybody."""
    claims = {"sub": case.victim.id, "tenant": case.victim.id, "tenant_id": case.victim.id}
    coded = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return case.foreign().saying((form, case.victim.id if form.endswith("User") else coded))


@HEADERS.add("X037", "tenant in the baggage", forms=("baggage", "tracestate"))
def baggage(case: Case, form: str) -> Draft:
    """Telemetry that decides."""
    return case.foreign().saying((form, f"tenant={case.attacker.id},tenant_id={case.attacker.id}"))


@HEADERS.add(
    "X037", "victim in the baggage", aim=Aim.CLEAN, reach=Reach.OWN, forms=("baggage", "tracestate"), fits=is_read
)
def victim_in_baggage(case: Case, form: str) -> Draft:
    """The same under the own path."""
    return case.own().saying((form, f"tenant={case.victim.id},tenant_id={case.victim.id}"))
