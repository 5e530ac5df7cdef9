"""Asks a target how faithfully it behaves like AWS, in an account that is lent for that and holds nothing."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec
import rfc8785
from botocore.exceptions import ParamValidationError

from tenantproof.clients.aws import AwsAnswer
from tenantproof.clients.redaction import one_line
from tenantproof.clients.target import Target
from tenantproof.model.errors import TargetError
from tenantproof.model.fidelity import Answer, Answers, Json, Scenario, Step
from tenantproof.model.profile import Aws, AwsPrincipal

EXHIBIT = "fidelity.json"
_AT_ONCE = 6
_POLICIES = frozenset({"Policy", "PolicyDocument", "AssumeRolePolicyDocument"})
_NAMED = re.compile(r"\$\{(\w+)\}")
_ALL = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
_MISSING: Any = object()


def ask(target: Target, scenarios: tuple[Scenario, ...]) -> Answers:
    """Ask everything and leave the answers as an exhibit. Nothing is asked where no laboratory is lent."""
    aws = target.profile.aws
    if aws is None:
        return Answers(because="the profile has no [aws]")
    is_genuine = _is_genuine(aws)
    if aws.laboratory is None:
        because = "no facts were asked: the profile lends no aws.laboratory"
        return Answers(because=because, is_genuine=is_genuine)
    with _laboratory(target, aws, aws.laboratory) as room, ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda each: _Course(room, f"{room.run}-{each[0]}").take(each[1]), enumerate(scenarios))
        answers = Answers(answers=tuple(answer for answers in found for answer in answers), is_genuine=is_genuine)
    target.exhibits[EXHIBIT] = rfc8785.dumps(msgspec.to_builtins(answers)) + b"\n"
    return answers


def _is_genuine(aws: Aws) -> bool:
    host = urlsplit(aws.endpoint).hostname or ""
    return not aws.endpoint or host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


@dataclass
class _Room:
    """The laboratory: who acts in it, and the keys that were made there."""

    target: Target
    aws: Aws
    people: Mapping[str, AwsPrincipal]
    run: str
    keys: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, who: str, service: str, operation: str, arguments: Json) -> AwsAnswer:
        """One call as one of the people; a parameter that the client itself refuses is an answer like another."""
        client = self.target.aws.client(service, self.people[who], region=self.aws.region, key="aws.laboratory")
        try:
            answer = self.target.aws.call(client, operation, **arguments)
        except ParamValidationError as error:
            return AwsAnswer(code="ParamValidation", message=one_line(str(error)))
        if (service, operation) == ("kms", "create_key") and answer.is_granted:
            with self.lock:
                self.keys.append(answer.data["KeyMetadata"]["KeyId"])
        return answer


@contextmanager
def _laboratory(target: Target, aws: Aws, root: AwsPrincipal) -> Iterator[_Room]:
    """A user without permissions and one with all of them, for as long as the questions take."""
    target.aws.identify(root, key="aws.laboratory")
    run = f"tenantproof-{secrets.token_hex(4)}"
    room = _Room(target, aws, {"root": root}, run)
    made: dict[str, AwsPrincipal] = {}
    try:
        for name in ("guest", "worker"):
            made[name] = _user(room, f"{run}-{name}", is_worker=name == "worker")
        room.people = {"root": root, **made}
        yield room
    finally:
        for name, person in made.items():
            _remove(room, f"{run}-{name}", person)
        for key in room.keys:
            # The least that AWS allows; a key that is on its way out already stays so.
            room.call("root", "kms", "schedule_key_deletion", {"KeyId": key, "PendingWindowInDays": 7})


def _user(room: _Room, name: str, *, is_worker: bool) -> AwsPrincipal:
    made = room.call("root", "iam", "create_user", {"UserName": name})
    if is_worker:
        all_of_it = {"UserName": name, "PolicyName": "all", "PolicyDocument": _document(_ALL)}
        room.call("root", "iam", "put_user_policy", all_of_it)
    key = room.call("root", "iam", "create_access_key", {"UserName": name})
    if not made.is_granted or not key.is_granted:
        saw = made.failure or made.code or key.failure or key.code
        raise TargetError(f"aws.laboratory may not make the user {name}: {saw}; lend one that administers its account")
    given = key.data["AccessKey"]
    return room.target.aws.adopt(str(made.data["User"]["Arn"]), given["AccessKeyId"], given["SecretAccessKey"])


def _remove(room: _Room, name: str, person: AwsPrincipal) -> None:
    room.call("root", "iam", "delete_access_key", {"UserName": name, "AccessKeyId": person.access_key_id})
    room.call("root", "iam", "delete_user_policy", {"UserName": name, "PolicyName": "all"})
    room.call("root", "iam", "delete_user", {"UserName": name})


class _Course:
    """One scenario on its way through its steps, with the values that they saved."""

    def __init__(self, room: _Room, run: str) -> None:
        root = room.people["root"].arn
        self._room = room
        self._saved: dict[str, Any] = {
            "run": run,
            "region": room.aws.region,
            "account": root.split(":")[4],
            "root": f"arn:aws:iam::{root.split(':')[4]}:root",
            "guest": room.people["guest"].arn,
            "worker": room.people["worker"].arn,
            "worker_name": f"{room.run}-worker",
        }

    def take(self, scenario: Scenario) -> list[Answer]:
        """All steps in order; after one that prepares and fails, those that need what it saved fail too."""
        answers = []
        for step in scenario.steps:
            saw = self._do(step)
            if step.id:
                answers.append(Answer(id=step.id, shows=step.shows, page=scenario.page, held=not saw, saw=saw))
        return answers

    def _do(self, step: Step) -> str:
        """Nothing if the step came out as told, and otherwise what was seen."""
        service, _, operation = step.call.partition(".")
        try:
            arguments = {name: self._filled(name, value) for name, value in step.with_.items()}
            answer = self._room.call(step.as_, service, operation, arguments)
            for name, path in step.saves.items():
                if (value := _at(answer.data, path)) is not _MISSING:
                    self._saved[name] = value
            return self._differs(step, answer)
        except KeyError as error:
            return f"an earlier step gave no {error}"

    def _differs(self, step: Step, answer: AwsAnswer) -> str:
        saw = one_line(answer.failure or answer.code or "success")
        if step.codes:
            return "" if answer.code in step.codes else f"{saw}, documented is {' or '.join(step.codes)}"
        if not answer.is_granted:
            return f"{saw}, documented is success"
        wrong = [path for path, wanted in step.gives.items() if not self._is_so(answer.data, path, wanted)]
        return f"success, but {', '.join(wrong)} is not as documented" if wrong else ""

    def _is_so(self, data: Mapping[str, Any], path: str, wanted: object) -> bool:
        value = _at(data, path.rstrip("#~"))
        if wanted == "!":
            return value is _MISSING
        if value is _MISSING:
            return False
        if path.endswith("#"):
            return len(value) == wanted
        wanted = self._filled("", wanted)
        if path.endswith("~"):
            return str(wanted) in str(value)
        return bool(value) if wanted == "*" else bool(value == wanted)

    def _filled(self, name: str, value: Any) -> Any:  # noqa: ANN401  # an argument of any operation
        """An argument with saved values put in; policies become text."""
        if isinstance(value, dict):
            return {key: self._filled(key, each) for key, each in value.items()}
        if isinstance(value, list):
            filled = [self._filled("", each) for each in value]
            return _document(filled) if name in _POLICIES else filled
        if not isinstance(value, str):
            return value
        if value.startswith("%"):
            return "x" * int(value[1:])
        if value.startswith("$") and not value.startswith("${"):
            saved = self._saved[value[1:].removesuffix("~")]
            return _flipped(saved) if value.endswith("~") else saved
        return _NAMED.sub(lambda found: str(self._saved[found[1]]), value)


def _document(statements: list[Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _flipped(blob: bytes) -> bytes:
    return blob[:-1] + bytes([blob[-1] ^ 1])


def _at(data: object, path: str) -> Any:  # noqa: ANN401  # whatever the operation gives there
    """The part of an answer that a dotted path leads to; the sentinel where it leads nowhere."""
    for part in path.split("."):
        if isinstance(data, Mapping) and part in data:
            data = data[part]
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        else:
            return _MISSING
    return _MISSING if data is None else data
