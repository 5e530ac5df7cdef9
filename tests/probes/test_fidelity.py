"""The ledger of fidelity: what the interpreter of its scenarios calls held; the house's own facts are sound."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.session import get_session

from tenantproof.clients.aws import AwsAnswer
from tenantproof.clients.target import Target
from tenantproof.model.errors import UsageError
from tenantproof.model.fidelity import Answer, Answers, Scenario, Step, load_scenarios
from tenantproof.model.profile import Aws, AwsPrincipal, Secret
from tenantproof.plugin.cards import load_cards
from tenantproof.probes.fidelity import ask

ROOT = Path(__file__).resolve().parents[2]
FACTS = load_scenarios(ROOT / "fixtures/fidelity")
Json = dict[str, Any]
"""Arguments or answers of an operation."""


def someone(name: str) -> AwsPrincipal:
    return AwsPrincipal(arn=f"arn:aws:iam::900000000001:{name}", access_key_id=name, secret_access_key=Secret(env="X"))


class Laboratory:
    """An AWS that makes users and keys, and answers everything else as it is told."""

    def __init__(self, *told: AwsAnswer) -> None:
        self.told = list(told)
        self.asked: list[tuple[str, str, Json]] = []
        self._lock = threading.Lock()

    def identify(self, principal: AwsPrincipal, *, key: str = "") -> str:
        return principal.arn

    def adopt(self, arn: str, access_key_id: str, secret: str) -> AwsPrincipal:
        return AwsPrincipal(arn=arn, access_key_id=access_key_id, secret_access_key=Secret())

    def client(self, service: str, principal: AwsPrincipal, *, region: str = "", key: str = "") -> tuple[str, str]:
        return service, principal.arn

    def call(self, client: tuple[str, str], operation: str, **arguments: Any) -> AwsAnswer:
        with self._lock:
            self.asked.append((client[1], operation, arguments))
        match operation:
            case "create_user":
                return AwsAnswer(data={"User": {"Arn": f"arn:aws:iam::900000000001:user/{arguments['UserName']}"}})
            case "create_access_key":
                made = {"AccessKeyId": arguments["UserName"], "SecretAccessKey": "secret"}
                return AwsAnswer(data={"AccessKey": made})
            case "create_key":
                return AwsAnswer(data={"KeyMetadata": {"KeyId": "k", "Arn": "arn:k"}})
        if operation.startswith(("put_user", "delete_", "schedule_")):
            return AwsAnswer()
        return self.told.pop(0)


def target(laboratory: Laboratory, *, endpoint: str = "http://127.0.0.1:1", is_lent: bool = True) -> Target:
    lent = someone("root") if is_lent else None
    aws = Aws(endpoint=endpoint, region="us-east-1", workload=someone("user/w"), laboratory=lent)
    return cast("Target", SimpleNamespace(profile=SimpleNamespace(aws=aws), aws=laboratory, exhibits={}))


def made(*steps: Step, told: tuple[AwsAnswer, ...]) -> tuple[list[bool], Laboratory]:
    laboratory = Laboratory(*told)
    answers = ask(target(laboratory), (Scenario(page="https://docs.aws.amazon.com/", steps=steps),))
    return [answer.held for answer in answers.answers], laboratory


def step(**more: Any) -> Step:
    return Step(call="kms.encrypt", id="x", **more)


@pytest.mark.parametrize(
    ("wanted", "told", "held"),
    [
        ({}, AwsAnswer(data={}), True),
        ({}, AwsAnswer(code="DisabledException"), False),
        ({}, AwsAnswer(failure="timeout"), False),
        ({"fails": "DisabledException"}, AwsAnswer(code="DisabledException"), True),
        ({"fails": ("A", "B")}, AwsAnswer(code="B"), True),
        ({"fails": "DisabledException"}, AwsAnswer(code="AccessDenied"), False),
        ({"fails": "DisabledException"}, AwsAnswer(data={}), False),
        ({"fails": "DisabledException"}, AwsAnswer(failure="timeout"), False),
        ({"gives": {"a.0.b": 1}}, AwsAnswer(data={"a": [{"b": 1}]}), True),
        ({"gives": {"a.0.b": 1}}, AwsAnswer(data={"a": []}), False),
        ({"gives": {"a": "*"}}, AwsAnswer(data={"a": "something"}), True),
        ({"gives": {"a": "*"}}, AwsAnswer(data={"a": ""}), False),
        ({"gives": {"a": "!"}}, AwsAnswer(data={}), True),
        ({"gives": {"a": "!"}}, AwsAnswer(data={"a": 1}), False),
        ({"gives": {"a#": 2}}, AwsAnswer(data={"a": [1, 2]}), True),
        ({"gives": {"a#": 2}}, AwsAnswer(data={"a": [1]}), False),
        ({"gives": {"a~": "${account}"}}, AwsAnswer(data={"a": "arn:900000000001:x"}), True),
        ({"gives": {"a~": "b"}}, AwsAnswer(data={"a": "c"}), False),
    ],
)
def test_a_fact_holds_exactly_if_the_call_comes_out_as_told(wanted: Json, told: AwsAnswer, held: bool) -> None:
    assert made(step(**wanted), told=(told,))[0] == [held]


def test_what_a_step_saves_the_next_one_uses_flipped_where_it_says_so() -> None:
    first = Step(call="kms.encrypt", saves={"blob": "CiphertextBlob"})
    second = step(as_="guest", with_={"CiphertextBlob": "$blob~", "Name": "a-${run}", "Policy": [{"Effect": "Allow"}]})
    held, laboratory = made(first, second, told=(AwsAnswer(data={"CiphertextBlob": b"ab"}), AwsAnswer()))
    assert held == [True]
    who, _, arguments = next(asked for asked in laboratory.asked if "CiphertextBlob" in asked[2])
    assert who.endswith("-guest")
    assert arguments["CiphertextBlob"] == b"ac"
    assert arguments["Name"].startswith("a-tenantproof-")
    assert arguments["Policy"].startswith('{"Version": "2012-10-17"')


def test_a_fact_whose_preparation_failed_does_not_hold() -> None:
    first = Step(call="kms.encrypt", saves={"blob": "CiphertextBlob"})
    held, _ = made(first, step(with_={"CiphertextBlob": "$blob"}), told=(AwsAnswer(code="X"),))
    assert held == [False]


def test_whatever_was_made_is_taken_away_again() -> None:
    _, laboratory = made(Step(call="kms.create_key"), step(), told=(AwsAnswer(),))
    operations = [operation for _, operation, _ in laboratory.asked]
    assert operations.count("delete_user") == operations.count("create_user") == 2
    assert operations.count("delete_access_key") == 2
    assert operations[-1] == "schedule_key_deletion"


def test_without_a_laboratory_nothing_is_asked_and_only_aws_itself_is_taken_at_its_word() -> None:
    laboratory = Laboratory()
    emulator = ask(target(laboratory, is_lent=False), FACTS)
    genuine = ask(target(laboratory, is_lent=False, endpoint=""), FACTS)
    lookalike = ask(target(laboratory, is_lent=False, endpoint="https://amazonaws.com.evil.example"), FACTS)
    assert not laboratory.asked
    assert emulator.unmet(("kms.tamper",)) == lookalike.unmet(("kms.tamper",)) == ("kms.tamper",)
    assert genuine.unmet(("kms.tamper",)) == ()
    assert emulator.unmet(()) == ()


def test_aws_itself_is_not_taken_at_its_word_where_it_was_asked() -> None:
    said = Answers(answers=(Answer(id="a", shows="", page="", held=False),), is_genuine=True)
    assert said.unmet(("a",)) == ("a",)


def test_every_fact_of_the_house_has_a_sentence_a_page_and_a_call_that_exists() -> None:
    session = get_session()
    models = {
        name: session.get_service_model(name) for name in {s.call.partition(".")[0] for f in FACTS for s in f.steps}
    }
    facts = [one for scenario in FACTS for one in scenario.steps if one.id]
    assert len(facts) >= 100
    assert len({one.id for one in facts}) == len(facts)
    for scenario in FACTS:
        assert scenario.page.startswith("https://docs.aws.amazon.com/")
        for one in scenario.steps:
            service, _, operation = one.call.partition(".")
            names = {"".join(part.capitalize() for part in operation.split("_")).lower()}
            assert names & {name.lower() for name in models[service].operation_names}, one.call
            assert bool(one.id) == bool(one.shows), one


def test_every_fact_that_a_claim_rests_on_is_asked() -> None:
    asked = {one.id for scenario in FACTS for one in scenario.steps}
    cards = load_cards(ROOT / "checks")
    assert {fact for card in cards.values() for fact in card.rests_on} <= asked
    assert cards["KE-3"].rests_on


def test_a_fact_that_stands_twice_or_can_not_be_read_is_an_error(tmp_path: Path) -> None:
    text = '[[scenario]]\npage = "p"\nsteps = [{ id = "a", call = "kms.x" }, { id = "a", call = "kms.y" }]\n'
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(UsageError, match="stand twice"):
        load_scenarios(tmp_path)
    (tmp_path / "a.toml").write_text('[[scenario]]\npage = "p"\nsteps = [{ cal = "kms.x" }]\n')
    with pytest.raises(UsageError, match=r"a\.toml"):
        load_scenarios(tmp_path)
