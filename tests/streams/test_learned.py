"""A broker starts from an archive of its classes, which one that ran for nobody left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from venturi.streams.build import Streams
from venturi.streams.kafka_home import KafkaHome
from venturi.streams.learned import learned


def nobody(_group: int, _signal: int) -> None:
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
    assert learned(KafkaHome(java, "jars/*"), nobody) == ()


def test_an_archive_is_made_once(java: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("venturi.streams.learned._make", lambda _home, archive, _register: _write(archive))
        (first,) = learned(KafkaHome(java, "jars/*", kept), nobody)
    assert learned(KafkaHome(java, "jars/*", kept), nobody) == (first,)


def test_another_java_has_an_archive_of_its_own(java: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "java"
    other.parent.mkdir()
    other.write_bytes(java.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("venturi.streams.learned._make", lambda _home, archive, _register: _write(archive))
        made = {learned(KafkaHome(each, "jars/*", tmp_path / "kept"), nobody) for each in (java, other)}
    assert len(made) == 2


def test_a_broker_that_does_not_start_leaves_no_archive_and_no_error(java: Path, tmp_path: Path) -> None:
    started: list[tuple[int, int]] = []
    kept = tmp_path / "kept"
    assert learned(KafkaHome(java, "jars/*", kept), lambda *group: started.append(group)) == ()
    assert list(kept.iterdir()) == []


def _write(archive: Path) -> None:
    archive.parent.mkdir(exist_ok=True)
    archive.write_bytes(b"classes")
