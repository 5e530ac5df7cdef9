"""What makes an AWS process the one that was killed before it: its calls, its keys and its events, in three journals.

Of a key the state is kept after every change, so that material that is gone is gone from the file too. Everything else
is in moto, and for that the calls themselves are kept, with the time and the seed that they were carried out under;
a new process carries them out again, and compares what comes of it with what was answered.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from wsgiref.types import WSGIEnvironment

import msgspec

from venturi.aws.call import Call, read_call, read_message
from venturi.aws.caller import Caller
from venturi.aws.events import Happened, Used
from venturi.aws.faults import AwsFault, Reply
from venturi.aws.kept.families import restore, saved
from venturi.aws.kept.journal import Journal
from venturi.aws.kept.moments import Told, fresh, is_told, telling
from venturi.aws.sigv4 import read_credential

if TYPE_CHECKING:
    from venturi.aws.front import StrictFront

CarryOut: TypeAlias = Callable[[Call, WSGIEnvironment, str], Reply]
"""A call, its environment, and the account that it is carried out in."""
_READS = re.compile(r"(Get|List|Describe|Head|Lookup|Simulate).*")
# These make credentials.
_STS_READS = frozenset({"GetCallerIdentity", "GetAccessKeyInfo", "DecodeAuthorizationMessage"})
_BROKEN = "broken"
_LOOK_SECONDS = 0.2
_CHUNK = 1000
_CHANGES = 4
"""Records of a key, on average, after which all keys are written anew."""
_REWRITE_AFTER = 50_000
"""Events in the file; it is written anew when half of them have given way."""


class Diverged(Exception):
    """A call that is carried out again does not come to what it was answered; nothing can be said of what follows."""


class Root(msgspec.Struct, frozen=True, array_like=True):
    """The first record of the calls: what moto's backends are made of, whenever somebody first looks at them."""

    seed: bytes
    now: int


class SavedCall(msgspec.Struct, frozen=True, array_like=True, tag="call"):
    """A call that was carried out: who made it, its request, what it was told, and what was answered."""

    seed: bytes
    now: int
    drawn: list[Any]
    account: str
    access_key_id: str
    arn: str
    request_id: str
    environ: dict[str, str]
    body: bytes
    outcome: str


class SavedVisit(msgspec.Struct, frozen=True, array_like=True, tag="visit"):
    """A call that only read, by credentials that IAM has issued: it remembers when they were last used, and where."""

    now: int
    account: str
    access_key_id: str
    service: str
    region: str


class SavedEvents(msgspec.Struct, frozen=True, array_like=True):
    """What was added to the events, and the last uses of keys that came with it."""

    happened: list[Happened]
    used: list[Used]


_encoder = msgspec.msgpack.Encoder()
_events = msgspec.msgpack.Decoder(SavedEvents)
_calls: msgspec.msgpack.Decoder[SavedCall | SavedVisit] = msgspec.msgpack.Decoder(SavedCall | SavedVisit)


class Memory:
    """Three files in `place`, sealed under `key` (32 bytes), which is in no file. Raises DamagedJournal."""

    def __init__(self, place: Path, key: bytes) -> None:
        self._calls, self._keys, self._events = (Journal(place / name, key) for name in ("calls", "keys", "events"))
        if not self._calls.records:
            told = fresh()
            self._calls.append(_encoder.encode(Root(told.seed, told.now)))
            self.root = told
        else:
            begun = msgspec.msgpack.decode(self._calls.records[0], type=Root)
            self.root = Told(begun.seed, begun.now)
        self._front: StrictFront | None = None

    def attach(self, front: StrictFront) -> None:
        """Bring back into a new front what was kept, and keep from now on what it does. Raises Diverged."""
        self._front, moto = front, _iam()
        self._mark = moto.mark_account_as_visited
        store, turn = front.cloud.keys, front.turn
        happened = [_events.decode(record) for record in self._events.records]
        used = {each[0]: each[1:] for record in happened for each in record.used}
        front.events.restore(each for record in happened for each in record.happened)
        restore(store, self._keys.records, used)
        with turn.changing():
            for number, record in enumerate(self._calls.records[1:], 1):
                self._again(front, number, _calls.decode(record))
        for journal in (self._calls, self._keys, self._events):
            journal.records.clear()
        store.keep, store.shred = self._keep_key, self._shred
        front.events.keep = self._keep_event
        front.memory = self
        moto.mark_account_as_visited = self._visited
        with turn.changing():
            # Time may have deleted a key since, and its material has to go from the file too.
            self._shred()

    def carry_out(self, call: Call, environ: WSGIEnvironment, account: str, carry_out: CarryOut) -> Reply:
        """Carry out a call, and keep it if it changes something. Raises AwsFault for what was refused, and not done."""
        if reads(call):
            return carry_out(call, environ, account)
        begun = time.monotonic()
        while True:
            told = fresh()
            reply = self._once(told, call, environ, account, carry_out)
            # Whoever waits for a message holds up nobody else: moto looks once, and is asked again.
            if time.monotonic() >= begun + told.patience:
                return reply
            time.sleep(_LOOK_SECONDS)

    def _once(self, told: Told, call: Call, environ: WSGIEnvironment, account: str, carry_out: CarryOut) -> Reply:
        assert self._front is not None
        outcome = _BROKEN
        with self._front.turn.changing():
            try:
                with telling(told):
                    reply = carry_out(call, environ, account)
                outcome = _outcome(reply)
            except AwsFault:
                outcome = ""
                raise
            finally:
                if outcome and not told.idle:
                    self._keep_call(told, call, environ, account, outcome)
        return reply

    def _keep_call(self, told: Told, call: Call, environ: WSGIEnvironment, account: str, outcome: str) -> None:
        caller, texts = call.caller, {name: value for name, value in environ.items() if isinstance(value, str)}
        made = SavedCall(
            told.seed, told.now, told.drawn, account, caller.access_key_id, caller.arn, call.request_id, texts,
            call.message.body, outcome,
        )  # fmt: skip
        with _or_end():
            self._calls.append(_encoder.encode(made))

    def _visited(self, account_id: str, access_key: str, service: str, region: str) -> None:
        """What moto calls, by these names, with every call that it answers."""
        assert self._front is not None
        if is_told() or access_key not in _iam().iam_backends[account_id]["aws"].access_keys:
            self._mark(account_id, access_key, service, region)
            return
        told = fresh()
        with self._front.turn.changing(), _or_end():
            with telling(told):
                self._mark(account_id, access_key, service, region)
            self._calls.append(_encoder.encode(SavedVisit(told.now, account_id, access_key, service, region)))

    def _again(self, front: StrictFront, number: int, kept: SavedCall | SavedVisit) -> None:
        if isinstance(kept, SavedVisit):
            with telling(Told(b"", kept.now)):
                self._mark(kept.account, kept.access_key_id, kept.service, kept.region)
            return
        environ: WSGIEnvironment = {
            **kept.environ, "wsgi.input": io.BytesIO(kept.body), "wsgi.errors": sys.stderr, "wsgi.version": (1, 0),
            "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        }  # fmt: skip
        message = read_message(environ)
        credential = read_credential(message.headers, message.target)
        call = read_call(message, credential, Caller(kept.access_key_id, kept.arn), kept.request_id)
        try:
            with telling(Told(kept.seed, kept.now, kept.drawn)):
                outcome = _outcome(front.carry_out(call, environ, kept.account))
        except Exception:  # it broke the first time too, or has diverged
            outcome = _BROKEN
        if outcome != kept.outcome:
            what = f"{call.service}:{call.action} (record {number} of {self._calls.path})"
            raise Diverged(f"{what} came to {outcome}, and was answered {kept.outcome}; the file is left as it was")

    def _keep_key(self, ident: str) -> None:
        assert self._front is not None
        with _or_end():
            self._keys.append(saved(self._front.cloud.keys, ident))
        if self._keys.number > _CHANGES * len(self._front.cloud.keys.introduced) + _CHUNK:
            self._shred()

    def _shred(self) -> None:
        """Write all keys anew, without what was there before."""
        assert self._front is not None
        store = self._front.cloud.keys
        with _or_end():
            self._keys.rewrite([saved(store, ident) for ident in list(store.introduced)])

    def _keep_event(self, happened: list[Happened], used: list[Used]) -> None:
        with _or_end():
            self._events.append(_encoder.encode(SavedEvents(happened, used)))
            if self._events.number >= _REWRITE_AFTER:
                self._thin_out()

    def _thin_out(self) -> None:
        assert self._front is not None
        front = self._front
        every = front.events.all_kept()
        used = [(key.arn, *key.last_used) for key in front.cloud.keys.every().values() if key.last_used]
        chunks = [every[at : at + _CHUNK] for at in range(0, len(every), _CHUNK)]
        self._events.rewrite(_encoder.encode(SavedEvents(chunk, [])) for chunk in chunks)
        self._events.append(_encoder.encode(SavedEvents([], used)))


def reads(call: Call) -> bool:
    """Whether a call to another service than KMS changes nothing."""
    if call.service == "s3":
        return call.message.method in ("GET", "HEAD")
    if call.service == "sts":
        return call.action in _STS_READS
    return _READS.fullmatch(call.action) is not None


def _iam() -> Any:  # noqa: ANN401  # moto's insides
    from moto.iam import models

    return models


def _outcome(reply: Reply) -> str:
    return f"{reply.status[:3]} {hashlib.sha256(reply.body).hexdigest()}"


@contextmanager
def _or_end() -> Iterator[None]:
    """What can't be kept must not be seen: a process that has changed, and can't say so, ends here."""
    try:
        yield
    except OSError as error:
        logging.getLogger("venturi").critical("ended, for a journal takes no more: %s", error)
        os._exit(1)
