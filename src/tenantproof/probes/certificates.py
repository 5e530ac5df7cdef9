"""Client certificates of other tenants, of nobody, and forged ones: none lets anybody in to what is another's (X036).

Where tokens are bound to certificates (RFC 8705), a token is good with its own alone. Needs [certificates].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from tenantproof.clients.canaries import found_in
from tenantproof.clients.client_certificates import NONE
from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.clients.redaction import one_line
from tenantproof.clients.tokens import base64url, parse
from tenantproof.model.certificates_profile import Certificates
from tenantproof.model.errors import TargetError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.forged_certificates import FORGERIES
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.sighting import sight

_REFUSALS = frozenset({400, 401, 403, 404, 421, 495, 496})
"""495 and 496 are nginx's, for a certificate that is wrong and one that is missing."""
_LATE = ("no complete answer within", "accepted no connection in time")


@dataclass(frozen=True)
class Showing:
    """A certificate by its name, and whose token goes with it to whose path; "" is none."""

    vector: str
    certificate: str
    token: str
    at: str


class ClientCertificates(Pairwise):
    """Shows certificates that do not go with a token, or with a path. Without [certificates] there are none to show."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    uses: ClassVar[frozenset[str]] = frozenset({"certificates"})

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """The ids of the tenants that have a certificate, or none."""
        lent = self._table.tenants if self.uses <= self.target.capabilities else {}
        return tuple(each.id for each in self.target.profile.tenants if each.id in lent)

    @property
    def units(self) -> int:
        """How many certificates are shown where they must not do."""
        crossed = sum(1 for pair in self.pairs for _ in self._crossings(*pair))
        return crossed + sum(1 for tenant in self.tenants for _ in self._strays(tenant))

    def own(self, tenant: str) -> Observation:
        """A tenant reads its own record by its own token (unless a certificate is enough) and its own certificate."""
        token = "" if self._table.enough else tenant
        request, answer = self._read(Showing("", tenant, token, tenant))
        outcome: Outcome = UNCLEAR if answer.is_whole else UNANSWERED
        if found_in(answer, self.target.canaries[tenant]):
            outcome = PERMITTED
        return sight(f"{tenant} reads its own record, with its own certificate", request, answer, outcome)

    def bound(self, tenant: str) -> Iterator[Observation]:
        """Whether a tenant's token says that it is good with its own certificate alone, where tokens are bound."""
        if not self._table.bound:
            return
        request, answer = self._read(Showing("", tenant, tenant, tenant))
        wanted = base64url(self.target.certificates.thumbprint(tenant))
        outcome = PRESENT if _confirmed(self.target.bearer(tenant)) == wanted else ABSENT
        what = f"{tenant} looks in its token for the thumbprint of its own certificate"
        yield sight(what, request, answer, outcome, notes=[f"cnf is wanted to have x5t#S256 {wanted}"])

    def crossings(self, attacker: str, victim: str) -> Iterator[Observation]:
        """What one tenant shows of another, and what it makes to look like it: refused, by TLS or by the API."""
        for showing in self._crossings(attacker, victim):
            yield self._shown(showing, attacker, victim)

    def strays(self, tenant: str) -> Iterator[Observation]:
        """A token that strayed, without its certificate or with one that only looks like it: refused."""
        for showing in self._strays(tenant):
            yield self._shown(showing, tenant, tenant)

    def _crossings(self, attacker: str, victim: str) -> Iterator[Showing]:
        if self._table.enough:
            yield Showing("an own certificate, the other's path", attacker, "", victim)
        else:
            yield Showing("another's certificate, no token", victim, "", victim)
        yield Showing("another's certificate, an own token", victim, attacker, attacker)
        yield Showing("another's certificate, an own token, the other's path", victim, attacker, victim)
        for forged in FORGERIES:
            yield Showing(f"{forged}, named like the other's, no token", self._forged(forged, victim), "", victim)
            yield Showing(
                f"{forged}, named like the other's, an own token", self._forged(forged, victim), attacker, victim
            )

    def _strays(self, tenant: str) -> Iterator[Showing]:
        if self._table.required or self._table.bound:
            yield Showing("no certificate, an own token", NONE, tenant, tenant)
        for forged in FORGERIES:
            yield Showing(
                f"{forged}, named like the own one, an own token", self._forged(forged, tenant), tenant, tenant
            )

    def _shown(self, showing: Showing, attacker: str, victim: str) -> Observation:
        request, answer = self._read(showing)
        outcome, notes = self._judged(answer, attacker)
        thumbprint = self.target.certificates.thumbprint(showing.certificate).hex() if showing.certificate else "none"
        unit = Unit(attacker, victim, "read", f"X036 {showing.vector}")
        what = f"{attacker} reads a record of {showing.at}: {showing.vector}"
        return sight(what, request, answer, outcome, unit=unit, notes=(*notes, f"certificate sha256:{thumbprint}"))

    def _judged(self, answer: Answer, attacker: str) -> tuple[Outcome, tuple[str, ...]]:
        if any(found_in(answer, own) for own in self.target.canaries.values()):
            return PERMITTED, ("a record came back",)
        if answer.failure and not answer.failure.startswith(_LATE) and self.own(attacker).outcome is PERMITTED:
            # TLS refuses by an alert, which a connection that is reset under it may lose.
            return REFUSED, (one_line(answer.failure), "an own certificate is let in at once")
        if not answer.is_whole:
            return UNANSWERED, (answer.failure or answer.malformed,)
        if 200 <= answer.status < 300:
            return PERMITTED, ("it was carried out",)
        return (REFUSED, ()) if answer.status in _REFUSALS else (UNCLEAR, (f"saw {answer.status}",))

    def _read(self, showing: Showing) -> tuple[Request, Answer]:
        request = self.target.request(
            self.target.operation("read"),
            tenant=showing.at,
            record=self.target.tenant(showing.at).records[0].id,
            bearer=self.target.bearer(showing.token) if showing.token else "",
            principal=f"{showing.token}/reader" if showing.token else "",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request, certificate=showing.certificate)

    def _forged(self, forgery: str, tenant: str) -> str:
        """The name of a certificate that was forged after a tenant's; each is made once."""
        name = f"{forgery} {tenant}"
        if name not in self._made:
            self.target.certificates.add(name, *FORGERIES[forgery](self.target.certificates.certificate(tenant)))
            self._made.add(name)
        return name

    @cached_property
    def _made(self) -> set[str]:
        return set()

    @property
    def _table(self) -> Certificates:
        assert self.target.profile.certificates
        return self.target.profile.certificates


def _confirmed(token: str) -> str:
    """The thumbprint of the certificate that a token is good with, as it says; empty if it says none."""
    try:
        confirmation = parse(token).payload.get("cnf")
    except TargetError:
        return ""
    said = confirmation.get("x5t#S256") if isinstance(confirmation, dict) else ""
    return said if isinstance(said, str) else ""
