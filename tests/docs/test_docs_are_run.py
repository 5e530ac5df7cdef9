"""What the documentation says to type is typed, and prints what it says; a … in it stands for anything."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from tenantproof.cli import COMMANDS, group
from tenantproof.cli.criteria import load_criteria
from tenantproof.cli.renderings import renderings
from tenantproof.evidence.bundle import finish
from tenantproof.evidence.heads import FILE, heads_json
from tenantproof.evidence.keys import public_pem
from tenantproof.evidence.manifest import MANIFEST, digest_of
from tenantproof.evidence.timestamp import request_stamp
from tenantproof.judge.waivers import load_waivers
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.observation import Role
from tenantproof.model.outcome import PERMITTED, REFUSED
from tenantproof.plugin.cards import load_cards
from tests.evidence.authority import authority
from tests.evidence.signed_bundles import KEY
from tests.outputs.run_samples import RUN_ID, entry, record

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:\.venv/bin/)?tenantproof [^`]+)`")
DEPLOYMENT = re.compile(
    r"tenantproof (run|doctor|replay|init|sensitivity|trail|keys|archive|rotate)\b|bootstrap\.py|venturi|curl"
)
"""What takes a deployment, a bucket or the user's own keys is tested where those are."""


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind == language]


@dataclass(frozen=True)
class Desk:
    """A folder as a reader has it: the bundles, the key, the verifier; with or without a time stamp."""

    folder: Path
    head: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Desk]]:
    with authority() as tsa:
        made = {}
        for stamped in (False, True):
            folder = tmp_path_factory.mktemp("desk")
            run = folder / "evidence" / RUN_ID
            run.mkdir(parents=True)
            _observe(run / "journal.sqlite")
            files = {**renderings(record()), FILE: heads_json(())}
            finish(run, record(), files, KEY, (lambda message: request_stamp(tsa.url, message)) if stamped else None)
            (folder / "signing-key.pub").write_text(public_pem(KEY.public))
            shutil.copy(tsa.root, folder / "authority.pem")
            (folder / "docs").mkdir()
            shutil.copy(ROOT / "docs" / "verify_bundle.py", folder / "docs")
            path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
            environment = {"PATH": path, "HOME": str(folder), "COLUMNS": "200"}
            made[stamped] = Desk(folder, digest_of(run / MANIFEST), environment)
        yield made


def _observe(path: Path) -> None:
    """A journal with the observations that the pages speak of: QA-1, and one of the number 4711."""
    with Journal.create(path, {"run": RUN_ID}) as journal:
        ledger = Ledger(journal, "check_a", "QA-1")
        ledger.calibrate(entry(1, role=Role.CALIBRATION, seen=PERMITTED).observation, is_=PERMITTED)
        ledger.expect(entry(2).observation, is_=REFUSED)
        ledger.expect(entry(3, seen=PERMITTED).observation, is_=REFUSED)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE entries SET seq = 4711 WHERE seq = 3")
    connection.close()


def sessions() -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """Every console block that can be typed at a desk: its page, and its commands with what they print."""
    for page in PAGES:
        for number, block in enumerate(blocks(page, "console")):
            typed: list[tuple[str, list[str]]] = []
            for line in block.splitlines():
                if line.startswith("$ "):
                    typed.append((line[2:].split("   #")[0].rstrip(), []))
                elif typed:
                    typed[-1][1].append(line)
            typed = [(command, shown) for command, shown in typed if not DEPLOYMENT.search(command)]
            if typed and page.name != "README.md":
                yield f"{page.name}-{number}", typed


SESSIONS = dict(sessions())


def test_there_is_something_to_type() -> None:
    commands = [command for typed in SESSIONS.values() for command, _ in typed]
    assert len(commands) >= 9
    assert {command.split()[1] for command in commands if command.startswith("tenantproof")} >= {
        "verify",
        "report",
        "show",
    }


@pytest.mark.parametrize("name", SESSIONS)
def test_what_is_typed_prints_what_the_page_says(name: str, desks: dict[bool, Desk]) -> None:
    for command, shown in SESSIONS[name]:
        desk = desks["authority.pem" in command]
        words = shlex.split(command.replace("77ae…", desk.head))
        done = subprocess.run(words, cwd=desk.folder, env=desk.environment, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}\n{said}"
        for line in shown:
            wanted = ".*".join(re.escape(part) for part in line.replace("77ae…", desk.head).split("…"))
            assert re.search(f"^{wanted}$", said, re.MULTILINE), f"{command}\nsays nothing like: {line}\nbut:\n{said}"


def test_the_query_of_the_format_is_answered(desks: dict[bool, Desk]) -> None:
    (query,) = blocks(ROOT / "docs" / "evidence-format.md", "sql")
    connection = sqlite3.connect(
        f"file:{desks[False].folder / 'evidence' / RUN_ID / 'journal.sqlite'}?mode=ro", uri=True
    )
    rows = connection.execute(query).fetchall()
    connection.close()
    assert ("trial", "refused", "permitted", 1) in rows


@pytest.mark.parametrize("page", ["auditors.md", "evidence-format.md"])
def test_the_files_of_a_bundle_are_those_that_the_page_lists(page: str, desks: dict[bool, Desk]) -> None:
    text = (ROOT / "docs" / page).read_text()
    cells = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    listed = {name for cell in cells for name in re.findall(r"`([\w.-]+\.\w+)`", cell)}
    there = {path.name for path in (desks[True].folder / "evidence" / RUN_ID).iterdir()} | {"report.pdf"}
    assert there - {"heads.json"} <= listed
    # What only some runs leave is at least written by some code of ours.
    sources = "".join(path.read_text() for path in (ROOT / "src" / "tenantproof").rglob("*.py"))
    assert not {name for name in listed - there if f'"{name}"' not in sources}


def test_a_waiver_of_the_guide_is_taken(tmp_path: Path) -> None:
    (text,) = [block for block in blocks(ROOT / "docs" / "guide.md", "toml") if "[[waiver]]" in block]
    (tmp_path / "waivers.toml").write_text(text)
    (waiver,) = load_waivers(tmp_path / "waivers.toml", load_cards(ROOT / "checks"))
    assert waiver.scope == "staging-*"


def test_a_framework_of_the_guide_is_read(tmp_path: Path) -> None:
    (text,) = [block for block in blocks(ROOT / "docs" / "guide.md", "toml") if "[framework]" in block]
    (tmp_path / "house.toml").write_text(text)
    (framework,), (criterion,) = load_criteria(tmp_path)
    assert (framework.title, criterion.claims) == ("House rules", ("QA-1", "QA-2", "ST-2"))


def commands() -> Iterator[tuple[str, str]]:
    """Every command of ours that a page names, wherever it stands."""
    for page in PAGES:
        text = page.read_text()
        lines = [
            line.strip().removeprefix("$ ").split("   #")[0]
            for _, block in BLOCK.findall(text)
            for line in block.splitlines()
        ]
        lines += [line.strip() for line in text.splitlines() if line.startswith("    tenantproof ")]
        for command in [*lines, *INLINE.findall(text)]:
            if command.removeprefix(".venv/bin/").startswith("tenantproof "):
                yield page.name, command.removeprefix(".venv/bin/")


def test_every_command_and_option_that_a_page_names_is_there() -> None:
    named = sorted(set(commands()))
    assert len(named) > 20
    for page, command in named:
        words = [word for word in re.split(r"[\s`]+", command.split(">")[0].split("|")[0]) if word][1:]
        assert words[0] in COMMANDS or words[0].startswith("-"), f"{page}: {command}"
        found = group.get_command(click.Context(group), words[0]) if words[0] in COMMANDS else group
        assert found is not None
        while (
            isinstance(found, click.Group) and len(words) > 1 and words[1] in found.list_commands(click.Context(found))
        ):
            words = words[1:]
            deeper = found.get_command(click.Context(found), words[0])
            assert deeper is not None
            found = deeper
        known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for word in words[1:]:
            option = word.split("=")[0].rstrip(",.;:")
            assert not option.startswith("--") or option in known, f"{page}: {command}: {option}"
