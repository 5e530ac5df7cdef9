"""Changes one field of a legal request, as it goes over the wire, and looks for an effect that was never granted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from msgspec.structs import replace

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target
from tenantproof.model.legal_path import Body
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.access_acts import Act
from tenantproof.probes.access_bodies import answered, needs_factor, template
from tenantproof.probes.access_story import Story
from tenantproof.probes.near_misses import NearMisses, close
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import sight

_YEAR_9999 = "9999-12-31T23:59:59Z"
_SLACK_SECONDS = 5.0
_TWISTS: tuple[tuple[str, Any], ...] = (
    ("left empty", ""),
    ("null", None),
    ("a list", []),
    ("a number", 0),
    ("a wildcard", "*"),
)


@dataclass(frozen=True)
class Mutation:
    """A legal body with one field changed, and how that is said. `body` is what goes over the wire."""

    what: str
    body: bytes


class Mutations(Probe):
    """Legal requests with one field changed. Ignoring a field that nobody asked for is as good as refusing it."""

    needs: ClassVar[frozenset[str]] = frozenset({"support"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._misses = NearMisses(target)
        self.support = self._misses.support

    def of(self, claim: str) -> Iterator[Observation]:
        """The mutated requests that would break a claim; all are expected to be refused or to change nothing."""
        match claim:
            case "SU-2":
                yield from self._try("request", _extras(_SELF_APPROVAL))
                yield from self._try("request", self._of_lists())
                yield from self._try("request", self._of_tenant())
                yield from self._later(_extras(_SELF_APPROVAL))
                yield from self._fetched()
            case "SU-3":
                yield from self._try("request", self._of_time())
                yield from self._later(_extras(_LONGER))
            case "SU-4":
                for step in self.support.path[1:]:
                    if needs_factor(self.support, step):
                        yield from self._factors(step)

    def legal(self) -> list[Observation]:
        """The legal path, unchanged: it must work, or a refusal of its changes means nothing."""
        story = self._misses.story()
        seen = story.live(self.support.path)
        close(story)
        return seen

    def _try(self, step: str, mutations: Iterator[tuple[str, Body] | Mutation]) -> Iterator[Observation]:
        """Requests of the first step; each makes a case of its own, if any."""
        for each in mutations:
            story = self._misses.story()
            request = story.ready(Act(step))
            mutation = _applied(request, each)
            answer = self.target.wire.send(replace(request, body=mutation.body))
            yield self._seen(story, step, mutation, request, answer, self._of_request(story, answer))

    def _of_request(self, story: Story, answer: Answer) -> tuple[Outcome, str]:
        """Permitted, if the case is anything but one that waits, for what was asked and not for too long."""
        refused = _refused(answer)
        if refused is not None:
            return refused, ""
        say = {name: answered(self.support, answer.body, name) for name in ("id", "digest", "state", "seconds")}
        if say["state"] not in (None, "requested"):
            return PERMITTED, f"the case is {say['state']} at once"
        seconds = say["seconds"]
        if isinstance(seconds, int | float) and not 0 < seconds <= self.support.max_seconds:
            return PERMITTED, f"it may last {seconds} s"
        legal = json.loads(story.ready(Act("request")).body)
        made = json.loads(answer.body)
        widened = [name for name, value in legal.items() if isinstance(value, list) and made.get(name, value) != value]
        if widened or ("tenant_id" in made and made["tenant_id"] != story.cast.tenant.id):
            return PERMITTED, f"it is for more than may be asked for: {', '.join(widened) or 'another tenant'}"
        story.id, story.digest, story.history = str(say["id"]), str(say["digest"] or ""), self.support.path[:1]
        opened = story.take(Act(self.support.path[-1])) if len(self.support.path) > 2 else None
        if opened is not None and opened.outcome is PERMITTED:
            close(story)
            return PERMITTED, "it is active without an approval"
        return REFUSED, "the case waits for its answer like any other"

    def _later(self, extras: Iterator[tuple[str, Body]]) -> Iterator[Observation]:
        """Later steps with a member that they do not have; each on a case of its own, for it may be ignored."""
        for what, more in extras:
            for step in self.support.path[1:]:
                story = self._misses.story()
                story.live(self.support.path[: self.support.path.index(step)])
                request = story.ready(Act(step))
                mutation = _applied(request, (what, more))
                answer = self.target.wire.send(replace(request, body=mutation.body))
                yield self._seen(story, step, mutation, request, answer, self._of_step(story, step, answer))
                close(story)

    def _of_step(self, story: Story, step: str, answer: Answer) -> tuple[Outcome, str]:
        refused = _refused(answer)
        if refused is not None:
            return refused, ""
        story.history = (*story.history, step)
        state = answered(self.support, answer.body, "state")
        if state not in (None, story.state):
            return PERMITTED, f"the case is {state}"
        latest = datetime.now(UTC) + timedelta(seconds=story.seconds + _SLACK_SECONDS)
        if _moment(answered(self.support, answer.body, "ends")) > latest:
            return PERMITTED, "it ends later than was asked for"
        return REFUSED, "the member changed nothing"

    def _factors(self, step: str) -> Iterator[Observation]:
        """A step with one value of its second factor changed. A refused step leaves the case as it was: one will do."""
        story = self._misses.story()
        story.live(self.support.path[: self.support.path.index(step)])
        for path in _factor_fields(template(self.support, step)):
            for what, twisted in (*_TWISTS, ("cut short", None), ("with another character", None)):
                request = story.ready(Act(step))
                body = json.loads(request.body)
                _put(body, path, _twist(what, _get(body, path), twisted))
                mutation = Mutation(f"{'.'.join(path)} {what}", json.dumps(body).encode())
                answer = self.target.wire.send(replace(request, body=mutation.body))
                refused = _refused(answer)
                yield self._seen(story, step, mutation, request, answer, (refused or PERMITTED, ""))
                if refused is None:
                    return
        close(story)

    def _fetched(self) -> Iterator[Observation]:
        """A link that is only looked at, as by a scanner of mail, approves nothing."""
        story = self._misses.story()
        story.live(self.support.path[:1])
        step = self.support.path[1]
        request = story.ready(Act(step))
        query = f"{request.target}?digest={story.digest}"
        fetched = replace(request, method="GET", target=query, body=b"")
        answer = self.target.wire.send(fetched)
        outcome = _refused(answer) or PERMITTED
        yield self._seen(story, step, Mutation("by GET", b""), fetched, answer, (outcome, ""))

    def _of_time(self) -> Iterator[tuple[str, Body] | Mutation]:
        longest = self.support.max_seconds
        values = (0, -1, longest + 1, 10**9, 1.5, str(longest), True, None, "PT9999H", [longest], 2**63)
        for name, said in template(self.support, "request").items():
            if said == "{seconds}":
                yield from ((f"{name} {value!r}", {name: value}) for value in values)
                yield Mutation(f"{name} said twice", json.dumps({name: longest * 1000}).encode())

    def _of_lists(self) -> Iterator[tuple[str, Body]]:
        for name, said in template(self.support, "request").items():
            if isinstance(said, list):
                for value in ([], ["*"], [*said, "*"], [*said, "audit:read"], [*said, *said], "*", None):
                    yield f"{name} {value!r}", {name: value}

    def _of_tenant(self) -> Iterator[tuple[str, Body]]:
        tenant = self._misses.tenant.id
        for name, said in template(self.support, "request").items():
            if said == "{tenant}":
                for value in (tenant.upper(), f"{tenant}.", tenant[:-1], f"{tenant} ", "*", "", None, [tenant]):
                    yield f"{name} {value!r}", {name: value}

    def _seen(
        self,
        story: Story,
        step: str,
        mutation: Mutation,
        request: Request,
        answer: Answer,
        judged: tuple[Outcome, str],
    ) -> Observation:
        outcome, note = judged
        unit = Unit(request.principal, story.cast.tenant.id, "mutation", f"{step}: {mutation.what}")
        what = f"{request.principal} sends {step} with one field changed, {mutation.what}"
        sent = replace(request, body=mutation.body)
        return sight(what, sent, answer, outcome, unit=unit, notes=(note,) if note else ())


_SELF_APPROVAL: Body = {
    "state": "approved",
    "approved_by": "whoever asked",
    "approver": "whoever asked",
    "approved_at": "2000-01-01T00:00:00Z",
    "approvals": [{"by": "whoever asked"}],
    "activated_at": "2000-01-01T00:00:00Z",
    "requested_by": "somebody else",
}
_LONGER: Body = {"ends_at": _YEAR_9999, "duration_seconds": 10**6, "lapses_at": _YEAR_9999}


def _extras(members: Body) -> Iterator[tuple[str, Body]]:
    return ((f"{name} given besides", {name: value}) for name, value in members.items())


def _applied(request: Request, change: tuple[str, Body] | Mutation) -> Mutation:
    """The legal body with the change: a member set, or, for a ready mutation, said a second time."""
    if isinstance(change, Mutation):
        return Mutation(change.what, request.body[:-1] + b", " + change.body[1:])
    what, members = change
    return Mutation(what, json.dumps(json.loads(request.body) | members).encode())


def _refused(answer: Answer) -> Outcome | None:
    """What an answer comes to that is no success; None for one that is."""
    if not answer.is_whole:
        return UNANSWERED
    if 200 <= answer.status < 300:
        return None
    return REFUSED if 400 <= answer.status < 500 else UNCLEAR


def _moment(said: object) -> datetime:
    try:
        return datetime.fromisoformat(str(said))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _factor_fields(said: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # noqa: ANN401  # JSON
    """Where in a body the challenge and the signature stand."""
    if isinstance(said, dict):
        for name, each in said.items():
            yield from _factor_fields(each, (*path, name))
    elif said in ("{challenge}", "{signature}"):
        yield path


def _get(body: Any, path: tuple[str, ...]) -> str:  # noqa: ANN401  # JSON
    for name in path:
        body = body[name]
    return str(body)


def _put(body: Any, path: tuple[str, ...], value: object) -> None:  # noqa: ANN401  # JSON
    for name in path[:-1]:
        body = body[name]
    body[path[-1]] = value


def _twist(what: str, value: str, twisted: object) -> object:
    if what == "cut short":
        return value[:-1]
    if what == "with another character":
        return ("B" if value[:1] == "A" else "A") + value[1:]
    return twisted
