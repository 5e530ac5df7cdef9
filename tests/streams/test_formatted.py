"""A log directory is laid out from what Kafka's formatter wrote once, as a cluster of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from venturi.streams.formatted import keep, lay_out


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """What the formatter of one version wrote, kept."""
    written = tmp_path / "written"
    written.mkdir()
    (written / "bootstrap.checkpoint").write_bytes(b"features")
    (written / "meta.properties").write_text("cluster.id=theirs\n")
    keep(written, tmp_path / "known")
    return tmp_path / "known"


def test_nothing_is_made_where_nothing_is_known(tmp_path: Path) -> None:
    assert not lay_out(tmp_path / "data", 1, tmp_path / "known")
    assert not (tmp_path / "data").exists(), "the formatter would refuse a directory that is there"


def test_the_features_are_the_formatters_and_the_cluster_is_new(known: Path, tmp_path: Path) -> None:
    told = []
    for name in ("one", "other"):
        assert lay_out(tmp_path / name, 7, known)
        assert (tmp_path / name / "bootstrap.checkpoint").read_bytes() == b"features"
        told.append(dict(re.findall(r"^(.+)=(.+)$", (tmp_path / name / "meta.properties").read_text(), re.MULTILINE)))
    assert all(len(each["cluster.id"]) == len(each["directory.id"]) == 22 for each in told)
    assert {each["node.id"] for each in told} == {"7"}
    assert len({each[name] for each in told for name in ("cluster.id", "directory.id")}) == 4


def test_only_what_is_the_same_for_everybody_is_kept(known: Path) -> None:
    assert [path.name for path in known.iterdir()] == ["bootstrap.checkpoint"]


def test_a_cache_that_can_not_be_written_is_let_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    keep(tmp_path, tmp_path / "file" / "known")
