"""The strict front of moto: no call passes that AWS would refuse. Every decision is one method of it."""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from xml.sax.saxutils import escape

from venturi.aws import kms_rules
from venturi.aws.call import Call, protocol_of, read_call, read_message
from venturi.aws.caller import Caller
from venturi.aws.cloud import Issued, Key, MotoCloud
from venturi.aws.decisions import Decision, Log, log_to_stderr
from venturi.aws.faults import AwsFault, Reply, render
from venturi.aws.forward import forward
from venturi.aws.grants import Grant, covers
from venturi.aws.key_states import require_usable
from venturi.aws.kms_calls import encryption_context, kms_needs
from venturi.aws.needs import UNGUARDED, Need, needs_of
from venturi.aws.policy import Question, Says, identity_policies_say, resource_policy_says
from venturi.aws.sigv4 import Message, read_credential, verify
from venturi.settings import AwsIdentity


class StrictFront:
    """A WSGI application before `inner` (moto): authenticates, authorizes and holds keys to their state.

    `identities` are the callers known from the start; `cloud` reads the world behind; `log` gets every decision.
    """

    def __init__(
        self,
        identities: Iterable[AwsIdentity],
        inner: WSGIApplication,
        cloud: MotoCloud,
        log: Log = log_to_stderr,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.identities = {known.access_key_id: Issued(known.arn, known.secret_access_key) for known in identities}
        self.inner = inner
        self.cloud = cloud
        self.log = log
        self.clock = clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == "/healthz" and environ["REQUEST_METHOD"] == "GET":
            reply = Reply("200 OK", [("Content-Type", "application/json")], b'{"status":"ok"}')
        else:
            reply = self.answer(environ)
        headers = [(name, value) for name, value in reply.headers if name.lower() != "content-length"]
        start_response(reply.status, [*headers, ("Content-Length", str(len(reply.body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]

    def answer(self, environ: WSGIEnvironment) -> Reply:
        """Take a request through signature, permission, state and moto; a refusal is an answer too."""
        request_id = str(uuid.uuid4())
        service, protocol = "", "query"
        try:
            message = read_message(environ)
            protocol = protocol_of(message.headers, service)
            credential = read_credential(message.headers)
            service, protocol = credential.service, protocol_of(message.headers, credential.service)
            caller = self.authenticate(message)
            call = read_call(message, credential, caller, request_id)
            return self.perform(call, environ)
        except AwsFault as fault:
            return render(fault, protocol=protocol, service=service, request_id=request_id)
        except (
            Exception
        ) as error:  # whatever broke, the call was not carried out on the caller's terms: say so and go on
            self.log(Decision("", service, "", allowed=False, reason=f"broken: {error!r}", request_id=request_id))
            broken = AwsFault("InternalFailure", "The request failed because of an internal error.", 500)
            return render(broken, protocol=protocol, service=service, request_id=request_id)

    def authenticate(self, message: Message) -> Caller:
        """Who signed the request. Raises AwsFault for an unknown key, a wrong signature, or a stale one."""
        credential = read_credential(message.headers)
        known = self.identities.get(credential.access_key_id) or self.cloud.issued(credential.access_key_id)
        token = message.headers.get("x-amz-security-token", "")
        if known is None or not hmac.compare_digest(known.token.encode(), token.encode()):
            raise AwsFault("UnrecognizedClientException", "The security token included in the request is invalid.", 403)
        verify(message, credential, known.secret, self.clock())
        return Caller(credential.access_key_id, known.arn)

    def perform(self, call: Call, environ: WSGIEnvironment) -> Reply:
        """Carry out what an authenticated caller asks for, if it may."""
        if call.service == "kms":
            return self.perform_kms(call, environ)
        needs = needs_of(call, self.cloud)
        self.require(call, needs)
        if call.action == "GetCallerIdentity":
            return _identity(call)
        # Written anew, a JSON body has no member twice for moto to read the other one of.
        body = json.dumps(call.params).encode() if call.protocol == "json" else None
        return forward(self.inner, environ, call, account=needs[0].owner, body=body)

    def perform_kms(self, call: Call, environ: WSGIEnvironment) -> Reply:
        """Carry out a KMS call: permission first, then sanity and state, then the deed."""
        try:
            needs = kms_needs(call, self.cloud)
        except AwsFault as fault:
            self.log(_refused(call, fault))
            raise
        key = needs[0].key
        self.require(call, needs)
        kms_rules.require_sane(call, key, self.cloud)
        for touched in (need.key for need in needs if need.key):
            self.key_state(touched, call.action)
        dry = bool(call.params.get("DryRun"))
        if dry and call.action in kms_rules.CHANGES:
            raise _would_succeed()
        body = json.dumps(self.translated(call, key)).encode()
        reply = forward(self.inner, environ, call, account=needs[0].owner, body=body)
        if dry and reply.succeeded:
            raise _would_succeed()
        return kms_rules.completed(call, key, reply, self.cloud.ledger)

    def require(self, call: Call, needs: tuple[Need, ...]) -> None:
        """Log and enforce a decision for every need. Raises AwsFault AccessDeniedException at the first refusal."""
        for need in needs:
            allowed, reason = self.permits(call, need)
            self.log(Decision(call.caller.arn, need.action, need.resource, allowed, reason, call.request_id))
            if not allowed:
                text = f"{call.caller.arn} is not authorized to perform: {need.action} on resource: {need.resource}"
                raise AwsFault("AccessDeniedException", f"User: {text} because {reason}")

    def permits(self, call: Call, need: Need) -> tuple[bool, str]:
        """Whether the caller may, and why: denies first, then grants, then both sides' policies."""
        if need.action in UNGUARDED:
            return True, "anybody may"
        question = Question(call.caller, need.action, need.resource, self.facts(call, need))
        attached, own = self.resource_says(need, question), self.identity_says(question)
        if Says.DENIES in (attached, own):
            return False, "a policy denies it"
        if need.key is not None and self.granted(call, need, need.key):
            return True, "a grant allows it"
        if call.caller.account != need.owner:
            open_to = attached in (Says.ALLOWS, Says.DELEGATES)
            return open_to and own is Says.ALLOWS, f"across accounts: resource {attached.value}, identity {own.value}"
        if attached is Says.ALLOWS:
            return True, "the resource's policy allows it"
        led = attached is Says.DELEGATES or not need.decisive
        return led and own is Says.ALLOWS, f"in its account: resource {attached.value}, identity {own.value}"

    def resource_says(self, need: Need, question: Question) -> Says:
        """What the resource's own policy (a key policy, a topic policy) says."""
        return Says.NOTHING if need.policy is None else resource_policy_says(need.policy, question)

    def identity_says(self, question: Question) -> Says:
        """What the policies attached to the caller say."""
        return identity_policies_say(self.cloud.identity_policies(question.caller.principal_arn), question)

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

    def bound_context(self, context: Mapping[str, str]) -> dict[str, str]:
        """What a ciphertext is bound to: it opens under the same encryption context and no other."""
        return kms_rules.digest(context)

    def facts(self, call: Call, need: Need) -> dict[str, tuple[str, ...]]:
        """Values of the condition keys for this request."""
        now = self.clock()
        return {
            "aws:principalarn": (call.caller.principal_arn,),
            "aws:principalaccount": (call.caller.account,),
            "aws:principaltype": (call.caller.kind,),
            "aws:requestedregion": (call.region,),
            "aws:resourceaccount": (need.owner,),
            "aws:sourceip": ("127.0.0.1",),
            "aws:securetransport": ("false",),
            "aws:currenttime": (now.isoformat(),),
            "aws:epochtime": (str(int(now.timestamp())),),
            **need.facts,
        }

    def translated(self, call: Call, key: Key | None) -> dict[str, object]:
        """The parameters of a KMS call as moto is given them."""
        params = kms_rules.with_raw_keys(call.params, key)
        for name in kms_rules.CONTEXTS:
            params[name] = self.bound_context(encryption_context(call.params, name))
        params.pop("DryRun", None)
        return params


def _would_succeed() -> AwsFault:
    return AwsFault(
        "DryRunOperationException", "The request would have succeeded, but the DryRun parameter is set.", 412
    )


def _refused(call: Call, fault: AwsFault) -> Decision:
    named = str(call.params.get("KeyId") or call.params.get("TargetKeyId") or "")
    return Decision(call.caller.arn, f"kms:{call.action}", named, allowed=False, reason=fault.code,
                    request_id=call.request_id)  # fmt: skip


def _identity(call: Call) -> Reply:
    caller = call.caller
    result = (
        f"<Arn>{escape(caller.arn)}</Arn><UserId>{caller.access_key_id}</UserId><Account>{caller.account}</Account>"
    )
    body = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<GetCallerIdentityResult>{result}</GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{call.request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )
    return Reply("200 OK", [("Content-Type", "text/xml")], body.encode())
