"""The strict front of moto: no call passes that AWS would refuse, and every call leaves an event."""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from venturi.aws import gaps, kms_rules, s3_locks
from venturi.aws.call import Call, protocol_of, read_call, read_message
from venturi.aws.caller import Caller
from venturi.aws.cloud import Issued, MotoCloud
from venturi.aws.decisions import Decision, Log, log_to_stderr
from venturi.aws.events import Events
from venturi.aws.faults import AwsFault, Reply, render
from venturi.aws.forward import forward
from venturi.aws.judge import Judge
from venturi.aws.keystore.operations import Operations
from venturi.aws.keystore.order import Order, dry_run
from venturi.aws.keystore.records import Key
from venturi.aws.keystore.shapes import require_types
from venturi.aws.kms_calls import kms_needs
from venturi.aws.needs import Need, needs_of
from venturi.aws.s3_calls import context_of
from venturi.aws.sigv4 import Message, read_credential, verify
from venturi.settings import AwsIdentity

if TYPE_CHECKING:
    from venturi.aws.kept.memory import Memory


class StrictFront(Judge):
    """A WSGI application before `inner` (moto): authenticates, authorizes, keeps the keys and records every call.

    `identities` are the callers known from the start; `cloud` holds the keys and reads the world behind.
    """

    def __init__(
        self,
        identities: Iterable[AwsIdentity],
        inner: WSGIApplication,
        cloud: MotoCloud,
        log: Log = log_to_stderr,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(cloud, log, clock)
        self.identities = {known.access_key_id: Issued(known.arn, known.secret_access_key) for known in identities}
        self.inner = inner
        self.turn = cloud.keys.turn
        self.memory: Memory | None = None
        self.operations = Operations()
        self.events = Events()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == "/healthz" and environ["REQUEST_METHOD"] == "GET":
            reply = Reply("200 OK", [("Content-Type", "application/json")], b'{"status":"ok"}')
        else:
            reply = self.answer(environ)
            self.turn.settle()
        headers = [(name, value) for name, value in reply.headers if name.lower() != "content-length"]
        start_response(reply.status, [*headers, ("Content-Length", str(len(reply.body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]

    def answer(self, environ: WSGIEnvironment) -> Reply:
        """Take a request through signature, permission, state and deed; a refusal is an answer too."""
        request_id = str(uuid.uuid4())
        service, protocol = "", "query"
        try:
            message = read_message(environ)
            # Who signs nothing names no service; only S3 has paths.
            protocol = protocol_of(message.headers, "s3" if message.target.partition("?")[0] != "/" else service)
            credential = read_credential(message.headers, message.target)
            service, protocol = credential.service, protocol_of(message.headers, credential.service)
            caller = self.authenticate(message)
            call = read_call(message, credential, caller, request_id)
            return self.witnessed(call, environ)
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
        credential = read_credential(message.headers, message.target)
        known = self.identities.get(credential.access_key_id) or self.cloud.issued(credential.access_key_id)
        if known is None or not hmac.compare_digest(known.token.encode(), credential.token.encode()):
            raise AwsFault("UnrecognizedClientException", "The security token included in the request is invalid.", 403)
        verify(message, credential, known.secret, self.clock())
        return Caller(credential.access_key_id, known.arn)

    def witnessed(self, call: Call, environ: WSGIEnvironment) -> Reply:
        """Carry out a call and keep the event of it, whatever comes of it."""
        needs: list[Need] = []
        try:
            reply = self.perform(call, environ, needs)
        except AwsFault as fault:
            self.record(call, needs, fault)
            raise
        failed = None if int(reply.status[:3]) < 400 else AwsFault("Failed", reply.status)
        self.record(call, needs, failed)
        return reply

    def record(self, call: Call, needs: list[Need], fault: AwsFault | None) -> None:
        """Keep the event of a call in every account that it concerns."""
        about = tuple(dict.fromkeys(need.resource for need in needs if need.resource.startswith("arn:")))
        keys = {need.key.arn: need.key for need in needs if need.key is not None}
        used = [(arn, *key.last_used) for arn, key in keys.items()
                if key.last_used and key.last_used[2] == call.request_id]  # fmt: skip
        self.events.record(call, {need.owner for need in needs}, about, fault, self.clock(), used)

    def perform(self, call: Call, environ: WSGIEnvironment, needs: list[Need]) -> Reply:
        """Carry out what an authenticated caller asks for, if it may; `needs` is filled with what it takes."""
        if call.service == "kms":
            return self.perform_kms(call, needs)
        needs += needs_of(call, self.cloud)
        self.require(call, tuple(needs))
        self.require_keys(needs)
        if call.service == "s3":
            s3_locks.require_unlocked(call, self.cloud, lambda: self.may_bypass(call, needs[0]), self.clock())
        if self.memory is not None:
            return self.memory.carry_out(call, environ, needs[0].owner, self.carry_out)
        return self.carry_out(call, environ, needs[0].owner)

    def carry_out(self, call: Call, environ: WSGIEnvironment, account: str) -> Reply:
        """Have a call done that was found good, in the account. Raises AwsFault, with nothing done."""
        done = self.done_here(call)
        if done is not None:
            return done
        # Written anew, a JSON body has no member twice for moto to read the other one of.
        body = json.dumps(call.params).encode() if call.protocol == "json" else None
        reply = forward(self.inner, environ, call, account=account, body=body)
        self.note_context(call, reply)
        return gaps.after(call, reply, self.cloud)

    def require_keys(self, needs: list[Need]) -> None:
        """Hold the keys that a service uses for its caller to their state. Raises AwsFault in that service's words."""
        for need in needs:
            if need.key is None:
                continue
            try:
                self.key_state(need.key, need.action.removeprefix("kms:"))
            except AwsFault as fault:
                raise AwsFault(f"KMS.{fault.code}", fault.message, 400) from None

    def done_here(self, call: Call) -> Reply | None:
        """The answer to a call that moto can't be asked; None for every other."""
        if call.service == "cloudtrail" and call.action == "LookupEvents":
            return kms_rules.answered(self.events.lookup(call), call.request_id)
        if call.service == "s3":
            return s3_locks.retention(call, self.cloud)
        return gaps.done_here(call, self.cloud)

    def may_bypass(self, call: Call, need: Need) -> bool:
        """Whether the caller may delete or shorten what is retained in governance mode."""
        return self.permits(call, replace(need, action="s3:BypassGovernanceRetention"))[0]

    def note_context(self, call: Call, reply: Reply) -> None:
        """Remember under which encryption context an object was stored."""
        if call.service == "s3" and call.action == "PutObject" and reply.succeeded:
            bucket, name = str(call.params["Bucket"]), str(call.params["Key"])
            # An upload in parts that has only begun is no object yet.
            if (held := self.cloud.stored(bucket, name)) is not None:
                self.cloud.notes.contexts[held] = context_of(call.message.headers, bucket, name)

    def perform_kms(self, call: Call, needs: list[Need]) -> Reply:
        """Carry out a KMS call: permission first, then sanity and state, then the deed."""
        if not self.operations.knows(call.action):
            raise AwsFault("UnknownOperationException", f"KMS has no operation {call.action}.")
        require_types(call.action, call.params)
        try:
            needs += kms_needs(call, self.cloud)
        except AwsFault as fault:
            self.log(_refused(call, fault))
            raise
        key = needs[0].key
        self.require(call, tuple(needs))
        kms_rules.require_sane(call, key, self.cloud)
        for touched in (need.key for need in needs if need.key):
            self.key_state(touched, call.action)
        order = self.order(call, key)
        answer = self.operations.perform(order)
        if order.is_dry:
            raise dry_run()
        return kms_rules.answered(answer, call.request_id)

    def order(self, call: Call, key: Key | None) -> Order:
        """What a KMS operation is carried out with."""
        return Order(
            self.cloud.keys, call.caller, call.region, call.action, call.params, key, self.bound_context,
            call.request_id,
        )  # fmt: skip


def _refused(call: Call, fault: AwsFault) -> Decision:
    named = str(call.params.get("KeyId") or call.params.get("TargetKeyId") or "")
    return Decision(call.caller.arn, f"kms:{call.action}", named, allowed=False, reason=fault.code,
                    request_id=call.request_id)  # fmt: skip
