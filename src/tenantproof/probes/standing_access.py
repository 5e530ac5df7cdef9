"""Looks for access that support has without having asked: by every route of the API, in databases, and at keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from tenantproof.clients.postgres import ask
from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PRESENT, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Operation, Tenant
from tenantproof.probes.access_cast import support_of
from tenantproof.probes.key_facts import known_facts
from tenantproof.probes.permissions.authorize import Authorizer
from tenantproof.probes.permissions.closure import Closure
from tenantproof.probes.permissions.documents import read_document
from tenantproof.probes.permissions.evaluate import possible_actions, read_grants
from tenantproof.probes.permissions.principals import Caller
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import access, new_probe, refusal_name, sight
from tenantproof.probes.stream_rights import read_rights

_LOGINS = """
SELECT rolname FROM pg_roles
WHERE rolcanlogin AND NOT rolsuper AND has_database_privilege(oid, current_database(), 'CONNECT')
  AND rolname <> ALL ($1)
ORDER BY rolname
"""


class StandingAccess(Probe):
    """Everybody of support that the profile names, against every tenant, without any grant."""

    needs: ClassVar[frozenset[str]] = frozenset({"support"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.support = support_of(target)
        self.tenants = target.profile.tenants
        # What writes is not tried: at a target with a fault it would be done.
        self.routes = {
            name: each
            for name, each in target.profile.http.operations.items()
            if each.method == "GET" and "{jurisdiction}" not in each.path
        }

    @property
    def population(self) -> int:
        """How many (person, tenant, operation) there are."""
        return len(self.support.principals) * len(self.tenants) * len(self.routes)

    def calibrations(self) -> Iterator[Observation]:
        """Every tenant's own reader reads the record that support is then to be refused."""
        read = self.target.operation("read")
        for tenant in self.tenants:
            bearer, record = self.target.bearer(tenant.id), tenant.records[0]
            request = self.target.request(
                read,
                tenant=tenant.id,
                record=record.id,
                bearer=bearer,
                principal=f"{tenant.id}/reader",
                probe=new_probe(),
            )
            answer = self.target.wire.send(request)
            own = [record.canary]
            outcome, notes = access(answer, self.target.profile.http, wanted=own, foreign=(), refusal="grant")
            yield sight(f"{tenant.id} reads its own record", request, answer, outcome, notes=notes)

    def tries(self) -> Iterator[Observation]:
        """Every person of support, tenant and operation, without naming a grant."""
        for person in self.support.principals:
            for tenant in self.tenants:
                for name, operation in self.routes.items():
                    yield self._try(person, tenant, name, operation)

    def _try(self, person: str, tenant: Tenant, name: str, operation: Operation) -> Observation:
        request = self.target.request(
            operation,
            tenant=tenant.id,
            record=tenant.records[0].id,
            bearer=self.target.support_bearer(person),
            principal=person,
            probe=new_probe(),
        )
        answer = self.target.wire.send(request)
        own = self.target.canaries[tenant.id]
        refusal = refusal_name(answer, self.target.profile.http) or "grant"
        outcome, notes = access(answer, self.target.profile.http, wanted=own, foreign=(), refusal=refusal)
        if outcome is UNCLEAR and 200 <= answer.status < 300:
            notes = (*notes, "answered as if it were allowed")
        unit = Unit(person, tenant.id, name, "standing access")
        what = f"{person} uses {name} of {tenant.id} without a grant"
        return sight(what, request, answer, outcome, unit=unit, notes=notes)

    def logins(self) -> Iterator[Observation]:
        """For each tenant whose database and service roles the profile names: other roles that may connect to it."""
        for tenant in self.tenants:
            if tenant.database and tenant.service_roles:
                yield self._logins(tenant)

    def _logins(self, tenant: Tenant) -> Observation:
        assert tenant.database
        rows = ask(tenant.database, _LOGINS, list(tenant.service_roles))
        found = [one_line(str(row[0])) for row in rows.rows]
        silent = rows.failure or rows.refused
        outcome = UNANSWERED if silent else PRESENT if found else ABSENT
        note = silent or f"roles: {', '.join(found) or 'none'}"
        what = f"a role beside the service's may connect to the database of {tenant.id}"
        return self._seen(what, tenant.id, outcome, note, "database roles")

    def keys(self) -> Iterator[Observation]:
        """For each tenant and each of support's identities at AWS: what policy and grants of the tenant's key give."""
        for tenant in self.tenants:
            for arn in self.support.arns if self.target.profile.aws and "auditor" in tenant.aws else ():
                yield self._key(tenant, arn)

    def roles(self) -> Iterator[Observation]:
        """For each tenant and each of support's identities at AWS: whom else of the workload or tenant it could act as.

        Nothing where the vendor's auditor, who lists the vendor's roles and what they may do, is not lent.
        """
        aws, arns = self.target.profile.aws, self.support.arns
        if aws is None or aws.auditor is None or not arns:
            return
        facts, workload = known_facts(self.target), Caller.of(aws.workload.arn).principal
        listed, closure = {each.arn for each in facts.principals}, Closure(Authorizer(facts))
        for arn in arns:
            ways = {each.holder.caller.principal: "; ".join(each.steps) for each in closure.reach(arn)[1:]}
            silent = "" if arn in listed else f"nobody lists {arn}"
            for tenant in self.tenants:
                strange = [other for other in sorted(ways) if other == workload or f":{tenant.account}:" in other]
                outcome = PRESENT if strange else UNANSWERED if silent else ABSENT
                note = f"{strange[0]}: {ways[strange[0]]}" if strange else silent or "it could act as nobody else"
                what = f"support's {arn.rsplit('/', 1)[-1]} could act as somebody who reaches what is {tenant.id}'s"
                yield self._seen(what, tenant.id, outcome, note, "roles")

    def streams(self) -> Iterator[Observation]:
        """For each tenant's stream and each of support's users at the broker: what its permissions give that user.

        Nothing where there are no streams, or nobody lends an auditor's login.
        """
        broker = self.target.profile.kafka
        rights = read_rights(broker, self.target.profile.safety.timeout_seconds) if broker else None
        if broker is None or rights is None:
            return
        for name, stream in broker.tenants.items():
            for user in broker.support:
                outcome, notes = rights.of_user(stream, user)
                what = f"support's {one_line(user)} holds something on the stream of {name}"
                note = rights.reply.refused or rights.reply.failure or ", ".join(notes) or "nothing allows it anything"
                yield self._seen(what, name, outcome, note, "broker users")

    def _key(self, tenant: Tenant, arn: str) -> Observation:
        auditor = tenant.aws["auditor"]
        kms = self.target.aws.client("kms", auditor, region=tenant.region, key=f"tenants.{tenant.id}.aws.auditor")
        policy = self.target.aws.call(kms, "get_key_policy", KeyId=tenant.key_arn, PolicyName="default")
        granted = self.target.aws.call(kms, "list_grants", KeyId=tenant.key_arn, Limit=100)
        what = f"support's {arn.rsplit('/', 1)[-1]} holds something on the key of {tenant.id}"
        if silent := policy.failure or policy.code or granted.failure or granted.code:
            return self._seen(what, tenant.id, UNANSWERED, silent, "keys")
        document = read_document("key policy", str(policy.data.get("Policy", "")), resource_based=True)
        grants = read_grants(list(granted.data.get("Grants") or []))
        held = possible_actions(tenant.key_arn, Caller.of(arn), document, grants)
        note = ", ".join(sorted(held)[:5]) or "nothing allows it anything"
        return self._seen(what, tenant.id, PRESENT if held else ABSENT, note, "keys")

    def _seen(self, what: str, tenant: str, outcome: Outcome, note: str, where: str) -> Observation:
        unit = Unit("support", tenant, where, "standing access")
        return Observation(
            probe=new_probe(),
            what=what,
            outcome=outcome,
            principal=f"{tenant}, for itself",
            response=one_line(note),
            response_digest=digest(note),
            unit=unit,
            notes=(one_line(note),),
        )
