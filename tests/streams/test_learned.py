"""A broker starts from an archive of its classes, which one that ran for nobody left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from venturi.streams.build import Streams
from venturi.streams.formatted import keep
from venturi.streams.kafka_home import KafkaHome
from venturi.streams.learned import learned


def nobody(*_: int) -> None:
    raise AssertionError("no broker was to be started")


@pytest.fixture
def java(tmp_path: Path) -> Path:
    """A Java that ends at once, whatever it is asked."""
    program = tmp_path / "java"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    return program


def test_the_broker_of_a_deployment_has_its_classes_from_the_archive(streams: Streams) -> None:
    kept = streams.broker.home.kept
    if kept is None:
        pytest.skip("KAFKA_HOME is set: whether that Kafka stays as it is nobody knows")
    (archive,) = kept.glob("classes-*.jsa")
    assert streams.broker.process
    mapped = Path(f"/proc/{streams.broker.process.pid}/maps").read_text()
    assert str(archive) in mapped


def test_nothing_is_kept_of_a_kafka_that_may_change(java: Path) -> None:
    assert learned(KafkaHome(java, "jars/*"), nobody, nobody) == ()


def test_an_archive_is_made_once(java: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("venturi.streams.learned._make", lambda _home, archive, *_: _write(archive))
        (first,) = learned(KafkaHome(java, "jars/*", kept), nobody, nobody)
    assert learned(KafkaHome(java, "jars/*", kept), nobody, nobody) == (first,)


def test_another_java_has_an_archive_of_its_own(java: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "java"
    other.parent.mkdir()
    other.write_bytes(java.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("venturi.streams.learned._make", lambda _home, archive, *_: _write(archive))
        made = {learned(KafkaHome(each, "jars/*", tmp_path / "kept"), nobody, nobody) for each in (java, other)}
    assert len(made) == 2


def test_a_broker_that_does_not_start_leaves_no_archive_and_no_error(java: Path, tmp_path: Path) -> None:
    known: set[int] = set()
    kept = tmp_path / "kept"
    keep(formatted(tmp_path), kept)
    assert learned(KafkaHome(java, "jars/*", kept), lambda group, _: known.add(group), known.remove) == ()
    assert [each.name for each in kept.iterdir()] == ["bootstrap.checkpoint"]
    assert known == set(), "its number may be somebody else's by the time that known groups are ended"


def formatted(folder: Path) -> Path:
    """A log directory as the formatter leaves it."""
    data = folder / "formatted"
    data.mkdir()
    (data / "bootstrap.checkpoint").write_bytes(b"features")
    return data


def _write(archive: Path) -> None:
    archive.parent.mkdir(exist_ok=True)
    archive.write_bytes(b"classes")
