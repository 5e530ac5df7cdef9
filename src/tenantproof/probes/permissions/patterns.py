"""Text with wildcards and policy variables, matched three-valued."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from tenantproof.probes.permissions.context import Context
from tenantproof.probes.permissions.truth import Truth

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_DEFAULT = re.compile(r"^\s*([^,]+?)\s*(?:,\s*'([^']*)')?\s*$")
_ARN_COLONS = 5


class Style(StrEnum):
    """How `*` and `?` are read: not at all, across everything, or within one of an ARN's six parts."""

    EXACT = "exact"
    LIKE = "like"
    ARN = "arn"


def matches(text: str, value: str, style: Style, context: Context | None = None, *, ignore_case: bool = False) -> Truth:
    """Whether `value` matches the policy's `text`. Without a context, `${…}` is read as it stands."""
    if context is None or "${" not in text:
        return _plain(text, style, ignore_case).fullmatch(value) is not None
    pattern, exact = _expanded(text, style, context)
    if pattern is None:
        return False
    hit = re.fullmatch(pattern, value, _flags(ignore_case)) is not None
    return hit if exact or not hit else None


@lru_cache(maxsize=16384)
def _plain(text: str, style: Style, ignore_case: bool) -> re.Pattern[str]:  # a cache key
    return re.compile(_source(text, style, 0)[0], _flags(ignore_case))


def _flags(ignore_case: bool) -> int:
    return re.DOTALL | (re.IGNORECASE if ignore_case else 0)


def _source(text: str, style: Style, colons: int) -> tuple[str, int]:
    """The regular expression of a piece of text, and how many colons there have been up to its end."""
    parts = []
    for character in text:
        colons += character == ":"
        within = "[^:]" if style is Style.ARN and colons < _ARN_COLONS else "."
        wild = {"*": within + "*", "?": within}
        parts.append(re.escape(character) if style is Style.EXACT else wild.get(character) or re.escape(character))
    return "".join(parts), colons


def _expanded(text: str, style: Style, context: Context) -> tuple[str | None, bool]:
    """The regular expression with variables put in, and whether all were known. None: one has no value at all.

    A variable without a value equals nothing (IAM, "Policy elements: Variables and tags").
    """
    pattern, exact, colons, end = "", True, 0, 0
    for variable in _VARIABLE.finditer(text):
        literal, colons = _source(text[end : variable.start()], style, colons)
        value, known = _resolve(variable.group(1), context)
        if known and value is None:
            return None, True
        exact = exact and known
        pattern += literal + (".*" if value is None else re.escape(value))
        colons += (value or "").count(":")
        end = variable.end()
    return pattern + _source(text[end:], style, colons)[0], exact


def _resolve(name: str, context: Context) -> tuple[str | None, bool]:
    """A variable's value and whether that is all there is to know; several values are as good as none known."""
    if name in ("*", "?", "$"):
        return name, True
    parts = _DEFAULT.match(name)
    if parts is None:
        return None, False
    values = context.lookup(parts.group(1))
    if values == ():
        return parts.group(2), True
    return (values[0], True) if values is not None and len(values) == 1 else (None, False)
