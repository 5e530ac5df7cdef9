"""What becomes of tokens when their issuer changes its keys, at an issuer that is there for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from functools import cached_property

import msgspec

from tenantproof.clients.exchange import Request, new_probe
from tenantproof.clients.secrets import reveal
from tenantproof.clients.tokens import parse
from tenantproof.clients.wire import origin_and_target, response_line
from tenantproof.model.errors import TargetError
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import PERMITTED, UNCLEAR
from tenantproof.model.profile import Rotation
from tenantproof.probes.forging import key_ids
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import compact
from tenantproof.probes.forging.witness import witness_of
from tenantproof.probes.public_keys import verifies
from tenantproof.probes.token_showing import Presented, TokenProbe

_POLL_SECONDS = 0.1
_CLASS = "J102"


class KeyRotation(TokenProbe):
    """Tokens of one issuer before and after its keys were renewed and withdrawn; nothing where none may be turned."""

    _before = _between = ""
    _until = 0.0
    _is_withdrawn = False

    @property
    def trials(self) -> int:
        """How many refusals are wanted: of a key that never was and, once there are any, of what was withdrawn."""
        return 1 + (len(self._ended_tokens) + len(self._forgeries) if self._is_withdrawn else 0)

    def without(self, tenant: str) -> Observation:
        """A tenant's genuine token; a note says if no issuer's keys may be turned."""
        shown = self.put(tenant, self.target.bearer(tenant), tenant)
        lacking = ["tokens.rotation names no issuer whose keys may be turned (J102)"] if self.rotation is None else []
        return shown.sight(f"{tenant} reads its own record with its genuine token", notes=lacking)

    def never_published(self, tenant: str) -> Observation:
        """A tenant's genuine token, said to be by a key that its issuer never had."""
        own = parse(self.target.bearer(tenant))
        text = compact({**own.header, "kid": new_probe()}, own.payload, own.signature)
        return self.show(Presented(tenant, tenant, tenant, f"{_CLASS} kid of a key that never was", text))

    def renewed(self) -> Iterator[Observation]:
        """Tokens by the old key and by the new one, as soon as the issuer has made a new key beside the old."""
        rotation = self.rotation
        if rotation is None:
            return
        self._before = self._fresh(rotation)
        yield self._genuine(rotation, "before its key is renewed", self._before)
        self._turn(rotation, rotation.renew)
        self._between = self._fresh(rotation)
        yield self._genuine(rotation, "by a new key, at once", self._between)
        yield self._genuine(rotation, "by an old key that is still published", self._before)

    def left(self) -> Iterator[Observation]:
        """A token by the only key that the issuer publishes once it has withdrawn the others."""
        rotation = self.rotation
        if rotation is None:
            return
        self._turn(rotation, rotation.withdraw)
        self._until = time.monotonic() + rotation.seconds
        seen = self._genuine(rotation, "by the key that is left", self._fresh(rotation))
        keys = self._keys(self._before)
        self._is_withdrawn = not any(verifies(self._before, key, self.settings.algorithms) for key in keys)
        if not self._is_withdrawn:
            notes = (
                *seen.notes,
                "the issuer still publishes a key that tokens.rotation.withdraw should have withdrawn",
            )
            seen = msgspec.structs.replace(seen, outcome=UNCLEAR, notes=notes)
        yield seen

    def withdrawn(self) -> Iterator[Observation]:
        """Tokens by keys that were withdrawn, once the promised seconds have passed; then forgeries under their ids."""
        rotation = self.rotation
        if rotation is None or not self._is_withdrawn:
            return
        for name, token in self._ended_tokens.items():
            yield self._ended(rotation, name, token)
        for each in self._forgeries:
            yield self.show(each)

    def current(self) -> Iterator[Observation]:
        """A token by the key that is left, which must still do."""
        if self.rotation is not None:
            yield self._genuine(self.rotation, "by the same key, at the end", self._fresh(self.rotation))

    def _ended(self, rotation: Rotation, name: str, token: str) -> Observation:
        """Show the token until it is refused, and for as long as was promised at the most."""
        begun, at = self._until - rotation.seconds, rotation.tenant
        shown = Presented(at, at, at, f"{_CLASS} {name}, withdrawn", token)
        while (seen := self.show(shown)).outcome is PERMITTED and time.monotonic() < self._until:
            time.sleep(_POLL_SECONDS)
        passed = f"{time.monotonic() - begun:.1f} s after its key was withdrawn; promised within {rotation.seconds} s"
        return msgspec.structs.replace(seen, notes=(*seen.notes, passed))

    @property
    def _ended_tokens(self) -> dict[str, str]:
        return {"before its key was renewed": self._before, "by the renewed key": self._between}

    @cached_property
    def _forgeries(self) -> tuple[Presented, ...]:
        """What can be made under the ids of withdrawn keys, witnessed under those that are published."""
        assert self.rotation is not None
        at = self.rotation.tenant
        own = parse(self._fresh(self.rotation))
        keys = self._keys(own.text)
        kids = tuple(str(parse(token).header.get("kid", "")) for token in self._ended_tokens.values())
        material = Material.in_own_name(own, own, keys, withdrawn=kids)
        klass = next(each for each in key_ids.FAMILY.classes if each.ident == _CLASS)
        return tuple(
            Presented(at, at, at, each.vector, each.token, notes=(f"violates {klass.violates}",))
            for each in klass.of(material)
            if witness_of(each.token, own, keys, self.settings.algorithms).is_forgery
        )

    def _genuine(self, rotation: Rotation, name: str, token: str) -> Observation:
        at = rotation.tenant
        return self.put(at, token, at).sight(f"{at} reads its own record with a token {name}")

    def _fresh(self, rotation: Rotation) -> str:
        return self.target.tokens.fetch(rotation.principal, name="tokens.rotation.principal")

    def _keys(self, token: str) -> tuple[Mapping[str, object], ...]:
        """What the token's issuer publishes now."""
        return self.target.tokens.key_set(str(parse(token).payload.get("iss", "")), anew=True)

    def _turn(self, rotation: Rotation, body: Mapping[str, object]) -> None:
        """Have the issuer change its keys. Raises TargetError when it does not."""
        origin, target = origin_and_target(rotation.url)
        bearer = reveal(rotation.secret, "tokens.rotation.secret")
        headers = (("Authorization", f"Bearer {bearer}"), ("Content-Type", "application/json"))
        asked = Request(method="POST", target=target, headers=headers, body=json.dumps(body).encode(),
                        principal="issuer", probe=new_probe())  # fmt: skip
        answer = self.target.wire.send(asked, to=origin)
        if not 200 <= answer.status < 300:
            raise TargetError(
                f"{rotation.url} answered {response_line(answer)}; wanted 2xx; correct tokens.rotation's url and secret"
            )
