"""Has the shared model trained before and after a tenant's data change, with and without that tenant's consent."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tenantproof.clients.exchange import Answer, Request
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, ALIKE, DIFFERENT, PERMITTED, PRESENT, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.aggregation import Aggregation
from tenantproof.probes.sighting import json_object, sight

_PERSONS = 12
_CHANNEL = "direct"


@dataclass(frozen=True)
class Model:
    """The weights as a tenant is told them after a training, and the exchange that told."""

    request: Request
    answer: Answer
    weights: str = ""
    """What scores are made of, canonical: lineage and digest left out, for a new release has a new name."""
    lineage: str = ""


class ModelTraining(Aggregation):
    """The training of the shared weights."""

    needs: ClassVar[frozenset[str]] = frozenset({"aggregation", "scoring", "training"})

    def trained(self) -> Model:
        """Run every pipeline, train, and read the weights as the first tenant is told them."""
        self.run_all()
        operation = self._told.operations["train"]
        bearer = self.target.tokens.bearer(self._told.operator, "aggregation.operator")
        request, answer = self._send(operation, bearer=bearer, principal="operator", body={})
        if answer.status not in {200, 201, 202}:
            return Model(request, answer)
        request, answer = self._as_reader("model", self.tenants[0])
        told = dict(json_object(answer.body))
        lineage = told.pop("trained_on", None)
        told.pop("digest", None)
        weights = json.dumps(told, sort_keys=True) if answer.status == 200 and told else ""
        return Model(request, answer, weights, json.dumps(lineage))

    def trains(self, model: Model) -> Observation:
        """Whether the training took place and the weights could be read."""
        return self._sight("the model is trained and told", model, PERMITTED if model.weights else None)

    def add_data(self, tenant: str) -> Observation:
        """The tenant's steward stores records of new persons, all through one channel."""
        request, answer = self._imported(tenant)
        for _ in range(_PERSONS - 1):
            if answer.status != 201:
                break
            request, answer = self._imported(tenant)
        model = Model(request, answer)
        return self._sight(f"{tenant} stores {_PERSONS} records", model, PERMITTED if answer.status == 201 else None)

    def moved(self, before: Model, after: Model, *, why: str, tenant: str = "") -> Observation:
        """Whether the weights are other ones. `tenant` names whose data were not to move them."""
        outcome = None
        if before.weights and after.weights:
            outcome = ALIKE if before.weights == after.weights else DIFFERENT
        unit = Unit(tenant, "", "train", "data without consent") if tenant else None
        return self._sight(f"the weights before and after: {why}", after, outcome, unit)

    def names(self, model: Model, tenant: str) -> Observation:
        """Whether what the model says of its training names the tenant or anything of it."""
        told = self.target.tenant(tenant)
        marks = [told.id, *(mark for mark in (told.name, told.account, told.key_arn) if mark)]
        marks += [text for record in told.records for text in (record.id, record.canary)]
        # A word of its own: the id of one tenant may be the beginning of another word.
        words = set(re.findall(r"[A-Za-z0-9:/_-]+", model.lineage))
        outcome = None if not words else PRESENT if words & set(marks) else ABSENT
        unit = Unit(tenant, "", "train", "lineage")
        return self._sight(f"what the model was trained on names {tenant}", model, outcome, unit)

    def _imported(self, tenant: str) -> tuple[Request, Answer]:
        nonce = secrets.token_hex(8)
        body = {name: f"mo3-{name[:2]}-{nonce}" for name in ("id", "subject_id", "touchpoint", "conversion")}
        return self._as("write", tenant, "steward", {**body, "channel": _CHANNEL, "weight": 1.0, "note": nonce})

    def _as_reader(self, name: str, tenant: str) -> tuple[Request, Answer]:
        return self._as(name, tenant, "reader", None)

    def _as(self, name: str, tenant: str, who: str, body: Mapping[str, Any] | None) -> tuple[Request, Answer]:
        bearer = self.target.bearer(tenant, who)
        operation = self.target.operation(name)
        return self._send(operation, tenant=tenant, bearer=bearer, principal=f"{tenant}/{who}", body=body)

    def _sight(self, what: str, model: Model, outcome: Outcome | None, unit: Unit | None = None) -> Observation:
        seen = outcome or (UNCLEAR if model.answer.is_whole else UNANSWERED)
        notes = [f"trained on {model.lineage}"] if model.lineage else []
        return sight(what, model.request, model.answer, seen, unit=unit, notes=notes)
