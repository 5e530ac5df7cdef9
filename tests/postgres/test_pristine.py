"""A cluster is copied from the first one's beginning, and shares no secret with it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from venturi.postgres import pristine
from venturi.postgres.server import PostgresServer


@pytest.fixture(scope="module")
def homes() -> Iterator[Path]:
    # pytest's own directories are too long for a socket's path.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def first(homes: Path) -> Iterator[PostgresServer]:
    """The cluster that initdb made, and left its beginning of in the cache beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VENTURI_CACHE", str(homes / "cache"))
        server = start(homes / "first")
    yield server
    server.stop(0)


@pytest.fixture
def cache(homes: Path, first: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert first.started
    monkeypatch.setenv("VENTURI_CACHE", str(homes / "cache"))
    return homes / "cache"


def start(home: Path) -> PostgresServer:
    server = PostgresServer(home)
    server.start()
    return server


async def log_in(server: PostgresServer, password: str) -> None:
    connection = await asyncpg.connect(**{**server.admin(), "password": password}, database="postgres")
    await connection.close()


def kept(cache: Path) -> Path:
    (found,) = cache.glob("postgres-*")
    return found


def test_the_second_cluster_is_made_without_initdb(homes: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept(cache).is_dir()

    def refuse(*_: object) -> None:
        raise AssertionError("initdb was run again")

    monkeypatch.setattr(PostgresServer, "_initdb", refuse)
    start(homes / "second").stop(0)


def test_the_password_that_is_kept_opens_no_cluster(homes: Path, cache: Path, first: PostgresServer) -> None:
    other = start(homes / "other")
    try:
        for server in (first, other):
            with pytest.raises(asyncpg.InvalidPasswordError):
                asyncio.run(log_in(server, (kept(cache) / "secret").read_text()))
            asyncio.run(log_in(server, server.admin()["password"]))
    finally:
        other.stop(0)


def test_what_is_kept_is_closed_to_others(cache: Path) -> None:
    assert kept(cache).stat().st_mode & 0o077 == 0
    assert (kept(cache) / "secret").stat().st_mode & 0o077 == 0


def test_half_a_copy_is_no_copy(tmp_path: Path) -> None:
    (tmp_path / "known" / "data").mkdir(parents=True)
    assert pristine.lay_out(tmp_path / "data", tmp_path / "known") is None
    (tmp_path / "known" / "secret").write_text("word")
    (tmp_path / "known" / "data" / "lost").symlink_to(tmp_path / "nowhere")
    (tmp_path / "known" / "data").chmod(0o700)
    assert pristine.lay_out(tmp_path / "data", tmp_path / "known") == "word"
    (tmp_path / "known" / "data" / "lost").unlink()
    (tmp_path / "known" / "data").rmdir()
    assert pristine.lay_out(tmp_path / "other", tmp_path / "known") is None
    assert not (tmp_path / "other").exists()


def test_a_cache_that_can_not_be_written_costs_time_and_nothing_else(
    homes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTURI_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").write_text("a file where the directory should be")
    start(homes / "uncached").stop(0)


def test_other_programs_and_other_options_have_places_of_their_own(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for programs, said in ((one, "17.10"), (other, "18.1")):
        programs.mkdir()
        (programs / "postgres").write_text(f"#!/bin/sh\necho postgres {said}\n")
        (programs / "postgres").chmod(0o700)
    places = {pristine.place(tmp_path, each, options) for each in (one, other) for options in ((), ("-E", "UTF8"))}
    assert len(places) == 4
    assert pristine.place(tmp_path, one, ()) in places
