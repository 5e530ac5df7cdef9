"""Whatever a target answers where tables lend something, no probe breaks, and nothing is satisfied by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.cross_tenant import check_a_known_id_is_no_key_and_a_link_opens_one_door as one_door
from checks.cross_tenant import check_existence_can_not_be_inferred as existence
from checks.cross_tenant import check_nothing_of_another_tenant_comes_back as nothing_back
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json
from tests.probes.test_gaps import Notes, with_objects
from tests.probes.test_names import PASSWORD, Lobby, asking
from tests.probes.test_restoring import Vault, with_restore
from tests.probes.test_shares import Gallery, with_shares

Edited = Callable[[Profile, str], Profile]
LENT: dict[str, tuple[type[FakeApi], Callable[..., None], Edited]] = {
    "names": (Lobby, existence, asking()),
    "objects": (Notes, existence, with_objects),
    "shares": (Gallery, one_door, with_shares),
    "restore": (Vault, nothing_back, lambda profile, _: with_restore(profile, seconds=0.1)),
}
ODD: dict[str, Any] = {
    "text": (200, "no object"),
    "list": (201, [{"id": 1}]),
    "nothing": (200, None),
    "objects for ids": (201, {"id": {"id": []}, "link": {"a": "b"}, "token": 7}),
    "truth for an id": (201, {"id": True, "link": False}),
    "unprintable": (201, {"id": "\ud800\x00\r\n", "link": "/public/\ud800\r\nX: y"}),
    "endless": (201, {"id": "9" * 100_000, "link": "/public/" + "a" * 50_000}),
    "broken": (500, {"error": []}),
    "aborted": None,
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("table", LENT)
def test_no_answer_breaks_a_probe_or_satisfies_the_claim(
    table: str, odd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, check, edited = LENT[table]
    monkeypatch.setenv("PASSWORD_OF_ACME", PASSWORD)

    class Hostile(api):  # type: ignore[misc, valid-type]  # whichever it is
        """Answers what it is lent for like nobody would."""

        def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
            if (method == "GET" and not url.startswith("/public")) or url.startswith("/issuers"):
                found: tuple[int, Json] = super().answer(method, url, headers, body)
                return found
            if ODD[odd] is None:
                raise ConnectionAbortedError
            said: tuple[int, Json] = ODD[odd]
            return said

    found = examine(Hostile(), check, CrossTenant, tmp_path, monkeypatch, edited)
    assert found.verdict in {Verdict.NOT_ASSESSED, Verdict.NOT_SATISFIED}, found.because
