"""The checks of support access are satisfied by a desk that guards every step, and by none that forgets one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from checks import support_access as checks
from tenantproof.clients.aws import AwsAnswer, AwsClients
from tenantproof.clients.target import Target
from tenantproof.judge.conclude import finding
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.support_access import SupportAccess
from tests.probes.fake_api import Json, Refused, serving_api
from tests.probes.fake_desk import MOST_SECONDS, Asked, FakeDesk, desk_profile, secrets_of

SU_1 = checks.check_without_a_grant_support_reads_nothing
SU_2 = checks.check_nobody_but_the_tenant_approves
SU_3 = checks.check_access_ends_by_itself
SU_4 = checks.check_every_step_needs_its_own_second_factor
SU_5 = checks.check_every_access_is_in_the_tenants_trail
SU_6 = checks.check_the_tenant_is_told_before_the_first_byte
ALL = (SU_1, SU_2, SU_3, SU_4, SU_5, SU_6)
Check = Callable[[SupportAccess, Ledger], None]


@contextmanager
def probing(desk: FakeDesk, patch: pytest.MonkeyPatch) -> Iterator[SupportAccess]:
    for name, value in secrets_of(desk).items():
        patch.setenv(name, value)
    patch.setattr("tenantproof.probes.support_access._BRIEF", 1)
    patch.setattr("tenantproof.probes.support_access._SLACK_SECONDS", 0.1)
    with serving_api(desk) as host, closing(Target(desk_profile(host))) as target:
        target._aws = cast("AwsClients", desk)
        yield SupportAccess(target)


def judged(desk: FakeDesk, check: Check, folder: Path, patch: pytest.MonkeyPatch) -> Finding:
    with probing(desk, patch) as probe, closing(Journal.create(folder / "journal.sqlite", {})) as journal:
        check(probe, Ledger(journal, "check", "SU-0"))
        return finding("SU-0", "check", journal.tally("check"))


@pytest.mark.parametrize("check", ALL)
def test_a_desk_that_guards_every_step_satisfies_every_check(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = FakeDesk()
    found = judged(desk, check, tmp_path, monkeypatch)
    assert found.verdict is Verdict.SATISFIED, found.because
    # What the harness opened at somebody's desk does not stay open.
    assert not [
        each for each in desk.requests.values() if each.state in ("approved", "active") and not desk.is_over(each)
    ]


class Standing(FakeDesk):
    """Support may read."""

    def why_not(self, who: str, tenant: str, request: str) -> str:
        return ""


class Team(FakeDesk):
    """A grant is the whole team's."""

    def why_not(self, who: str, tenant: str, request: str) -> str:
        asked = self.requests.get(request)
        return super().why_not(asked.asker if asked else who, tenant, request)


class Global(FakeDesk):
    """A grant opens every tenant."""

    def why_not(self, who: str, tenant: str, request: str) -> str:
        asked = self.requests.get(request)
        return super().why_not(who, asked.tenant if asked else tenant, request)


class Sticky(FakeDesk):
    """What was active stays so."""

    def revoke(self, who: str, request: str, asked: Asked, said: Json) -> Json:
        return {"state": "revoked"}


class Pending(FakeDesk):
    """Reads under a request that nobody approved."""

    def why_not(self, who: str, tenant: str, request: str) -> str:
        asked = self.requests.get(request)
        return "" if asked and asked.state in ("requested", "denied") else super().why_not(who, tenant, request)


class Hasty(FakeDesk):
    """Approval is a formality."""

    def check_approved(self, asked: Asked) -> None:
        asked.ends = asked.ends or 2**40


class OwnApproval(FakeDesk):
    """Whoever asks may approve."""

    def may_approve(self, who: str, asked: Asked) -> bool:
        return who == asked.asker or super().may_approve(who, asked)


class Forgiving(FakeDesk):
    """A no is not for ever."""

    def approve(self, who: str, request: str, asked: Asked, said: Json) -> Json:
        asked.state = "requested" if asked.state == "denied" else asked.state
        return super().approve(who, request, asked, said)


class Glancing(FakeDesk):
    """Does not compare what was approved."""

    def check_digest(self, said: str, request: str) -> None:
        return


class Endless(FakeDesk):
    """No clock runs."""

    def is_over(self, asked: Asked) -> bool:
        return False


class Generous(FakeDesk):
    """As long as you like."""

    def cut(self, seconds: int) -> int:
        return seconds


class Later(FakeDesk):
    """Gives far more than was asked for."""

    def approve(self, who: str, request: str, asked: Asked, said: Json) -> Json:
        made = super().approve(who, request, asked, said)
        asked.ends += 3600
        return made


class Factorless(FakeDesk):
    """Does not ask for a second factor."""

    def check_factor(self, who: str, verb: str, request: str, mfa: Json | None) -> None:
        return


class Unsigned(FakeDesk):
    """Asks for an assertion and does not verify it."""

    def is_signed(self, who: str, verb: str, request: str, mfa: Json) -> bool:
        return True


class Replaying(FakeDesk):
    """Keeps challenges."""

    def check_factor(self, who: str, verb: str, request: str, mfa: Json | None) -> None:
        kept = dict(self.requests[request].challenges)
        try:
            super().check_factor(who, verb, request, mfa)
        finally:
            self.requests[request].challenges |= kept


class Untold(FakeDesk):
    """Leaves reads out of the trail."""

    def tell(self, tenant: str, step: str, trace: str) -> None:
        if step != "read":
            super().tell(tenant, step, trace)


class Gossip(FakeDesk):
    """Writes every step to every trail."""

    def tell(self, tenant: str, step: str, trace: str) -> None:
        for each in self.trails:
            super().tell(each, step, trace)


class Silent(FakeDesk):
    """Notifies nobody."""

    def notify(self, tenant: str, request: str) -> None:
        return


class Loud(FakeDesk):
    """Notifies everybody."""

    def notify(self, tenant: str, request: str) -> None:
        for each in self.queues:
            super().notify(each, request)


class Belated(FakeDesk):
    """Notifies after the first read."""

    def notify(self, tenant: str, request: str) -> None:
        return

    def look(self, who: str, tenant: str, record: str, grant: str, trace: str) -> Json:
        found = super().look(who, tenant, record, grant, trace)
        super().notify(tenant, grant)
        return found


@pytest.mark.parametrize(
    ("desk", "check"),
    [
        (Standing, SU_1),
        (Team, SU_1),
        (Global, SU_1),
        (Sticky, SU_1),
        (Pending, SU_2),
        (Hasty, SU_2),
        (OwnApproval, SU_2),
        (Forgiving, SU_2),
        (Glancing, SU_2),
        (Endless, SU_3),
        (Generous, SU_3),
        (Later, SU_3),
        (Factorless, SU_4),
        (Unsigned, SU_4),
        (Replaying, SU_4),
        (Untold, SU_5),
        (Gossip, SU_5),
        (Silent, SU_6),
        (Loud, SU_6),
        (Belated, SU_6),
    ],
)
def test_a_desk_that_forgets_one_guard_is_found(
    desk: type[FakeDesk], check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judged(desk(), check, tmp_path, monkeypatch).verdict is Verdict.NOT_SATISFIED


class Refuser(FakeDesk):
    """Refuses everything in the words of the contract."""

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        return 403, {"error": "GRANT"}


class Broken(FakeDesk):
    """Answers every request with an error that the contract does not have."""

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        return 500, {}


@pytest.mark.parametrize("desk", [Refuser, Broken])
@pytest.mark.parametrize("check", ALL)
def test_a_desk_that_lets_nobody_in_shows_nothing(
    desk: type[FakeDesk], check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judged(desk(), check, tmp_path, monkeypatch).verdict is Verdict.NOT_ASSESSED


class Cutting(FakeDesk):
    """Grants the longest time instead of more."""

    def cut(self, seconds: int) -> int:
        return min(seconds, MOST_SECONDS)


def test_time_that_is_cut_down_to_the_limit_is_not_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    with probing(Cutting(), monkeypatch) as probe:
        seen = probe.overlong(probe.tenants[0])
    assert (seen.outcome, seen.notes) == (REFUSED, ("cut down to 600 s",))


def test_a_case_that_ends_much_later_than_asked_is_read_at_once_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with probing(Later(), monkeypatch) as probe:
        case = probe.brief_case(probe.tenants[0])
        case.legal_path()
        monkeypatch.setattr("tenantproof.probes.support_access.time.sleep", _never)
        assert probe.outlast(case).outcome is PERMITTED


def _never(seconds: float) -> None:
    raise AssertionError(f"slept {seconds} s")


class Closed(FakeDesk):
    """The auditor may not read the queue, or the queue does not answer."""

    said = AwsAnswer(code="AccessDenied")

    def call(self, client: str, operation: str, **arguments: Any) -> AwsAnswer:
        return self.said


def test_a_queue_that_can_not_be_read_holds_neither_a_notice_nor_none(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Closed()
    with probing(desk, monkeypatch) as probe:
        case = probe.case(probe.tenants[0])
        assert probe.told(case, probe.tenants[0]).outcome is UNCLEAR
        desk.said = AwsAnswer(failure="timed out")
        assert probe.told(case, probe.tenants[0]).outcome is UNANSWERED


def test_a_notice_that_the_queue_shows_again_counts_once_and_one_of_another_case_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = FakeDesk()
    with probing(desk, monkeypatch) as probe:
        case, other = probe.case(probe.tenants[0]), probe.case(probe.tenants[0])
        for step in (*case.legal_path(), other.ask()):
            assert step.outcome is PERMITTED
        probe.told(case, probe.tenants[0])
        again = probe.told(case, probe.tenants[0])
        assert (again.outcome, again.response) == (PRESENT, "1 notices name it")
        assert probe.told(other, probe.tenants[0]).outcome is ABSENT


class Quiet(FakeDesk):
    """Says no without a code."""

    def look(self, who: str, tenant: str, record: str, grant: str, trace: str) -> Json:
        raise Refused(404, {})


def test_a_read_that_is_refused_in_other_words_is_not_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    with probing(Quiet(), monkeypatch) as probe:
        assert probe.case(probe.tenants[0]).read().outcome is UNCLEAR


def test_no_token_and_no_canary_stands_in_an_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    with probing(FakeDesk(), monkeypatch) as probe:
        case = probe.case(probe.tenants[0])
        seen = [*case.legal_path(), case.read()]
        assert seen[-1].outcome is PERMITTED
    assert not any(secret in repr(seen) for secret in ("support.support-1", "approver.acme", "cnry-"))
