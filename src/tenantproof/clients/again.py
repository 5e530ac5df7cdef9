"""Sends a recorded request again: the same octets where they were kept, with a fresh credential for a digest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tenantproof.clients.exchange import Answer, Headers, Request
from tenantproof.clients.target import Target
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation

_BODY = re.compile(r"\[\d+ octets, sha256:[0-9a-f]{64}\]\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Recorded:
    """A request as the evidence keeps it. `digests` names the headers whose values were secrets."""

    method: str
    target: str
    headers: Headers
    digests: tuple[str, ...]

    @property
    def bearer(self) -> str:
        """The digest of the Authorization header, or nothing."""
        return next((value for name, value in self.headers if name.lower() == "authorization"), "")


def recorded(observation: Observation) -> Recorded:
    """The request of an observation. Raises UsageError when it was no HTTP request, or its body was not kept."""
    if not observation.replay:
        raise UsageError("no HTTP request was kept for this observation; `tenantproof show` prints what was done")
    head, _, body = observation.replay.partition("\n\n")
    first, *lines = head.split("\n")
    method, _, rest = first.partition(" ")
    target, _, version = rest.rpartition(" ")
    if body or _BODY.search(observation.replay):
        raise UsageError("the body of this request is kept as a digest only, so it can't be sent again as it was")
    if version != "HTTP/1.1" or "sha256:" in target or any("…" in line for line in (first, *lines)):
        raise UsageError("this request was cut or redacted in the evidence, so it can't be sent again as it was")
    headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
    digests = tuple(name for name, value in headers if _DIGEST.match(value))
    return Recorded(method, target, headers, digests)


def send_again(target: Target, kept: Recorded, principal: str) -> tuple[Request, Answer]:
    """Ask the target who it is, then send the request as a principal of the profile.

    Raises UsageError when the request would write and the profile forbids it, or the principal is none of the
    profile's.
    """
    if kept.method not in _SAFE and not target.profile.safety.allow_writes:
        raise UsageError(f"{kept.method} may change the target; set safety.allow_writes in the profile to allow it")
    others = [name for name in kept.digests if name.lower() != "authorization"]
    if others:
        raise UsageError(f"the secret in {', '.join(others)} was not kept, and the profile can't make it anew")
    target.identify()
    bearer = _bearer(target, principal) if kept.digests else ""
    headers = tuple(
        (name, f"Bearer {bearer}" if name.lower() == "authorization" and bearer else value)
        for name, value in kept.headers
    )
    request = Request(method=kept.method, target=kept.target, headers=headers, principal=principal)
    return request, target.wire.send(request)


def _bearer(target: Target, principal: str) -> str:
    tenant, _, name = principal.partition("/")
    support = target.profile.support.principals if target.profile.support else {}
    if name and any(each.id == tenant and name in each.principals for each in target.profile.tenants):
        return target.bearer(tenant, name)
    if principal in support:
        return target.support_bearer(principal)
    raise UsageError(
        f"the request was sent as {principal or 'nobody'!r}, which is no principal of the profile; "
        "run the check again instead (tenantproof run --only CLAIM)"
    )
