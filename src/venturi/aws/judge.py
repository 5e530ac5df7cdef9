"""Whether a call is allowed: policies of every kind, grants and key states. Every decision is one method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from venturi.aws import kms_rules
from venturi.aws.call import Call
from venturi.aws.caller import Caller
from venturi.aws.cloud import MotoCloud
from venturi.aws.decisions import Decision, Log, log_to_stderr
from venturi.aws.faults import AwsFault
from venturi.aws.grants import Grant, covers
from venturi.aws.key_states import require_usable
from venturi.aws.keystore.records import Key
from venturi.aws.needs import UNGUARDED, Need
from venturi.aws.organization import RCP, SCP, UNDER_RCP
from venturi.aws.policy import (
    Question,
    Says,
    identity_policies_say,
    names_itself,
    resource_controls_say,
    resource_policy_says,
    service_controls_say,
)


class Judge:
    """Decides; `log` gets every decision. Times are `clock`'s, in UTC."""

    def __init__(
        self, cloud: MotoCloud, log: Log = log_to_stderr, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.cloud = cloud
        self.log = log
        self.clock = clock

    def require(self, call: Call, needs: tuple[Need, ...]) -> None:
        """Log and enforce a decision for every need. Raises AwsFault AccessDeniedException at the first refusal."""
        for need in needs:
            allowed, reason = self.permits(call, need)
            self.log(Decision(call.caller.arn, need.action, need.resource, allowed, reason, call.request_id))
            if not allowed:
                text = f"{call.caller.arn} is not authorized to perform: {need.action} on resource: {need.resource}"
                raise AwsFault("AccessDeniedException", f"User: {text} because {reason}")

    def permits(self, call: Call, need: Need) -> tuple[bool, str]:
        """Whether the caller may, and why: denies first, then grants, then both sides' policies within their limits."""
        if need.action in UNGUARDED:
            return True, "anybody may"
        question = Question(call.caller, need.action, need.resource, self.facts(call, need))
        attached, own, limits = self.resource_says(need, question), self.identity_says(question), self.limits(question)
        controls = self.controls(need, question)
        if Says.DENIES in (attached, own, *limits, *controls):
            return False, "a policy denies it"
        if any(level is not Says.ALLOWS for level in controls):
            return False, "a control policy of the organization does not allow it"
        if need.key is not None and self.granted(call, need, need.key):
            return True, "a grant allows it"
        within = all(limit is Says.ALLOWS for limit in limits)
        if call.caller.account != need.owner:
            open_to = attached in (Says.ALLOWS, Says.DELEGATES)
            return open_to and own is Says.ALLOWS and within, _across(attached, own, within=within)
        if attached is Says.ALLOWS and (within or names_itself(need.policy or "", question)):
            return True, "the resource's policy allows it"
        led = attached in (Says.ALLOWS, Says.DELEGATES) or not need.decisive
        return led and own is Says.ALLOWS and within, _at_home(attached, own, within=within)

    def resource_says(self, need: Need, question: Question) -> Says:
        """What the resource's own policy (a key policy, a topic policy) says."""
        return Says.NOTHING if need.policy is None else resource_policy_says(need.policy, question)

    def identity_says(self, question: Question) -> Says:
        """What the policies attached to the caller say."""
        return identity_policies_say(self.cloud.identity_policies(question.caller.principal_arn), question)

    def limits(self, question: Question) -> tuple[Says, ...]:
        """What a permissions boundary and a session's policies say, where the caller has them; each has to allow."""
        caller = question.caller
        if caller.is_root:
            return ()
        boundary = self.cloud.boundary(caller.principal_arn)
        narrowed = self.cloud.notes.sessions.get(caller.access_key_id, ())
        # Several session policies add up; the boundary is a limit of its own.
        documents: Iterable[tuple[str, ...]] = ((boundary,) if boundary is not None else (), narrowed)
        return tuple(identity_policies_say(texts, question) for texts in documents if texts)

    def controls(self, need: Need, question: Question) -> tuple[Says, ...]:
        """What organizations say: the caller's to its accounts (SCPs), the owner's to its resources (RCPs).

        Every level has to allow.
        """
        caller, above = question.caller, self.cloud.organizations
        if caller.is_service_linked:
            return ()
        said = [service_controls_say(level, question) for level in above.levels(caller.account, SCP)]
        if need.action.partition(":")[0] in UNDER_RCP:
            said += [resource_controls_say(level, question) for level in above.levels(need.owner, RCP)]
        return tuple(said)

    def granted(self, call: Call, need: Need, key: Key) -> bool:
        """Whether a grant on the key allows it."""
        if call.action == "RetireGrant" and kms_rules.retirable(call, key):
            return True
        operation = need.action.removeprefix("kms:")
        parents = [grant for grant in key.grants if self.grant_covers(grant, call.caller, operation, need.context)]
        if parents and operation == "CreateGrant":
            kms_rules.require_within(parents, call.params)
        return bool(parents)

    def grant_covers(self, grant: Grant, caller: Caller, operation: str, context: Mapping[str, str]) -> bool:
        """Whether one grant lets the caller do `operation` under this encryption context."""
        return covers(grant, caller, operation, context)

    def key_state(self, key: Key, action: str) -> None:
        """Raises AwsFault when the key's state does not take this call."""
        require_usable(key, action)

    def bound_context(self, context: Mapping[str, str]) -> Mapping[str, str]:
        """What a ciphertext is bound to: it opens under the same encryption context and no other."""
        return context

    def facts(self, call: Call, need: Need) -> dict[str, tuple[str, ...]]:
        """Values of the condition keys for this request."""
        now, caller = self.clock(), call.caller
        tags = {} if caller.is_root else self.cloud.principal_tags(caller.principal_arn)
        named = {"aws:username": (caller.arn.rpartition("/")[2],)} if caller.kind == "User" else {}
        return {
            "aws:principalarn": (caller.principal_arn,),
            "aws:principalaccount": (caller.account,),
            "aws:principaltype": (caller.kind,),
            "aws:principalisawsservice": ("false",),
            "aws:viaawsservice": (str(bool(need.through)).lower(),),
            "aws:requestedregion": (call.region,),
            "aws:resourceaccount": (need.owner,),
            "aws:sourceip": ("127.0.0.1",),
            "aws:securetransport": ("false",),
            "aws:currenttime": (now.isoformat(),),
            "aws:epochtime": (str(int(now.timestamp())),),
            "aws:useragent": (call.message.headers.get("user-agent", ""),),
            **self.memberships(caller.account, need.owner),
            **{f"aws:principaltag/{name.lower()}": (value,) for name, value in tags.items()},
            **named,
            **need.facts,
        }

    def memberships(self, caller: str, owner: str) -> dict[str, tuple[str, ...]]:
        """The organizations of two accounts; the key is absent for one that stands alone."""
        ids = {"aws:principalorgid": caller, "aws:resourceorgid": owner}
        named = {key: self.cloud.organizations.id_of(account) for key, account in ids.items()}
        return {key: (found,) for key, found in named.items() if found}


def _across(attached: Says, own: Says, *, within: bool) -> str:
    return f"across accounts: resource {attached.value}, identity {own.value}{_limited(within)}"


def _at_home(attached: Says, own: Says, *, within: bool) -> str:
    return f"in its account: resource {attached.value}, identity {own.value}{_limited(within)}"


def _limited(within: bool) -> str:
    return "" if within else ", and a boundary or session policy does not allow it"
