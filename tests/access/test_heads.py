"""The one head over all trails' heads: over the real API it holds for everybody, and what is wrong with it is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from tenantproof.clients.target import Target
from tenantproof.model.outcome import ABSENT, ALIKE
from tenantproof.probes.trail_heads import TrailHeads
from tenantproof.probes.trail_log import TrailLog
from tests.access.counter import Counter
from venturi.parts import Parts, load_overlay

FILE = Path(__file__).resolve().parents[2] / "fixtures/defects/trail_standing.py"
DEFECTS = (
    "heads_leave_one_out",
    "heads_are_drawn_for_each",
    "heads_are_not_blinded",
    "heads_name_each_other",
    "heads_list_all_roots",
    "heads_of_an_old_backup",
)


def wrong(target: Target) -> list[str]:
    """What is not as it should be, once every trail has an entry."""
    heads = TrailHeads(target)
    for tenant in heads.tenants:
        TrailLog(target, tenant).ask("list")
    seen = [(each, ALIKE) for each in (*heads.stand(), *heads.agree())] + [(each, ABSENT) for each in heads.tell()]
    assert len(seen) >= len(heads.tenants) + heads.pairs
    return [f"{each.what}: {'; '.join(each.notes)}" for each, wanted in seen if each.outcome is not wanted]


def test_every_trail_stands_under_one_head_that_tells_nothing_of_the_others(desk: Counter) -> None:
    with desk.opened() as target:
        assert wrong(target) == []
        ours, theirs = (json.loads(TrailLog(target, name).ask("heads").answer.body) for name in ("acme", "globex"))
        assert set(ours) == {"heads", "checkpoint", "blind", "index", "hashes"}
        assert ours["blind"] != theirs["blind"]
        # As many places as ever, however many tenants there are.
        assert len(ours["hashes"]) == len(theirs["hashes"]) == 8
        assert not set(ours["hashes"]) & {ours["blind"], theirs["blind"]}


def test_without_a_word_in_the_profile_nothing_is_held_to_it(desk: Counter) -> None:
    with desk.opened() as target:
        target.profile = replace(target.profile, http=replace(target.profile.http, heads_key=""))
        heads = TrailHeads(target)
        assert (list(heads.stand()), list(heads.agree()), list(heads.tell()), heads.pairs) == ([], [], [], 0)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_head_over_all_heads_that_is_wrong_is_seen(desk: Counter, name: str) -> None:
    with desk.opened(load_overlay(f"{FILE}:{name}")(Parts())) as target:
        # A head that lags is waited for, and one that will never come as long.
        target.profile = replace(target.profile, safety=replace(target.profile.safety, timeout_seconds=1.0))
        assert wrong(target) != []
