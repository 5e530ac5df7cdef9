"""What time does to a key is kept like what its owner does: the next process has it, and material that went is gone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.aws.mortal import KEY
from tests.aws.served import ALDER
from venturi.aws.caller import Caller
from venturi.aws.cloud import MotoCloud
from venturi.aws.front import StrictFront
from venturi.aws.kept.journal import Journal
from venturi.aws.kept.memory import Memory
from venturi.aws.keystore.order import Answer, Order
from venturi.aws.keystore.records import Key

HOME, AWAY = "us-east-1", "eu-west-1"
CALLER = Caller("AKIA", f"arn:aws:iam::{ALDER}:root")


class Era:
    """One process after another on the same journals, and a clock that is set by hand."""

    def __init__(self, place: Path) -> None:
        self.now, self._place = datetime(2026, 1, 1, tzinfo=UTC), place
        self.begin()

    def begin(self) -> None:
        """A new process: nothing of the one before is left but its files."""
        clock = lambda: self.now  # noqa: E731
        self.front = StrictFront((), _nobody, MotoCloud(clock), clock=clock)
        memory = Memory(self._place, KEY)
        memory.attach(self.front)

    def do(self, action: str, key: Key | None = None, region: str = HOME, **params: Any) -> Answer:
        store = self.front.cloud.keys
        order = Order(store, CALLER, region, action, params, key, lambda context: context, "r")
        return self.front.operations.perform(order)

    def key(self, ident: str, region: str = HOME) -> Key:
        found = self.front.cloud.keys.at(ident, region)
        assert found is not None
        return found

    def kept(self) -> bytes:
        journal = Journal(self._place / "keys", KEY)
        journal.close()
        return b"".join(journal.records)


def _nobody(*_: Any) -> list[bytes]:
    raise AssertionError("moto has no part in this")


@pytest.fixture
def era(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Era:
    from moto.iam import models

    # A memory is there to the end of its process, and this one goes on.
    monkeypatch.setattr(models, "mark_account_as_visited", models.mark_account_as_visited)
    return Era(tmp_path)


def test_a_key_whose_day_has_come_is_gone_with_its_material_whoever_is_there_to_see_it(era: Era) -> None:
    for looked_at in (True, False):
        ident = era.do("CreateKey")["KeyMetadata"]["KeyId"]
        era.do("ScheduleKeyDeletion", era.key(ident), PendingWindowInDays=7)
        secret, due = era.key(ident).current.secret, era.key(ident).deletion_date
        era.begin()
        assert era.key(ident).deletion_date == due
        assert era.key(ident).state == "PendingDeletion"
        assert secret in era.kept(), "the comparison below would see nothing"
        era.now += timedelta(days=7)
        if looked_at:
            assert era.front.cloud.keys.at(ident, HOME) is None
        else:
            # Nobody asked for it in time; the next process does it as it starts.
            era.begin()
            assert era.front.cloud.keys.at(ident, HOME) is None
        assert secret not in era.kept()
        era.begin()
        assert era.front.cloud.keys.at(ident, HOME) is None


def test_material_that_expires_goes_from_the_file_and_the_key_waits_for_it_again(era: Era) -> None:
    ident = era.do("CreateKey", Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    key, store = era.key(ident), era.front.cloud.keys
    secret = bytes(range(50, 82))
    key.family.materials.append(store.material(secret, "IMPORTED"))
    key.current.valid_to, key.state = era.now + timedelta(days=1), "Enabled"
    store.changed(key)
    era.begin()
    assert era.key(ident).current.secret == secret
    assert secret in era.kept()
    era.now += timedelta(days=1)
    assert era.key(ident).state == "PendingImport"
    assert secret not in era.kept()
    era.begin()
    assert (era.key(ident).state, era.key(ident).current.secret) == ("PendingImport", b"")


def test_a_rotation_that_time_brought_is_the_same_one_in_the_next_process(era: Era) -> None:
    ident = era.do("CreateKey")["KeyMetadata"]["KeyId"]
    era.do("EnableKeyRotation", era.key(ident), RotationPeriodInDays=100)
    sealed = era.do("Encrypt", era.key(ident), Plaintext="YQ==")["CiphertextBlob"]
    era.now += timedelta(days=250)
    versions = [(each.id, each.secret, each.created) for each in era.key(ident).family.materials]
    later = era.do("Encrypt", era.key(ident), Plaintext="Yg==")["CiphertextBlob"]
    assert len(versions) == 3
    era.begin()
    assert [(each.id, each.secret, each.created) for each in era.key(ident).family.materials] == versions
    opened = [era.do("Decrypt", era.key(ident), CiphertextBlob=blob)["Plaintext"] for blob in (sealed, later)]
    assert opened == ["YQ==", "Yg=="]


def test_copies_share_their_material_in_the_next_process_too_and_a_primary_waits_for_the_last(era: Era) -> None:
    ident = era.do("CreateKey", MultiRegion=True)["KeyMetadata"]["KeyId"]
    era.do("ReplicateKey", era.key(ident), ReplicaRegion=AWAY)
    era.begin()
    assert era.key(ident).family is era.key(ident, AWAY).family
    era.do("ScheduleKeyDeletion", era.key(ident), PendingWindowInDays=9)
    era.do("ScheduleKeyDeletion", era.key(ident, AWAY), AWAY, PendingWindowInDays=7)
    era.begin()
    era.now += timedelta(days=7)
    assert era.front.cloud.keys.at(ident, AWAY) is None
    era.begin()
    assert era.key(ident).deletion_date == era.now + timedelta(days=9)
    era.do("CancelKeyDeletion", era.key(ident))
    era.begin()
    assert era.key(ident).state == "Disabled"


def test_keys_are_listed_in_the_order_in_which_they_were_made_and_a_services_own_is_made_once(era: Era) -> None:
    store = era.front.cloud.keys
    made = []
    for _ in range(3):
        made.append(era.do("CreateKey")["KeyMetadata"]["KeyId"])
        era.now += timedelta(seconds=1)
    own = store.find("alias/aws/s3", ALDER, HOME)
    assert own is not None
    era.do("UpdateKeyDescription", era.key(made[0]), Description="changed last")
    era.do("CreateAlias", era.key(made[0]), AliasName="alias/one")
    era.do("UpdateAlias", era.key(made[1]), AliasName="alias/one")
    aliases = json.dumps(era.do("ListAliases"))
    era.begin()
    assert [each["KeyId"] for each in era.do("ListKeys")["Keys"]] == [*made, own.id]
    found = era.front.cloud.keys.find("alias/aws/s3", ALDER, HOME)
    assert found is not None
    assert found.id == own.id
    assert json.dumps(era.do("ListAliases")) == aliases
