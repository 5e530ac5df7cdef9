"""Nobody is told of a change, nor refused for it, before it is kept: a kill in between would take it back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.aws.served import code_of, running
from venturi.aws.cloud import MotoCloud
from venturi.aws.front import StrictFront
from venturi.settings import AwsIdentity

SECONDS = 0.3
"""Long enough for an answer that waits for nothing."""


class Slow(StrictFront):
    """Keeps what changes, and takes its time while `held`."""

    may_keep, keeping = threading.Event(), threading.Event()

    def __init__(self, identities: Iterable[AwsIdentity], inner: Any, cloud: MotoCloud, **more: Any) -> None:
        super().__init__(identities, inner, cloud, **more)
        self.may_keep.set()
        cloud.keys.keep = self._keep

    def _keep(self, ident: str) -> None:
        del ident
        self.keeping.set()
        assert self.may_keep.wait(20)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda kms, key: code_of(kms.encrypt, KeyId=key, Plaintext=b"x"), "DisabledException"),
        (lambda kms, key: kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Disabled"),
    ],
    ids=["a refusal", "a description"],
)
def test_what_rests_on_a_change_is_said_when_the_change_is_kept(ask: Callable[..., str], expected: str) -> None:
    with running(Slow) as cloud, ThreadPoolExecutor(2) as pool:
        kms = cloud.client("alder")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        Slow.may_keep.clear()
        Slow.keeping.clear()
        try:
            changing = pool.submit(kms.disable_key, KeyId=key)
            assert Slow.keeping.wait(20)
            asked: Future[str] = pool.submit(ask, kms, key)
            with pytest.raises(TimeoutError):
                asked.result(SECONDS)
            assert not changing.done()
        finally:
            Slow.may_keep.set()
        assert asked.result(20) == expected
        changing.result(20)


def test_what_rests_on_no_change_waits_for_none() -> None:
    with running(Slow) as cloud:
        kms = cloud.client("alder")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        assert code_of(kms.encrypt, KeyId=key, Plaintext=b"x") == "ok"
