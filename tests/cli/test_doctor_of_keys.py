"""`tenantproof doctor` says whether a key that nobody publishes would be computed, and what that would take."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tenantproof.cli.doctor import _computed_keys
from tenantproof.clients import recovered_key
from tenantproof.clients.target import Target
from tenantproof.probes.probe import Probe
from tests.probes import unpublished as apis
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi
from tests.probes.unpublished import unpublished


def told(api: FakeApi, folder: Path, patch: pytest.MonkeyPatch, edited: Callable[..., Any]) -> list[str]:
    lines: list[str] = []

    def look(probe: Probe, _: Any) -> None:
        with closing(Target(probe.target.profile)) as target:
            lines.extend(_computed_keys(target))

    look.__annotations__ = {"probe": Probe, "_": object, "return": type(None)}
    examine(api, look, Probe, folder, patch, edited)
    return [each.rpartition("/issuers/")[2] for each in lines]


@pytest.mark.parametrize(
    ("api", "said", "wanted"),
    [
        (apis.RsaApi, {}, "no key set is named, so the public key is computed from two of them (J049; half a minute"),
        (
            apis.RsaApi,
            {"named": True, "recover_public_key": True},
            "the public key is computed from two of them as well",
        ),
        (apis.RsaApi, {"recover_public_key": False}, "tokens.jwks names no key set; add its URL (to have the key comp"),
        (apis.PssApi, {}, "tokens.jwks names no key set; add its URL (to have the key computed takes two tokens by RS"),
    ],
)
def test_for_each_issuer_there_is_a_line(
    api: type[apis.RsaApi], said: dict[str, Any], wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovered_key, "_in_a_process", pytest.fail)
    lines = told(api(), tmp_path, monkeypatch, unpublished(api.algorithm, **said))
    assert [each.partition(": ")[0] for each in lines] == ["acme", "acme-eu", "globex"]
    assert all(each.partition(": ")[2].startswith(wanted) for each in lines), lines


def test_where_the_published_key_will_do_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(apis.RsaApi(), tmp_path, monkeypatch, unpublished(named=True)) == []


def test_what_is_missing_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovered_key, "find_spec", {"flint": None}.__getitem__)
    edited = unpublished(named=True, recover_public_key=True)
    assert "run: pip install 'tenantproof[recovery]'" in told(apis.RsaApi(), tmp_path, monkeypatch, edited)[0]
