"""The checks of tenants' keys are satisfied by keys that are as the vendor says, and by none that are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks import per_tenant_keys as checks
from tenantproof.clients.aws import AwsAnswer
from tenantproof.clients.target import Target
from tenantproof.judge.conclude import finding
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.errors import TargetError
from tenantproof.model.outcome import ABSENT, PERMITTED, REFUSED
from tenantproof.model.profile import AwsPrincipal
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.per_tenant_keys import TenantKeys
from tests.probes.fake_keys import ACCOUNTS, KEYS, ROLE, VENDOR, WORKLOAD, FakeKeys, Lent, Said, target_of

OWN = checks.check_every_tenant_has_a_key_of_its_own
PAPER = checks.check_the_workload_holds_two_actions_on_paper
LIVE = checks.check_the_workload_is_refused_everything_else_live
ROTATION = checks.check_every_key_is_rotated_yearly
Check = Callable[[TenantKeys, Ledger], None]
HARMFUL = ["put_key_policy", "disable_key_rotation", "disable_key", "schedule_key_deletion"]


def judged(keys: FakeKeys, check: Check, folder: Path, target: Target | None = None) -> Finding:
    with closing(Journal.create(folder / "journal.sqlite", {})) as journal:
        check(TenantKeys(target or target_of(keys)), Ledger(journal, "check", "KE-0"))
        return finding("KE-0", "check", journal.tally("check"))


class Everything(FakeKeys):
    """The workload got kms:* for the time of the launch."""

    def statements(self, tenant: str) -> list[Said]:
        first, second = super().statements(tenant)
        return [first, second | {"Action": "kms:*"}]


class Deletion(FakeKeys):
    """One tenant's policy lets the workload schedule the key's deletion."""

    def statements(self, tenant: str) -> list[Said]:
        deletion = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}
        return [*super().statements(tenant), *([deletion] if tenant == "globex" else [])]


class Delegation(FakeKeys):
    """The policy leaves it to the vendor's own account who may do what."""

    def statements(self, tenant: str) -> list[Said]:
        root = {"AWS": f"arn:aws:iam::{VENDOR}:root"}
        return [
            *super().statements(tenant),
            {"Effect": "Allow", "Principal": root, "Action": "kms:CreateGrant", "Resource": "*"},
        ]


class LateGrant(FakeKeys):
    """Everything is well on the first page of the grants."""

    def grants(self, tenant: str, marker: str) -> Said:
        more = {"GrantId": "g9", "GranteePrincipal": ROLE, "Operations": ["ReEncryptFrom"]}
        return (
            {"Grants": [more], "Truncated": False} if marker else {"Grants": [], "Truncated": True, "NextMarker": "2"}
        )


class GrantsWithoutEnd(FakeKeys):
    """Every page names another one."""

    def grants(self, tenant: str, marker: str) -> Said:
        return {"Grants": [], "Truncated": True, "NextMarker": "again"}


class Closed(FakeKeys):
    """The auditor may not read the policy."""

    def auditor(self, tenant: str, operation: str, arguments: Mapping[str, Any]) -> AwsAnswer:
        refused = AwsAnswer(code="AccessDeniedException")
        return refused if operation == "get_key_policy" else super().auditor(tenant, operation, arguments)


class Garbled(FakeKeys):
    """What is read is no policy."""

    def policy(self, tenant: str) -> str:
        return "<html>"


class Idle(FakeKeys):
    """The workload holds nothing at all."""

    def statements(self, tenant: str) -> list[Said]:
        return super().statements(tenant)[:1]


@pytest.mark.parametrize("check", [OWN, PAPER, LIVE, ROTATION])
def test_keys_that_are_as_the_vendor_says_satisfy_every_check(check: Check, tmp_path: Path) -> None:
    found = judged(FakeKeys(), check, tmp_path)
    assert found.verdict is Verdict.SATISFIED, found.because


@pytest.mark.parametrize(
    ("keys", "verdict", "because"),
    [
        (Everything, Verdict.NOT_SATISFIED, "can't be ruled out: key policy[1]"),
        (Deletion, Verdict.NOT_SATISFIED, "globex's key gives the workload kms:ScheduleKeyDeletion: present"),
        (Delegation, Verdict.NOT_SATISFIED, "can't be ruled out: key policy[2]"),
        (LateGrant, Verdict.NOT_SATISFIED, "allowed by grant g9"),
        (GrantsWithoutEnd, Verdict.NOT_ASSESSED, "does not come to an end"),
        (Closed, Verdict.NOT_ASSESSED, "AccessDeniedException"),
        (Garbled, Verdict.NOT_SATISFIED, "malformed"),
        (Idle, Verdict.NOT_ASSESSED, "calibration"),
    ],
)
def test_what_the_paper_gives_is_what_counts(
    keys: type[FakeKeys], verdict: Verdict, because: str, tmp_path: Path
) -> None:
    found = judged(keys(), PAPER, tmp_path)
    assert (found.verdict, because in found.because) == (verdict, True), found.because


def test_every_action_on_every_key_is_one_of_the_population(tmp_path: Path) -> None:
    found = judged(FakeKeys(), PAPER, tmp_path)
    assert found.tried == found.units == found.trials >= 3 * 50


class Lenient(FakeKeys):
    """Says one thing on paper and lets one call through; keeps what was done to the keys."""

    operation, answer = "disable_key", AwsAnswer()

    def workload(self, tenant: str, operation: str, arguments: Mapping[str, Any]) -> AwsAnswer:
        return self.answer if operation == self.operation else super().workload(tenant, operation, arguments)


@pytest.mark.parametrize("operation", ["encrypt", "re_encrypt", "create_grant", "get_key_policy", *HARMFUL])
def test_one_call_that_goes_through_is_enough(operation: str, tmp_path: Path) -> None:
    keys = Lenient()
    keys.operation = operation
    found = judged(keys, LIVE, tmp_path)
    assert found.verdict is Verdict.NOT_SATISFIED
    assert f"calls {operation}" in found.because


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (AwsAnswer(code="DryRunOperationException"), Verdict.NOT_SATISFIED),
        (AwsAnswer(code="KMSInternalException"), Verdict.NOT_SATISFIED),
        (AwsAnswer(failure="timed out"), Verdict.NOT_ASSESSED),
    ],
    ids=["rehearsed", "some other error", "unanswered"],
)
def test_only_a_refusal_in_the_words_of_aws_is_one(answer: AwsAnswer, verdict: Verdict, tmp_path: Path) -> None:
    keys = Lenient()
    keys.operation, keys.answer = "encrypt", answer
    assert judged(keys, LIVE, tmp_path).verdict is verdict


class NeverMind(FakeKeys):
    """Takes no notice of the encryption context."""

    def workload(self, tenant: str, operation: str, arguments: Mapping[str, Any]) -> AwsAnswer:
        if operation == "generate_data_key":
            context = arguments["EncryptionContext"]
            return super().workload(context["tenant"], operation, arguments)
        return super().workload(tenant, operation, arguments)


def test_a_key_that_serves_another_tenants_context_is_refuted(tmp_path: Path) -> None:
    found = judged(NeverMind(), LIVE, tmp_path)
    assert found.verdict is Verdict.NOT_SATISFIED
    assert "encryption context" in found.because


def test_a_workload_that_can_do_nothing_shows_nothing(tmp_path: Path) -> None:
    keys = Lenient()
    keys.operation, keys.answer = "decrypt", AwsAnswer(code="AccessDeniedException")
    assert judged(keys, LIVE, tmp_path).verdict is Verdict.NOT_ASSESSED


def test_what_goes_through_by_surprise_is_taken_back_at_once_and_nothing_worse_is_tried() -> None:
    keys = Lenient()
    probe = TenantKeys(target_of(keys))
    seen = probe.live(probe.tenants[0])
    done = keys.by_workload()
    assert seen[-1].outcome is PERMITTED
    assert seen[-1].notes == ("NOT taken back: enable_key was refused; call it on " + KEYS["acme"] + " by hand",)
    assert done[done.index("disable_key") + 1 :] == ["enable_key"]
    assert keys.called[-1][:2] == ("arn:aws:iam::100000000001:user/auditor", "enable_key")


def test_a_grant_that_was_only_to_be_rehearsed_is_revoked() -> None:
    keys = Lenient()
    keys.operation, keys.answer = "create_grant", AwsAnswer(data={"GrantId": "made"})
    probe = TenantKeys(target_of(keys))
    probe.live(probe.tenants[0])
    assert (WORKLOAD, "revoke_grant", {"KeyId": KEYS["acme"], "GrantId": "made"}) in keys.called


def test_what_rehearsal_promises_is_not_taken_back() -> None:
    keys = Lenient()
    keys.operation, keys.answer = "create_grant", AwsAnswer(code="DryRunOperationException")
    probe = TenantKeys(target_of(keys))
    assert PERMITTED in {each.outcome for each in probe.live(probe.tenants[0])}
    assert keys.by_workload().count("revoke_grant") == 1


def test_the_sound_key_meets_every_harmful_call_with_a_refusal() -> None:
    keys = FakeKeys()
    probe = TenantKeys(target_of(keys))
    seen = probe.live(probe.tenants[0])
    assert {each.outcome for each in seen} == {REFUSED}
    assert keys.by_workload()[-len(HARMFUL) :] == HARMFUL


class Disabled(FakeKeys):
    """The tenant has put its key out of use."""

    def metadata(self, tenant: str) -> Said:
        return super().metadata(tenant) | {"KeyState": "Disabled"}


@pytest.mark.parametrize("keys", [Everything, Closed, Garbled, GrantsWithoutEnd, Disabled])
def test_no_harmful_call_is_made_that_the_paper_does_not_deny(keys: type[FakeKeys]) -> None:
    made = keys()
    probe = TenantKeys(target_of(made))
    probe.live(probe.tenants[0])
    tried = set(made.by_workload()) & set(HARMFUL)
    # With the encryption context as a condition, kms:* gives none of the four: they take no context.
    assert tried == (set(HARMFUL) if keys is Everything else set())


def test_a_call_that_the_paper_gives_is_not_tried_while_the_others_are() -> None:
    keys = Deletion()
    probe = TenantKeys(target_of(keys))
    probe.live(next(tenant for tenant in probe.tenants if tenant.id == "globex"))
    assert set(keys.by_workload()) & set(HARMFUL) == set(HARMFUL) - {"schedule_key_deletion"}


@pytest.mark.parametrize(
    "lent", [Lent(disposable=False), Lent(disposable_keys=False), Lent(allow_destructive=False)], ids=repr
)
def test_no_harmful_call_is_made_unless_everything_allows_it(lent: Lent) -> None:
    keys = FakeKeys()
    probe = TenantKeys(target_of(keys, lent))
    assert probe.live(probe.tenants[0])
    assert not set(keys.by_workload()) & set(HARMFUL)


def test_what_the_profile_says_the_workload_holds_is_not_expected_to_be_refused() -> None:
    keys = FakeKeys()
    probe = TenantKeys(target_of(keys, Lent(allowed=("kms:DescribeKey", "kms:ReEncryptFrom"))))
    probe.live(probe.tenants[0])
    assert "describe_key" not in keys.by_workload()
    assert "re_encrypt" in keys.by_workload(), "it needs ReEncryptTo as well"
    assert "kms:DescribeKey" not in probe.forbidden


def test_every_call_that_may_be_rehearsed_is_and_carries_the_tenants_context() -> None:
    keys = FakeKeys()
    probe = TenantKeys(target_of(keys, Lent(disposable=False)))
    probe.live(probe.tenants[0])
    rehearsed = {operation: arguments for _, operation, arguments in keys.called if arguments.get("DryRun")}
    assert {"encrypt", "create_grant", "re_encrypt", "generate_data_key_pair"} <= rehearsed.keys()
    assert rehearsed["encrypt"]["EncryptionContext"] == {"tenant": "acme"}


def test_who_the_credentials_belong_to_is_asked_before_anything_else() -> None:
    keys = FakeKeys()
    probe = TenantKeys(target_of(keys))
    probe.could_hold(probe.tenants[0], "kms:Encrypt")
    assert [operation for _, operation, _ in keys.called[:2]] == ["get_caller_identity"] * 2


class Impostor(FakeKeys):
    """The credentials are somebody else's."""

    def identify(self, principal: AwsPrincipal, *, key: str = "") -> str:
        raise TargetError(f"{key} are somebody else's")


def test_nothing_is_tried_with_somebody_elses_credentials() -> None:
    keys = Impostor()
    with pytest.raises(TargetError):
        TenantKeys(target_of(keys))
    assert not keys.called


class Shared(FakeKeys):
    """Two tenants have one key."""

    def keys(self) -> dict[str, str]:
        return {**KEYS, "acme-eu": KEYS["acme"]}


class Replicated(FakeKeys):
    """Two tenants have replicas of one key, each in its own account."""

    def keys(self) -> dict[str, str]:
        ident = KEYS["acme"].rpartition("/")[2]
        return {**KEYS, "acme-eu": f"{KEYS['acme-eu'].rpartition('/')[0]}/{ident}"}

    def metadata(self, tenant: str) -> Said:
        return super().metadata(tenant) | {"Arn": self.keys()[tenant]}


class Elsewhere(FakeKeys):
    """One key lies in an account that is not the tenant's."""

    def keys(self) -> dict[str, str]:
        return {**KEYS, "globex": KEYS["globex"].replace("100000000003", "100000000009")}

    def metadata(self, tenant: str) -> Said:
        return super().metadata(tenant) | {"Arn": self.keys()[tenant]}


class Vendors(Elsewhere):
    """One key lies in the vendor's account, which the profile calls the tenant's."""

    def keys(self) -> dict[str, str]:
        return {**KEYS, "globex": KEYS["globex"].replace("100000000003", VENDOR)}

    def accounts(self) -> dict[str, str]:
        return {**ACCOUNTS, "globex": VENDOR}


class Managed(FakeKeys):
    """One key is AWS's."""

    def metadata(self, tenant: str) -> Said:
        return super().metadata(tenant) | ({"KeyManager": "AWS"} if tenant == "globex" else {})


@pytest.mark.parametrize("keys", [Shared, Replicated, Elsewhere, Vendors, Managed])
def test_a_key_that_is_not_the_tenants_own_is_found(keys: type[FakeKeys], tmp_path: Path) -> None:
    assert judged(keys(), OWN, tmp_path).verdict is Verdict.NOT_SATISFIED


def test_a_key_that_can_not_be_read_is_nobodys_for_certain(tmp_path: Path) -> None:
    assert judged(Closed(), OWN, tmp_path).verdict is Verdict.NOT_ASSESSED


class Rotated(FakeKeys):
    """A key with an age, a period and rotations, all in days."""

    enabled, age, period = True, 0, 365
    ago: tuple[int, ...] = ()

    def metadata(self, tenant: str) -> Said:
        return super().metadata(tenant) | {"CreationDate": datetime.now(UTC) - timedelta(days=self.age)}

    def rotation(self, tenant: str) -> Said:
        return {"KeyRotationEnabled": self.enabled, "RotationPeriodInDays": self.period}

    def rotations(self, tenant: str) -> Said:
        return {"Rotations": [{"RotationDate": datetime.now(UTC) - timedelta(days=days)} for days in self.ago]}


@pytest.mark.parametrize(
    ("enabled", "age", "period", "ago", "verdict"),
    [
        (True, 0, 365, (), Verdict.SATISFIED),
        (True, 0, 90, (), Verdict.SATISFIED),
        (True, 0, 366, (), Verdict.NOT_SATISFIED),
        (False, 0, 365, (), Verdict.NOT_SATISFIED),
        (True, 0, None, (), Verdict.NOT_SATISFIED),
        (True, 800, 365, (430, 65), Verdict.SATISFIED),
        (True, 800, 365, (430,), Verdict.NOT_SATISFIED),
        (True, 800, 365, (), Verdict.NOT_SATISFIED),
        (True, 100, 90, (9,), Verdict.SATISFIED),
    ],
)
def test_a_key_is_rotated_when_it_is_due_and_was_when_it_was(
    enabled: bool, age: int, period: int, ago: tuple[int, ...], verdict: Verdict, tmp_path: Path
) -> None:
    keys = Rotated()
    vars(keys).update(enabled=enabled, age=age, period=period, ago=ago)
    assert judged(keys, ROTATION, tmp_path).verdict is verdict


class Mute(Rotated):
    """Does not say when it was rotated."""

    age = 800

    def rotations(self, tenant: str) -> Said:
        return {}


def test_rotations_that_nobody_tells_of_are_not_assessed(tmp_path: Path) -> None:
    assert judged(Mute(), ROTATION, tmp_path).verdict is Verdict.NOT_ASSESSED


def test_no_secret_and_no_plaintext_stands_in_an_observation() -> None:
    probe = TenantKeys(target_of(FakeKeys()))
    seen = [probe.round_trip(probe.tenants[0]), *probe.live(probe.tenants[0])]
    assert "secret" not in repr(seen)
    assert probe.could_hold(probe.tenants[0], "kms:Encrypt").outcome is ABSENT
