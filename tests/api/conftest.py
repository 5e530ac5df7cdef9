"""The running API, and its stand-ins as good as new for every test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.api.served import Service, home, service
from tests.api.stand_ins import ScriptedDesk


@pytest.fixture(scope="session")
def running() -> Iterator[Service]:
    place = home()
    try:
        with service(place) as made:
            yield made
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def api(running: Service) -> Service:
    for trail in running.behind.trails.values():
        trail.broken = False
    fresh = ScriptedDesk()
    desk = running.behind.desk
    desk.answer, desk.refuses, desk.grants, desk.asked = fresh.answer, None, {}, []
    running.behind.kms.disabled.clear()
    return running
