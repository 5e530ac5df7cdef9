"""The time and the chance that moto is told: in a call that is kept, both follow from a moment and a seed.

So the same call, carried out again after a kill, makes the same ids, credentials and times. Outside of such a call,
and in every other thread, time and chance are the system's.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from functools import cache, wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

_BLOCK = 512
_NANO = 1_000_000_000
_urandom, _time, _time_ns = os.urandom, time.time, time.time_ns


class Told:
    """What one call is told: `now` in nanoseconds since 1970 and as many random bytes as it wants, from `seed`.

    `drawn` are the things that can't be drawn from a seed, key pairs, as they were made the first time; with `again`
    they are taken from there.
    """

    def __init__(self, seed: bytes, now: int, drawn: list[Any] | None = None) -> None:
        self.seed, self.now = seed, now
        self.again = drawn is not None
        self.drawn: list[Any] = list(drawn or ())
        self.patience = 0.0
        """Seconds that the caller would wait for what was not there."""
        self.idle = False
        """Whether the call looked for something, found nothing, and left all as it was."""
        self._left, self._blocks = b"", 0

    def take(self, count: int) -> bytes:
        """The next bytes of the stream: SHAKE-256 of the seed and a count."""
        while len(self._left) < count:
            self._left += hashlib.shake_256(self.seed + self._blocks.to_bytes(8, "big")).digest(_BLOCK)
            self._blocks += 1
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def once(self, make: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever is made
        """What was made here the first time."""
        if self.again:
            return self.drawn.pop(0)
        with telling(None):
            made = make()
        self.drawn.append(made)
        return made


class _Here(threading.local):
    told: Told | None = None


_here = _Here()


def fresh() -> Told:
    """A call that is carried out now, for the first time."""
    return Told(_urandom(32), _time_ns())


def derived(root: Told, *names: str) -> Told:
    """What does not depend on when it happens: the same for the same names, at the time of `root`."""
    return Told(hmac.digest(root.seed, "\0".join(names).encode(), hashlib.sha256), root.now)


def is_told() -> bool:
    """Whether this thread is in a call that is kept."""
    return _here.told is not None


@contextmanager
def telling(told: Told | None) -> Iterator[None]:
    """Inside, this thread hears of no other time and chance; with None, of the system's."""
    before, _here.told = _here.told, told
    try:
        yield
    finally:
        _here.told = before


@cache
def install() -> None:
    """Come between moto and the system's time and chance, for the whole process.

    To be called before moto is imported, by the process that serves it and by nobody else.
    """
    os.urandom = _told_bytes
    setattr(random, "_urandom", _told_bytes)  # noqa: B010  # where SystemRandom and `secrets` take theirs
    time.time, time.time_ns = _told_time, _told_time_ns
    # Nobody but moto: what is compiled looks for the type itself, and takes no other for it.
    sys.meta_path.insert(0, _Finder())


def install_in_moto(root: Told) -> None:
    """The same for moto's own source of chance; and whoever first looks at a backend makes the same one of it."""
    from moto.core.base_backend import AccountSpecificBackend
    from moto.ec2.models import key_pairs
    from moto.moto_api._internal.moto_random import MotoRandom
    from moto.sns import models as notices
    from moto.sqs.models import SQSBackend

    chance: Any = MotoRandom
    chance.getrandbits, chance.random = _told_bits(chance.getrandbits), _told_fraction(chance.random)
    backends: Any = AccountSpecificBackend
    backends.__init__ = _made_alike(backends.__init__, root)
    pairs: Any = key_pairs
    for name in ("random_rsa_key_pair", "random_ed25519_key_pair"):
        setattr(pairs, name, _made_once(getattr(pairs, name)))
    queues: Any = SQSBackend
    queues.receive_message = _looking_once(queues.receive_message)
    sent: Any = notices
    sent.requests = _Outward(sent.requests)
    # The key that a subscription signs its messages with.
    sent.rsa = SimpleNamespace(generate_private_key=_rsa_made_once, RSAPrivateKey=rsa.RSAPrivateKey)


def _told_bytes(size: int, /) -> bytes:
    return _urandom(size) if _here.told is None else _here.told.take(size)


def _told_time() -> float:
    return _time() if _here.told is None else _here.told.now / _NANO


def _told_time_ns() -> int:
    return _time_ns() if _here.told is None else _here.told.now


def _told_bits(system: Callable[[random.Random, int], int]) -> Callable[[random.Random, int], int]:
    def bits(self: random.Random, count: int) -> int:
        if _here.told is None:
            return system(self, count)
        size = (count + 7) // 8
        return int.from_bytes(_here.told.take(size), "big") >> (size * 8 - count)

    return bits


def _told_fraction(system: Callable[[random.Random], float]) -> Callable[[random.Random], float]:
    def fraction(self: random.Random) -> float:
        if _here.told is None:
            return system(self)
        return (int.from_bytes(_here.told.take(7), "big") >> 3) * 2.0**-53

    return fraction


def _made_alike(system: Callable[..., None], root: Told) -> Callable[..., None]:
    @wraps(system)
    def begin(self: Any, *args: Any, **named: Any) -> None:  # noqa: ANN401  # moto's insides
        with telling(None):
            system(self, *args, **named)
        make, account, service = self.backend, self.account_id, self.service_name

        def made(region: str, account_id: str) -> object:
            with telling(derived(root, service, account, region)):
                return make(region, account_id=account_id)

        self.backend = made

    return begin


def _made_once(make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: make() if _here.told is None else _here.told.once(make)


def _rsa_made_once(public_exponent: int, key_size: int) -> object:
    def make() -> bytes:
        made = rsa.generate_private_key(public_exponent, key_size)
        return made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    return load_der_private_key(_made_once(make)(), None)


def _looking_once(system: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Time stands still in a call, and moto would wait for ever."""

    @wraps(system)
    def receive(self: Any, name: str, count: int, seconds: int, *args: Any, **named: Any) -> list[Any]:  # noqa: ANN401
        if _here.told is None:
            return system(self, name, count, seconds, *args, **named)
        found = system(self, name, count, 0, *args, **named)
        if not found:
            _here.told.patience = seconds
            # Messages that were taken too often move, whoever looks.
            _here.told.idle = self.get_queue(name).dead_letter_queue is None
        return found

    return receive


class _Outward:
    """What a topic's subscribers outside were sent, they are not sent again."""

    def __init__(self, requests: Any) -> None:  # noqa: ANN401  # a module
        self._requests = requests

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # a function of the module
        if _here.told is not None and _here.told.again:
            return lambda *_, **__: None
        return getattr(self._requests, name)


class _Finder(MetaPathFinder):
    """Finds moto's modules, and puts a Moment into each as it is imported."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:  # noqa: ANN401  # as importlib's
        spec = PathFinder.find_spec(name, path, target) if name.startswith("moto.") else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: Any) -> None:  # noqa: ANN401  # a module of moto
        # Whoever comes first imports it, and that is no part of what he asked for.
        with telling(None):
            super().exec_module(module)
        found = getattr(module, "datetime", None)
        if found is datetime:
            module.datetime = Moment
        elif found is _MODULE:
            module.datetime = _TOLD_MODULE


class _Kind(type):
    """Every datetime is a Moment, for a Moment is nothing else."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, datetime)


class Moment(datetime, metaclass=_Kind):
    """`datetime.datetime` as moto finds it: whatever it makes is a plain datetime, and now is what the call is told."""

    def __new__(cls, *args: Any, **named: Any) -> Any:  # noqa: ANN401, D102  # as datetime has it
        return datetime.__new__(datetime if cls is Moment else cls, *args, **named)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:  # noqa: ANN401  # a datetime, and no Moment
        """The present, in local time or another."""
        return datetime.fromtimestamp(_told_time_ns() // 1000 / 1_000_000, tz)

    @classmethod
    def today(cls) -> Any:  # noqa: ANN401  # likewise
        """The present in local time."""
        return cls.now()

    @classmethod
    def utcnow(cls) -> Any:  # noqa: ANN401  # likewise
        """The present in UTC, without saying so."""
        return cls.now(UTC).replace(tzinfo=None)


_MODULE = sys.modules["datetime"]
_TOLD_MODULE = SimpleNamespace(**vars(_MODULE) | {"datetime": Moment})
