"""The single faults that a step or a read may have, in words, and what each changes about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenantproof.model.profile import Support
from tenantproof.probes.access_acts import NOBODYS, Act
from tenantproof.probes.access_bodies import needs_factor
from tenantproof.probes.access_cast import Cast, Someone

if TYPE_CHECKING:
    from tenantproof.probes.access_story import Story

BY_ASKER = "by whoever asked"
BY_COLLEAGUE = "by a colleague of whoever asked"
BY_OPPOSITE = "by the tenant's approver"
BY_STRANGER = "by another tenant's approver"
BY_STRANGER_AT_HOME = "by another tenant's approver at its own address"
BY_READER = "by somebody of the tenant who is no approver"
BY_TWIN = "by a second account of whoever asked"
"""All of these leave everything else as it is: the factor is the actor's own where it has one."""

DIGEST_OF_ZEROS = "with a digest of zeros"
DIGEST_OF_ANOTHER = "with the digest of another case"
NO_DIGEST = "without a digest"
CASE_NEVER_MADE = "of a case that was never made"

NO_FACTOR = "without a second factor"
NULL_FACTOR = "with nothing for a second factor"
SIGNED_BY_ANOTHER = "with somebody else's second factor"
SIGNED_FOR_ANOTHER_STEP = "with a second factor for another step"
SIGNED_FOR_ANOTHER_CASE = "with a second factor for another case"
SIGNED_FOR_ANOTHER_DIGEST = "with a second factor for another digest"
CHALLENGE_OF_ANOTHER_CASE = "with a challenge of another case"
CHALLENGE_FOR_ANOTHER_STEP = "with a challenge for another step"
CHALLENGE_OF_ANOTHER_PERSON = "with a challenge of somebody else"
CHALLENGE_NEVER_GIVEN = "with a challenge that nobody gave"
PRESENTED_BEFORE = "with a challenge that was presented before"
FACTOR_FAULTS = (
    NO_FACTOR,
    NULL_FACTOR,
    SIGNED_BY_ANOTHER,
    SIGNED_FOR_ANOTHER_STEP,
    SIGNED_FOR_ANOTHER_CASE,
    SIGNED_FOR_ANOTHER_DIGEST,
    CHALLENGE_OF_ANOTHER_CASE,
    CHALLENGE_FOR_ANOTHER_STEP,
    CHALLENGE_OF_ANOTHER_PERSON,
    CHALLENGE_NEVER_GIVEN,
    PRESENTED_BEFORE,
)
NEED_ANOTHER_CASE = frozenset({SIGNED_FOR_ANOTHER_CASE, CHALLENGE_OF_ANOTHER_CASE})
_OF_ANOTHER_STEP = frozenset({SIGNED_FOR_ANOTHER_STEP, CHALLENGE_FOR_ANOTHER_STEP})

NO_GRANT = "without naming a grant"
LIST_WITHOUT_GRANT = "the listing, without naming a grant"
GRANT_NEVER_MADE = "under a case that was never made"
GRANT_THAT_WAITS = "under another case that waits for its answer"
COLLEAGUES_GRANT = "under the active case of a colleague"
OTHER_TENANTS_GRANT = "under an active case about another tenant"
GRANT_TWICE = "naming two grants"
GRANT_IN_THE_QUERY = "naming its grant in the query alone"
READ_ANOTHER_TENANT = "at another tenant"
LIST_ANOTHER_TENANT = "the listing of another tenant"
OUT_OF_SCOPE = "out of scope: "
"""Before the name of an operation that no scope of a case covers."""
READ_FAULTS = (
    NO_GRANT,
    LIST_WITHOUT_GRANT,
    GRANT_NEVER_MADE,
    GRANT_THAT_WAITS,
    COLLEAGUES_GRANT,
    OTHER_TENANTS_GRANT,
    GRANT_TWICE,
    GRANT_IN_THE_QUERY,
    READ_ANOTHER_TENANT,
    LIST_ANOTHER_TENANT,
    BY_COLLEAGUE,
)
AT_ANOTHER_TENANT = frozenset({BY_STRANGER_AT_HOME, READ_ANOTHER_TENANT, LIST_ANOTHER_TENANT})
_LISTINGS = frozenset({LIST_WITHOUT_GRANT, LIST_ANOTHER_TENANT})


def factor_faults(support: Support, step: str) -> tuple[str, ...]:
    """What can be wrong with the second factor of a step."""
    alone = another_step(step, support) == step
    return tuple(fault for fault in FACTOR_FAULTS if not (alone and fault in _OF_ANOTHER_STEP))


def another_step(step: str, support: Support) -> str:
    """Another step that needs a second factor, or the same one when it is the only one."""
    return next((each for each in support.path if each != step and needs_factor(support, each)), step)


def actor(act: Act, cast: Cast) -> Someone | None:
    """Who acts, where a fault says so."""
    return {
        BY_ASKER: cast.asker,
        BY_COLLEAGUE: cast.colleague,
        BY_OPPOSITE: cast.approver,
        BY_STRANGER: cast.stranger,
        BY_STRANGER_AT_HOME: cast.stranger,
        BY_READER: cast.reader,
        BY_TWIN: cast.twin,
    }.get(act.fault)


def grants(act: Act, story: Story) -> tuple[str, ...]:
    """The grants that a read names in its header."""
    cast = story.cast
    match act.fault:
        case _ if act.fault in (NO_GRANT, LIST_WITHOUT_GRANT, GRANT_IN_THE_QUERY):
            return ()
        case fault if fault == GRANT_NEVER_MADE:
            return (NOBODYS,)
        case fault if fault == GRANT_TWICE:
            return (story.id, NOBODYS)
        case fault if fault == GRANT_THAT_WAITS:
            return (story.aside(cast.support.path[:1]).id,)
        case fault if fault == COLLEAGUES_GRANT:
            return (_closing(story, story.aside(cast.support.path, asker=cast.colleague)),)
        case fault if fault == OTHER_TENANTS_GRANT:
            elsewhere = Cast(cast.target, cast.other, cast.tenant)
            return (_closing(story, story.aside(cast.support.path, cast=elsewhere)),)
    return (story.id,)


def _closing(story: Story, beside: Story) -> str:
    """The id of a case that is to be ended together with the story."""
    story.beside.append(beside)
    return beside.id


def read_operation(act: Act) -> str:
    """The operation of the tenant-facing API that a read is made with."""
    if act.fault.startswith(OUT_OF_SCOPE):
        return act.fault.removeprefix(OUT_OF_SCOPE)
    return "list" if act.fault in _LISTINGS else "read"
