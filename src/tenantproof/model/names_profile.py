"""The profile's [[names]]: questions that are asked by a name, such as a login, an invitation or something to be made.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tenantproof.model import profile
from tenantproof.model.toml_lines import KeyPath

_Text = Annotated[str, Meta(min_length=1)]


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operation that is sent `body`, in which {name} stands for a name: one that is known, or one of nobody.

    `known` has a name of each tenant, by the tenant's id: of somebody, or of something that it has. It is asked by the
    principal `principal`, or, if that is empty, by nobody in particular; {secret} in the body stands for a random text,
    and in one's own question, where `secrets` has one, for the right one. What a question makes is taken back by
    `remove`, with {id}, which stands in the answer's member `member`.
    """

    what: _Text
    """What it is, in one word, such as "login"."""
    operation: profile.Operation
    known: dict[str, _Text]
    principal: str = ""
    body: dict[str, Any] = {}  # JSON
    form: bool = False
    """Whether the body is a form (application/x-www-form-urlencoded); else it is JSON."""
    secrets: dict[str, profile.Secret] = {}
    unique: Literal["", "tenant", "global"] = ""
    """Within what a name is given only once. "global": a contract that everybody knows; who has it stays untold."""
    remove: profile.Operation | None = None
    member: str = "id"
    varying: tuple[str, ...] = ()
    """Further members of an answer that are new every time, besides `member`."""
    timed: bool = False
    """Whether answers are timed too, which takes some 30 to 300 questions by a known name; do none of them lock it."""


def review(questions: tuple[Question, ...], tenants: Container[str]) -> Iterator[tuple[KeyPath, str]]:
    """Each key whose value can't be meant, and what to do about it."""
    for index, question in enumerate(questions):
        at: KeyPath = ("names", index)
        if unknown := sorted(each for each in question.known if each not in tenants):
            yield (*at, "known"), f"no tenant {unknown[0]!r} in the profile; give a name of each of [[tenants]]"
        if len(question.known) < 2:  # one who asks, and one who is asked about
            yield (*at, "known"), "has names of fewer than two tenants; give one of each"
        if "{name}" not in str(question.body) + question.operation.path:
            yield (*at, "body"), "nothing in it stands for the name; write {name} where it goes"
        if question.unique and not question.principal:
            yield (*at, "principal"), "who makes it? name the principal of each tenant that may"
        if question.timed and (question.remove or question.unique):
            yield (*at, "timed"), "what makes something can't be asked that often; take it out"
        for tenant, secret in question.secrets.items():
            if bool(secret.env) == bool(secret.file):
                yield (*at, "secrets", tenant), 'name exactly one of "env" and "file", where the secret is'
