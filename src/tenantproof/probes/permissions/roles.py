"""Roles and their paths: the ARN of a role's session leaves out the path that the ARN of the role has."""

from __future__ import annotations

import re

from tenantproof.probes.permissions.truth import Truth

_ROLE = re.compile(r"(arn:aws[\w-]*:iam::\d{12}:role/)(?:[^*?]*/)?([^/*?]+)")
_WILD = frozenset("*?$")


def pathless(arn: str) -> str:
    """A role's ARN without its path; whatever is no role's ARN, as it is. A role's name is unique in its account."""
    role = _ROLE.fullmatch(arn)
    return role[1] + role[2] if role else arn


def may_name(text: str, role: str) -> Truth:
    """Whether a policy's text that does not match the pathless ARN of a role may match it with its path.

    None with a wildcard or a variable, for then the path, which nobody told us, decides.
    """
    if ":role/" in text and _WILD & set(text):
        return None
    return pathless(text) == role
