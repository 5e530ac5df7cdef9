"""Whatever process is killed, at whatever moment: no event is lost or doubled, and no record that a client was told of.

CRASH_KILLS sets how many kills there are, CRASH_SEED which, CRASH_OPTIONS how `venturi up` is called.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.crash.log_reading import Log, read_log

KILLS = int(os.environ.get("CRASH_KILLS", "12"))
SEED = int(os.environ.get("CRASH_SEED", "20260806"))
OPTIONS = os.environ.get("CRASH_OPTIONS", "").split()
PATIENCE = 240.0
# By what a process is known on its command line; the API and Stage A change most, so they die most often.
VICTIMS = {
    "venturi.serve api": 4,
    "venturi.serve stage-a": 3,
    "pginstall/bin/postgres -D": 2,
    "postgres: t_": 1,
    "kafka.Kafka": 1,
    "venturi.serve issuer": 1,
    "venturi.serve aws": 2,
}
Json = Any  # an API's answer


@dataclass
class Deployment:
    """A deployment that starts its processes again; `process` is its supervisor."""

    process: subprocess.Popen[str]
    profile: Json
    rundir: Path

    def victims(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                line = " ".join(child.cmdline())
                for mark in VICTIMS:
                    if mark in line:
                        found.setdefault(mark, []).append(child.pid)
        return found


@contextmanager
def restarting(place: Path) -> Iterator[Deployment]:
    command = [sys.executable, "-m", "venturi", "up", "--restart", "--lifeline", "--tenants", "3", *OPTIONS]
    with (place / "said").open("w") as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True)
    assert process.stdin
    assert process.stdout
    lines = []
    for line in process.stdout:
        if line.startswith("# ready"):
            break
        lines.append(line)
    try:
        yield Deployment(process, tomllib.loads("".join(lines)), place)
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


@dataclass
class Client:
    """One principal of a tenant, who asks until he is answered."""

    profile: Json
    tenant: str
    principal: str
    receipts: list[str] = field(default_factory=list)
    """Every receipt that an answer carried."""
    token: str = ""
    lost: int = 0
    """Requests that were not answered: what became of them, nobody was told."""

    def __post_init__(self) -> None:
        # No connection is kept: one that was cut is no answer, and neither is it a fault of ours.
        self.web = httpx.Client(timeout=15, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)
        (entry,) = [each for each in self.profile["tenants"] if each["id"] == self.tenant]
        self.client = entry["principals"][self.principal]["client"]
        self.base = self.profile["target"]["base_url"]

    def ask(self, method: str, path: str, wanted: int, **more: Any) -> httpx.Response:
        headers = more.pop("headers", {})
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError, KeyError, ValueError):
                self.token = self.token or self._token()
                self.lost += 1
                answer = self.web.request(
                    method, self.base + path, headers={"Authorization": f"Bearer {self.token}", **headers}, **more
                )
                # What was not recorded in time may stand in the trail all the same, with an answer that nobody got.
                self.lost -= answer.status_code != 503
                # A receipt is a promise, whatever the answer is.
                self.receipts += [answer.headers["Audit-Receipt"]] if "Audit-Receipt" in answer.headers else []
                if answer.status_code == wanted:
                    return answer
                assert answer.status_code in {401, 500, 503}, answer.text
                self.token = "" if answer.status_code == 401 else self.token
            time.sleep(0.05)
        raise AssertionError(f"{method} {path} was not answered {wanted} in {PATIENCE:.0f} s")

    def _token(self) -> str:
        secret = Path(self.client["client_secret"]["file"]).read_text()
        form = {"grant_type": "client_credentials", "client_id": self.client["client_id"], "client_secret": secret}
        return str(self.web.post(self.client["url"], data=form).json()["access_token"])


def collect(client: Client, number: int, sent: dict[str, Json], stop: threading.Event) -> None:
    """Send touchpoint and conversion, again and again; `sent` gets every batch that was accepted, by its id."""
    turn = 0
    while not stop.is_set():
        turn += 1
        name = f"{number}-{turn}"
        touch = {"kind": "touchpoint", "id": f"tp-{name}", "subject_id": f"s-{name}", "channel": "email"}
        conversion = {"kind": "conversion", "id": f"cv-{name}", "subject_id": f"s-{name}", "value": 1.0}
        events = [
            {**touch, "occurred_at": "2026-01-01T00:00:00Z"},
            {**conversion, "occurred_at": "2026-01-02T00:00:00Z"},
        ]
        answer = client.ask(
            "POST",
            f"/v1/tenants/{client.tenant}/events",
            202,
            json={"events": events},
            headers={"Idempotency-Key": f"batch-{name}"},
        )
        told = answer.json()
        assert told["accepted"] == len(events)
        assert told["batch"] not in sent, "two keys were told of one batch"
        sent[told["batch"]] = events


def knock(client: Client, stop: threading.Event) -> None:
    """Try another tenant's records and be refused, for the trail's sake."""
    while not stop.is_set():
        client.ask("GET", "/v1/tenants/acme/attributions", 403)


def kill_at_random(deployment: Deployment, chance: random.Random) -> Counter[str]:
    killed: Counter[str] = Counter()
    while killed.total() < KILLS:
        time.sleep(chance.uniform(0.1, 1.5))
        assert deployment.process.poll() is None, (deployment.rundir / "said").read_text()
        there = deployment.victims()
        mark = chance.choices(list(VICTIMS), [weight if name in there else 0.01 for name, weight in VICTIMS.items()])[0]
        for pid in there.get(mark, [])[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed[mark] += 1
    return killed


def every(client: Client, path: str, items: str, after: str) -> Iterator[Json]:
    """All items of a paged list; `after` names the member that leads to the next page, and its parameter."""
    member, _, parameter = after.partition("=")
    more = ""
    while more is not None:
        page = client.ask("GET", path + (f"&{parameter}={more}" if more else ""), 200).json()
        yield from page[items]
        more = page[member]


def conversions(client: Client) -> Counter[str]:
    path = f"/v1/tenants/{client.tenant}/attributions?limit=100"
    found = (item["conversion"] for item in every(client, path, "items", "next_cursor=cursor"))
    return Counter(name for name in found if name.startswith("cv-"))


def trail_of(client: Client) -> list[Json]:
    return list(every(client, f"/v1/tenants/{client.tenant}/audit/events?limit=100", "events", "next=after"))


def compare_topic(log: Log, sent: dict[str, Json]) -> None:
    """Every event of every batch that a client was told of is in the topic as it was sent, and nothing else is."""
    promised = {f"{batch}/{place}": event for batch, events in sent.items() for place, event in enumerate(events)}
    assert not log.torn, f"two copies of one place differ: {sorted(log.torn)}"
    assert log.places.keys() == promised.keys(), "the topic lacks what was accepted, or holds what nobody was told of"
    for place, event in promised.items():
        found = log.events[place]
        assert (found.id, found.subject_id) == (event["id"], event["subject_id"])
    ids = Counter(event.id for event in log.events.values())
    assert max(ids.values()) == 1, "one event stands at two places"


def compare_trail(trail: list[Json], clients: list[Client], accepted: int) -> None:
    """The trail has no gap, every receipt's event at its place, and no acceptance that nobody can have been told of."""
    assert [entry["seq"] for entry in trail] == list(range(len(trail))), "a gap, or a place that is taken twice"
    receipts = [receipt.split(".") for client in clients for receipt in client.receipts]
    assert receipts
    assert len({seq for seq, _, _ in receipts}) == len(receipts), "two answers were given one receipt"
    places = {(entry["seq"], entry["leaf_hash"]) for entry in trail}
    assert {(int(seq), leaf) for seq, leaf, _ in receipts} <= places, "a receipt was given for what is not in the trail"
    said = sum(
        (entry["event"].get("request") or {}).get("route_template") == "/v1/tenants/{tenant_id}/events"
        and entry["event"]["result"]["http_status"] == 202
        for entry in trail
    )
    # A client that hears nothing asks again under its key, so an acceptance may be written twice, never too seldom.
    assert accepted <= said <= accepted + sum(client.lost for client in clients)


def test_nothing_is_lost_or_doubled_whatever_is_killed(tmp_path: Path) -> None:
    with restarting(tmp_path) as deployment:
        # Without a broker there is no stream to lose an event of; the trail is there all the same.
        streams = "kafka" in deployment.profile
        stop = threading.Event()
        collectors = [Client(deployment.profile, "globex", "collector") for _ in range(2 if streams else 0)]
        knocker, reader = (Client(deployment.profile, "globex", "reader") for _ in range(2))
        sent: dict[str, Json] = {}
        load = [
            *(threading.Thread(target=collect, args=(each, at, sent, stop)) for at, each in enumerate(collectors)),
            threading.Thread(target=knock, args=(knocker, stop)),
        ]
        for thread in load:
            thread.start()
        try:
            killed = kill_at_random(deployment, random.Random(SEED))
        finally:
            stop.set()
            for thread in load:
                thread.join(PATIENCE)
        assert killed.total() >= KILLS
        assert bool(sent) is streams
        told = Counter(event["id"] for batch in sent.values() for event in batch if event["kind"] == "conversion")
        deadline = time.monotonic() + PATIENCE
        while (found := conversions(reader)) != told and time.monotonic() < deadline:
            time.sleep(0.5)
        assert found == told, f"after {killed}: told of {told.total()}, stored {found.total()}"
        if streams:
            compare_topic(read_log(deployment.profile, "globex"), sent)
        clients = [*collectors, knocker]
        compare_trail(trail_of(reader), clients, len(sent))
