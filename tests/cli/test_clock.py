"""A clock that is set, within a run or between two, is said in the report; it decides nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tenantproof.cli.closing import Closing, record_of_run
from tenantproof.cli.places import house
from tenantproof.cli.sealing import Sealing
from tenantproof.ledger.journal import Journal
from tenantproof.model.profile_text import parse
from tenantproof.plugin.cards import load_cards
from tenantproof.plugin.run import Assessment
from tests.model.test_profile_text import GOOD


def closing(folder: Path, *, began: timedelta = timedelta(0), lasted: float = 0, is_printed: bool = False) -> Closing:
    """A run that came to nothing: it began so long ago by the clock that can be set, and lasted so many seconds."""
    folder.mkdir(parents=True)
    cards = load_cards(house("checks"))
    return Closing(
        folder=folder,
        started=datetime.now(UTC) - began,
        profile=parse(GOOD, "staging.toml"),
        profile_digest="sha256:" + "00" * 32,
        cards=cards,
        capabilities=frozenset(),
        assessment=Assessment.unreached(cards, "nobody answered"),
        identity={},
        trouble="" if is_printed else "nobody answered",
        strict=False,
        waivers=(),
        checks=house("checks"),
        lasted=lasted,
        sealing=Sealing(is_printed=is_printed),
    )


def remarks(folder: Path, *, began: timedelta, lasted: float) -> tuple[str, ...]:
    """What such a run says of itself."""
    made = closing(folder, began=began, lasted=lasted)
    with Journal.create(folder / "journal.sqlite", {}) as journal:
        return record_of_run(made, journal).remarks


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_was_set_during_a_run_is_said(tmp_path: Path, hours: int) -> None:
    said = remarks(tmp_path / "20250301T020000Z-a1b2c3", began=timedelta(hours=hours), lasted=60)
    assert any("clock" in remark and "set meanwhile" in remark for remark in said)


def test_a_clock_that_goes_right_is_not_spoken_of(tmp_path: Path) -> None:
    assert remarks(tmp_path / "20250301T020000Z-a1b2c3", began=timedelta(0), lasted=0) == ()


def test_a_run_of_tomorrow_in_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / f"{datetime.now(UTC) + timedelta(days=1):%Y%m%dT%H%M%SZ}-ffffff").mkdir()
    (said,) = remarks(tmp_path / "20250301T020000Z-a1b2c3", began=timedelta(0), lasted=0)
    assert "went backwards" in said
