"""Spares moto work that nobody here needs, and that would be most of a boot. Nothing that it answers changes."""

from __future__ import annotations

import importlib
import os
import time
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

_COUNT_SECONDS = 10.0


@cache
def lighten() -> None:
    """To be called before moto serves. It imports moto, which takes a second."""
    # 900 machine images for every account and region, and no machine is ever started.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    from venturi.aws.descriptions import BUILT_OF, remember

    # One of its imports asks for EC2's regions three times, and each time all that EC2 can do is read for it.
    remember()
    from moto.core import base_backend, utils
    from moto.kms import models

    _import_without_catalogues()
    _share_what_is_the_same(utils, base_backend.AccountSpecificBackend)
    for service in BUILT_OF:
        # Else by the first call, or by several first calls at once, each of which would do it all.
        base_backend.AccountSpecificBackend._generate_regions(None, service)  # noqa: SLF001
        utils.get_service_model(service)
    # Every call has moto look through its own folder, twice, for which of its services is meant.
    folder: Any = importlib.import_module("moto.backends")
    services = frozenset(folder.list_of_moto_modules())
    folder.list_of_moto_modules = lambda: services
    _count_now_and_then(importlib.import_module("moto.sqs.models"))
    keys: Any = models
    keys.generate_private_key = _only_for_pairs(keys.generate_private_key)


def _import_without_catalogues() -> None:
    """EC2 comes with every type of machine in every region, 100 MB of them, read as it is imported."""
    utilities: Any = importlib.import_module("moto.utilities.utils")
    load, utilities.load_resource = utilities.load_resource, lambda _: {}
    try:
        importlib.import_module("moto.ec2.models")
    finally:
        utilities.load_resource = load


def _share_what_is_the_same(utils: Any, backend: Any) -> None:  # noqa: ANN401  # moto's insides
    # A loader of its own for every service walks through the descriptions of all of them.
    utils.create_loader = cache(utils.create_loader)
    # The regions of a service, made anew for each account: the cache that moto has counts the account in.
    regions = cache(partial(backend._generate_regions.__wrapped__, None))  # noqa: SLF001
    backend._generate_regions = lambda _, service: regions(service)  # noqa: SLF001


def _count_now_and_then(queues: Any) -> None:  # noqa: ANN401  # moto's insides
    """Whoever sends a message has all that wait in its queue counted, three times, each with two looks at the clock.

    SQS itself says its counts up to a minute late.
    """
    queues.unix_time_millis = lambda: time.time() * 1000.0
    for name in ("", "_delayed", "_not_visible"):
        counted = f"approximate_number_of_messages{name}"
        setattr(queues.Queue, counted, property(_remembered(getattr(queues.Queue, counted).fget)))


def _remembered(count: Any) -> Any:  # noqa: ANN401  # moto's insides
    """A count that is made again when it is old."""
    kept: WeakKeyDictionary[Any, tuple[float, int]] = WeakKeyDictionary()

    def told(queue: object) -> int:
        at, number = kept.get(queue, (-_COUNT_SECONDS, 0))
        if time.monotonic() - at >= _COUNT_SECONDS:
            kept[queue] = at, number = time.monotonic(), count(queue)
        return number

    return told


def _only_for_pairs(generate: Any) -> Any:  # noqa: ANN401  # moto's insides
    """An RSA key stands behind every symmetric key, unused."""

    def generated(key_spec: str) -> object:
        return None if key_spec == "SYMMETRIC_DEFAULT" or key_spec.startswith("HMAC_") else generate(key_spec)

    return generated
