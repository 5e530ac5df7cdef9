"""The main job from the command line: attack, judge, sign, verify, look."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.conftest import Command, command_in
from tests.evidence.authority import authority

TODAY = dt.datetime.now(dt.UTC).date()
ACCEPTED = f"""owner = "o@example.com"
risk = "low"
approver = "a@example.com"
created = {TODAY - dt.timedelta(days=2)}
expires = {TODAY + dt.timedelta(days=9)}
"""


class Chosen(NamedTuple):
    """A finished run of some claims: where it was, how to run commands there, and how it ended."""

    folder: Path
    command: Command
    done: subprocess.CompletedProcess[str]


@pytest.mark.timeout(1500)  # two minutes on a quiet machine of two cores; a busy one is no defect
def test_a_whole_run_on_the_embedded_default_satisfies_every_claim_and_signs_it(
    tenantproof: Command, tmp_path: Path
) -> None:
    done = tenantproof("run", "--strict")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "evidence/latest/summary.json").read_text())
    verdicts = {claim: entry["verdict"] for claim, entry in summary["claims"].items()}
    assert (len(verdicts), set(verdicts.values())) == (34, {"satisfied"})
    assert summary["gate"] == {"exit": 0, "strict": True, "failed": [], "not_assessed": [], "waived": []}
    assert "evidence/" in done.stdout
    assert (tmp_path / "evidence/latest/report.html").stat().st_size < 1.5e6

    assert tenantproof("verify").returncode == 0
    assert "refused, expected refused" in tenantproof("show", "QA-1").stdout
    assert _tokens_in(tmp_path / "evidence/latest") == []

    report = tmp_path / "evidence/latest/report.html"
    report.write_bytes(report.read_bytes().replace(b"satisfied", b"Satisfied", 1))
    tampered = tenantproof("verify")
    assert tampered.returncode == 1
    assert "report.html" in tampered.stdout + tampered.stderr


@pytest.fixture(scope="module")
def chosen(profile: Path, tmp_path_factory: pytest.TempPathFactory) -> Chosen:
    """A run that was told to assess some claims, and a way to run commands beside its evidence."""
    folder = tmp_path_factory.mktemp("chosen")
    beside = command_in(folder)
    return Chosen(
        folder, beside, beside("run", "--target", str(profile), "--only", "QA-1,TK,KE-3,SU-2,SU-4", "--quiet")
    )


def test_no_secret_that_a_profile_lends_reaches_a_bundle(chosen: Chosen, profile: Path) -> None:
    assert chosen.done.returncode == 0, chosen.done.stdout + chosen.done.stderr
    bundle = chosen.folder / "evidence/latest"
    files = [Path(name).read_bytes() for name in re.findall(r'file = "([^"]+)"', profile.read_text())]
    # Line by line, for JSON writes the ends of lines in another way; no secret has a line as short as a dash or two.
    lent = [line for each in files for line in each.splitlines() if len(line) > 12 and b"-----" not in line]
    assert len(lent) >= len(files) > 10
    kept = b"".join(file.read_bytes() for file in bundle.iterdir())
    assert [secret for secret in lent if secret in kept] == []
    assert _tokens_in(bundle) == []


def _tokens_in(bundle: Path) -> list[bytes]:
    """Headers of forged identities are plain JSON in base64; a token has a payload and a signature behind it."""
    texts = b"".join(file.read_bytes() for file in bundle.iterdir())
    return re.findall(rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20,}", texts)


def test_only_the_chosen_claims_are_assessed(chosen: Chosen) -> None:
    assert chosen.done.returncode == 0, chosen.done.stdout + chosen.done.stderr
    claims = json.loads((chosen.folder / "evidence/latest/summary.json").read_text())["claims"]
    assessed = {claim for claim, entry in claims.items() if entry["verdict"] == "satisfied"}
    assert assessed == {"QA-1", "TK-1", "TK-2", "TK-3", "KE-3", "SU-2", "SU-4"}
    assert chosen.done.stderr == ""


def test_a_trial_is_shown_and_sent_again_and_a_forgery_is_not(chosen: Chosen, profile: Path) -> None:
    number = _first_trial(chosen.command("show", "QA-1").stdout)
    assert "tenantproof replay" in chosen.command("show", number).stdout
    again = chosen.command("replay", number, "--target", str(profile))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "TENANT_MISMATCH" in again.stdout
    assert "eyJ" not in again.stdout
    number = _first_trial(chosen.command("show", "TK-2").stdout, "token")
    forged = chosen.command("replay", number, "--target", str(profile))
    assert (forged.returncode, "made for the attack" in forged.stderr) == (2, True)


def _first_trial(shown: str, about: str = "") -> str:
    """The number of the first trial that `tenantproof show` prints and that is about something."""
    lines = shown.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("trial") and about in line)
    return lines[at + 1].split()[1]


def test_each_run_names_the_one_before(tenantproof: Command, profile: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert tenantproof("run", "--target", str(profile), "--only", "KE-4", "--quiet").returncode == 0
    first, second = sorted(
        path for path in (tmp_path / "evidence").iterdir() if path.is_dir() and not path.is_symlink()
    )
    manifest = json.loads((second / "manifest.json").read_text())
    assert first.name in json.dumps(manifest["previous"])


def test_a_run_is_stamped_where_an_authority_is_named_and_says_so_where_it_does_not_answer(
    tenantproof: Command, profile: Path, tmp_path: Path
) -> None:
    stamped = tmp_path / "stamped.toml"
    chosen = ("--only", "KE-4", "--quiet")
    with authority() as tsa:
        stamped.write_text(f'{profile.read_text()}\n[evidence]\ntimestamp = "{tsa.url}"\n')
        assert tenantproof("run", "--target", str(stamped), *chosen).returncode == 0
        verified = tenantproof("verify", "--tsa", str(tsa.root))
        assert verified.returncode == 0, verified.stdout
        assert "by CN=authority of time" in verified.stdout
    silent = tenantproof("run", "--target", str(stamped), *chosen)
    assert silent.returncode == 2
    assert "signed, and bears no time stamp" in silent.stderr
    assert tenantproof("verify").returncode == 0


def test_two_runs_at_once_are_two_links_of_one_chain(profile: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tenantproof", "run", "--target", str(profile), "--only", "KE-4", "--quiet"]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    running = [subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(240) for process in running] == [0, 0]
    command = [sys.executable, "-m", "tenantproof", "verify"]
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
    assert "chain   2 hang together" in told.stdout
    page = (tmp_path / "evidence/index.html").read_text()
    assert page.count("/report.html") >= 1


def test_a_profile_without_a_table_gates(tenantproof: Command, profile: Path, tmp_path: Path) -> None:
    text = profile.read_text()
    start, end = text.index("[aws]"), text.index("[support]")
    poor = tmp_path / "poor.toml"
    poor.write_text(text[:start] + text[end:])
    done = tenantproof("run", "--target", str(poor), "--only", "KE-3", "--quiet")
    assert done.returncode == 3
    assert "[aws]" in done.stdout


def test_a_waiver_changes_the_exit_code_and_not_the_verdict(
    tenantproof: Command, profile: Path, tmp_path: Path
) -> None:
    # The profile says that a tenant wants its keys turned every day, which the target does once a year.
    eager = tmp_path / "eager.toml"
    eager.write_text(profile.read_text().replace('id = "acme"\n', 'id = "acme"\nrotation_days = 1\n', 1))
    waivers = tmp_path / "waivers.toml"
    waivers.write_text('[[waiver]]\nclaim = "KE-4"\nreason = "r"\n' + ACCEPTED)
    arguments = ("run", "--target", str(eager), "--only", "KE-4", "--strict", "--quiet")
    assert tenantproof(*arguments).returncode == 1
    done = tenantproof(*arguments, "--waivers", str(waivers))
    assert done.returncode == 0
    assert "NOT-SATISFIED  KE-4" in done.stdout


def test_a_waiver_that_excuses_nothing_is_an_error(tenantproof: Command, profile: Path, tmp_path: Path) -> None:
    waivers = tmp_path / "waivers.toml"
    waivers.write_text('[[waiver]]\nclaim = "KE-4"\nreason = "r"\n' + ACCEPTED)
    done = tenantproof("run", "--target", str(profile), "--only", "KE-4", "--quiet", "--waivers", str(waivers))
    assert done.returncode == 2
    assert "excuses nothing" in done.stderr


def test_the_doctor_finds_a_good_profile_good_and_attacks_nothing(tenantproof: Command, profile: Path) -> None:
    done = tenantproof("doctor", "--target", str(profile))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "can be assessed: " in done.stdout
    assert "FAIL" not in done.stdout


def test_the_doctor_names_the_principal_whose_secret_is_wrong(
    tenantproof: Command, profile: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("guess")
    text = profile.read_text()
    named = next(line for line in text.splitlines() if "globex.reader.secret" in line)
    sick = tmp_path / "sick.toml"
    sick.write_text(text.replace(named, f'file = "{tmp_path / "secret"}"'))
    done = tenantproof("doctor", "--target", str(sick))
    assert done.returncode == 3
    assert "globex, reader" in next(line for line in done.stdout.splitlines() if line.startswith("FAIL"))


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("verify", "--help"), ("init", "--help")])
def test_help_teaches(tenantproof: Command, arguments: tuple[str, ...]) -> None:
    done = tenantproof(*arguments)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 5


def test_the_claims_are_listed_with_whether_a_check_decides_them(tenantproof: Command) -> None:
    done = tenantproof("claims", "--json")
    assert len(json.loads(done.stdout)) == 34
    assert "QA-1" in tenantproof("claims").stdout


def test_a_fresh_profile_can_be_read_once_it_is_filled_in(tenantproof: Command, tmp_path: Path) -> None:
    from tenantproof.model.profile_text import parse

    text = tenantproof("init", "--name", "staging", "--tenant", "alder", "--tenant", "birch").stdout
    parsed = parse(text.replace("https://issuer", "https://api"), "staging.toml")
    assert [tenant.id for tenant in parsed.tenants] == ["alder", "birch"]
    assert parsed.safety.allow_destructive is False
