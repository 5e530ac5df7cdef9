"""`tenantproof keys`: questions about keys on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tenantproof.cli import main
from tenantproof.cli.keys import facts_schema

KEY = "arn:aws:kms:us-west-2:111122223333:key/1"
ROLE = "arn:aws:iam::111122223333:role/app"
BOUND = {"StringEquals": {"kms:EncryptionContext:tenant": "acme"}}
FACTS: dict[str, Any] = {
    "schema": "tenantproof.key-facts/1",
    "principals": [{"arn": ROLE}, {"arn": f"{ROLE}-2"}],
    "keys": [
        {
            "arn": KEY,
            "policy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "Use",
                        "Effect": "Allow",
                        "Principal": {"AWS": ROLE},
                        "Action": "kms:Decrypt",
                        "Resource": "*",
                        "Condition": BOUND,
                    }
                ],
            },
        }
    ],
}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(FACTS))
    return path


def keys(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["keys", *arguments])
    return int(ended.value.code or 0)


def explain(facts: Path, *more: str, action: str = "kms:Decrypt") -> int:
    return keys("explain", "--facts", str(facts), "--principal", ROLE, "--action", action, *more)


def test_an_answer_is_an_exit_code_and_names_the_statement(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(facts, "--context", "kms:EncryptionContext:tenant=acme") == 0
    assert "ALLOW allowed by key policy[Use]" in capsys.readouterr().out
    assert explain(facts, "--context", "kms:EncryptionContext:tenant=globex") == 1
    assert explain(facts, "--absent", "kms:EncryptionContext") == 1
    assert explain(facts) == 3
    assert "UNKNOWN can't be told: key policy[Use]" in capsys.readouterr().out


def test_the_answer_as_json_has_the_path(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(facts, "--json", action="kms:Encrypt") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] == "DENY"
    assert {"asked": "key policy", "says": "does not allow", "by": ""} in told["path"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--context", "novalue"), "no KEY=VALUE"),
        (("--context", "a=b", "--absent", "a"), "contradicts"),
        (("--context", "kms:EncryptionContext:a=b", "--absent", "kms:EncryptionContext"), "contradicts"),
    ],
)
def test_a_wrong_question_is_an_error(
    more: tuple[str, ...], says: str, facts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(facts, *more) == 2
    assert says in capsys.readouterr().err


def test_wrong_facts_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(tmp_path / "none.json") == 2
    (tmp_path / "two.json").write_text(json.dumps(FACTS | {"keys": []}))
    assert explain(tmp_path / "two.json") == 2
    assert "--resource" in capsys.readouterr().err


def test_escalation_lists_ways(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert keys("escalate", "--facts", str(facts), "--principal", ROLE) == 1
    assert "perhaps  kms:Decrypt" in capsys.readouterr().out
    assert keys("escalate", "--facts", str(facts), "--principal", ROLE + "-2") == 0


def test_the_schema_in_the_house_is_the_one_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert keys("schema") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((ROOT / "fixtures/contract/key-facts.schema.json").read_text())
    assert jsonschema_rs.validator_for(facts_schema()).is_valid(FACTS)


def test_the_facts_in_the_documentation_are_facts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs/keys.md").read_text()
    example = text.split("```json\n", 1)[1].split("```", 1)[0]
    assert jsonschema_rs.validator_for(facts_schema()).is_valid(json.loads(example))
    (tmp_path / "facts.json").write_text(example)
    principal = "arn:aws:iam::700000000001:role/workload"
    asked = ["--facts", str(tmp_path / "facts.json"), "--principal", principal, "--action", "kms:Decrypt"]
    assert keys("explain", *asked, "--context", "kms:EncryptionContext:tenant=acme") == 0
    assert "ALLOW" in capsys.readouterr().out
