"""Ways to mix tenants up over HTTP/2, each the way that a tired programmer would."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader

import jwt
from h2.connection import H2Connection

from tests.probes.fake_api import Json, Refused
from tests.probes.http2_api import Ask, Http2Api, MalformedError


class Lax(Http2Api):
    """Takes any header list; decides by the first of everything."""

    def inspect(self, ask: Ask) -> None:
        pass


class Filtering(Lax):
    """Serves everybody its own, whatever the path says: no leak, and no refusal."""

    def reply(self, ask: Ask) -> tuple[int, Json]:
        try:
            own = self.caller(ask)
        except Refused as refused:
            return refused.status, refused.body
        return 200, self.page(own)


class Breaking(Http2Api):
    """Answers 500 to whatever is malformed."""

    status = 500

    def reply(self, ask: Ask) -> tuple[int, Json]:
        try:
            return super().reply(ask)
        except MalformedError:
            return self.status, {"error": "BROKE"}


class GivingUp(Breaking):
    """A gateway whose server does not take what is malformed."""

    status = 502


class Hollow(Http2Api):
    """Answers 200 with nothing in it where it should refuse."""

    def reply(self, ask: Ask) -> tuple[int, Json]:
        status, said = super().reply(ask)
        return (200, {"items": []}) if status == 403 else (status, said)


class Silent(Http2Api):
    """Serves nobody anything over HTTP/2."""

    def reply(self, ask: Ask) -> tuple[int, Json]:
        return 403, {"error": "TENANT_MISMATCH"}


class EachOthers(Http2Api):
    """Resets the stream of whoever asks for another's, though nothing in it is malformed."""

    def reply(self, ask: Ask) -> tuple[int, Json]:
        status, said = super().reply(ask)
        if status == 403:
            raise MalformedError
        return status, said


class NoGate(Lax):
    """Lets everybody in over HTTP/2 who has a token."""

    def admit(self, ask: Ask) -> None:
        self.caller(ask)


class LastPath(Lax):
    """Decides by the first path, serves the last."""

    def served(self, ask: Ask) -> str:
        return ask.all(":path")[-1]


class FirstPath(Lax):
    """Decides by the last path, serves the first."""

    def gated(self, ask: Ask) -> str:
        return ask.all(":path")[-1]


class PathBehind(Lax):
    """Decides by pseudo-headers where they should stand, and serves those that stand elsewhere."""

    def admit(self, ask: Ask) -> None:
        if ask.fields[3][0] == ":path":
            super().admit(ask)


class Absolute(Lax):
    """Has rules for paths, and none for what does not begin like one."""

    def admit(self, ask: Ask) -> None:
        if self.gated(ask).startswith("/"):
            super().admit(ask)

    def served(self, ask: Ask) -> str:
        return re.sub(r"^https?://[^/]*", "", super().served(ask))


class ByHost(Lax):
    """Serves the tenant that a host is called by, where there is one; it is asked by way of `named`."""

    named = "host"

    def served(self, ask: Ask) -> str:
        return self.elsewhere(ask, super().served(ask))

    def elsewhere(self, ask: Ask, path: str) -> str:
        label = ask.first(self.named).partition(".")[0]
        own = self.tenant_of(path)
        return path.replace(f"/{own}/", f"/{label}/") if label in self.records else path


class ByAuthority(ByHost):
    """The same, by the authority."""

    named = ":authority"


class GatedByHost(ByHost):
    """Decides by the host, serves the path."""

    def gated(self, ask: Ask) -> str:
        return self.elsewhere(ask, super().gated(ask))

    def served(self, ask: Ask) -> str:
        return ask.first(":path")


class GatedByAuthority(GatedByHost):
    """The same, by the authority."""

    named = ":authority"


class LowersNames(Lax):
    """Throws out the tenant header of callers before it lowers the names of headers."""

    def served(self, ask: Ask) -> str:
        path = super().served(ask)
        said = [value for name, value in ask.fields if name != "x-tenant-id" and name.lower() == "x-tenant-id"]
        return path.replace(f"/{self.tenant_of(path)}/", f"/{said[-1]}/") if said else path


class Believing(Lax):
    """Verifies one authorization, and believes another one of the same request."""

    verified, believed = 0, -1

    def authorizations(self, ask: Ask) -> list[str]:
        return ask.all("authorization")

    def caller(self, ask: Ask) -> str:
        tokens = [value.partition(" ")[2] for value in self.authorizations(ask)]
        self.verify(tokens[self.verified])
        said = jwt.decode(tokens[self.believed], options={"verify_signature": False})["iss"]
        return str(said).rpartition("/")[2]


class BelievingFirst(Believing):
    """The other way about."""

    verified, believed = -1, 0


class BelievingUpper(Believing):
    """Takes a second authorization for one when it is in upper case."""

    def authorizations(self, ask: Ask) -> list[str]:
        said = dict(ask.fields)
        return [value for name in ("authorization", "Authorization") if (value := said.get(name))]


class SharedToken(Lax):
    """Knows who asks by the connection: by the first stream on it of which more is to come."""

    def caller(self, ask: Ask) -> str:
        return super().caller(unfinished(ask))


class SharedPath(Lax):
    """Keeps what is asked for by the connection, in the same way."""

    def served(self, ask: Ask) -> str:
        return super().served(unfinished(ask))


def unfinished(ask: Ask) -> Ask:
    """The first request on the connection that is not complete, or this one."""
    return next((each for each in ask.beside.values() if not each.ended), ask)


class Swapped(Http2Api):
    """Gives the answers to what was asked at once in the order in which they were made: the last first."""

    def replies(self, asks: list[Ask]) -> dict[int, tuple[int, Json] | None]:
        told = super().replies(asks)
        return dict(zip(told, reversed(told.values()), strict=True))


class SharedTokenAtOnce(Lax):
    """Asks once who it is for all that came at once."""

    def replies(self, asks: list[Ask]) -> dict[int, tuple[int, Json] | None]:
        for ask in asks[1:]:
            said = {**dict(ask.fields), "authorization": asks[0].first("authorization")}
            ask.fields = tuple(said.items())
        return super().replies(asks)


class Downgrading(Http2Api):
    """Turns HTTP/2 into HTTP/1.1 for what stands behind, which trusts it; `lets` one kind of dirt through."""

    lets = ""

    def inspect(self, ask: Ask) -> None:
        clean = Ask(ask.ident, tuple(self.washed(ask)), ask.beside)
        super().inspect(clean)

    def washed(self, ask: Ask) -> Iterator[tuple[str, str]]:
        """What its inspection sees of a header list."""
        for name, value in ask.fields:
            if name == "transfer-encoding" and self.lets == "coding":
                continue
            if name == ":path" and self.lets == "path":
                yield name, value.split("\r\n")[0]
            elif not name.startswith(":") and self.lets == "value":
                yield name, value.replace("\r\n", "")
            elif self.lets == "name":
                yield name.split("\r\n")[0].split(":")[0] or name, value
            else:
                yield name, value

    def gated(self, ask: Ask) -> str:
        return super().gated(ask).split(" ")[0]

    def reply(self, ask: Ask) -> tuple[int, Json]:
        try:
            self.inspect(ask)
            self.admit(ask)
        except Refused as refused:
            return refused.status, refused.body
        ask.queue += list(self.behind(self.written(ask)))
        return ask.queue.pop(0) if ask.queue else (400, {"error": "BAD"})

    def written(self, ask: Ask) -> bytes:
        """The request in HTTP/1.1, and its body as it is."""
        plain = [f"{name}: {value}" for name, value in ask.fields if not name.startswith(":")]
        head = [f"{ask.first(':method')} {ask.first(':path')} HTTP/1.1", *plain]
        return "\r\n".join([*head, "", ""]).encode("latin-1") + ask.body

    def behind(self, octets: bytes) -> Iterator[tuple[int, Json]]:
        """What it makes of the octets: every request in them, for whoever the front let in."""
        while octets:
            head, _, octets = octets.partition(b"\r\n\r\n")
            line, *lines = head.decode("latin-1").split("\r\n")
            said = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
            if said.get("transfer-encoding") == "chunked":
                octets = octets.partition(b"0\r\n\r\n")[2]
            octets = octets[int(said.get("content-length", 0)) :]
            path = line.split(" ")[1]
            if "x-tenant-id" in said:
                path = path.replace(f"/{self.tenant_of(path)}/", f"/{said['x-tenant-id']}/")
            try:
                yield 200, self.serve(path)
            except Refused as refused:
                yield refused.status, refused.body


class LetsLengths(Downgrading):
    """Forwards a body that is longer than it is said to be (its tests keep h2 from noticing)."""


class LetsCodings(Downgrading):
    """Forwards Transfer-Encoding."""

    lets = "coding"


class LetsValues(Downgrading):
    """Forwards line ends in the values of headers."""

    lets = "value"


class LetsNames(Downgrading):
    """Forwards line ends in the names of headers."""

    lets = "name"


class LetsPaths(Downgrading):
    """Forwards line ends in paths."""

    lets = "path"


class LeaksAndResets(Http2Api):
    """Finds out that a request is malformed when it has half answered it, by its last path."""

    def say(self, peer: H2Connection, ask: Ask, reply: tuple[int, Json] | None) -> None:
        if reply is None:
            peer.send_headers(ask.ident, [(":status", "200")])
            peer.send_data(ask.ident, json.dumps(self.serve(ask.all(":path")[-1])).encode())
        super().say(peer, ask, reply)


class Hostile(Http2Api):
    """Says the same to everybody, over and over."""

    first, said = b"", b""

    def talk(self, connection: socket.socket, reader: BufferedReader) -> None:
        with suppress(OSError):
            connection.sendall(b"\0\0\0\4\0\0\0\0\0" + self.first)
            while self.said:
                connection.sendall(self.said)


class GoesAway(Hostile):
    """Ends every connection at once."""

    first = b"\0\0\x08\7\0\0\0\0\0" + bytes(8)


class EndlessHeaders(Hostile):
    """Begins a header list and never ends it."""

    first = b"\0\0\1\1\0\0\0\0\1\x88"
    said = b"\0\x0f\xff\x09\0\0\0\0\1" + b"\x40\1a\1b" * 819


class EndlessBody(Hostile):
    """Begins an answer and never ends it."""

    first = b"\0\0\1\1\4\0\0\0\1\x88"
    said = b"\0\x10\0\0\0\0\0\0\1" + bytes(4096)
