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
    tokens, has_value, exact = _expanded(text, style, context)
    if not has_value:
        return False
    hit = re.fullmatch(_assembled(tokens), value, _flags(ignore_case)) is not None
    return hit if exact or not hit else None


@lru_cache(maxsize=16384)
def _plain(text: str, style: Style, ignore_case: bool) -> re.Pattern[str]:  # a cache key
    return re.compile(_assembled(_tokens(text, style, 0)[0]), _flags(ignore_case))


def _flags(ignore_case: bool) -> int:
    return re.DOTALL | (re.IGNORECASE if ignore_case else 0)


def _tokens(text: str, style: Style, colons: int) -> tuple[list[str], int]:
    """A regular expression for each character of the text, and how many colons there have been up to its end."""
    tokens = []
    for character in text:
        colons += character == ":"
        within = "[^:]" if style is Style.ARN and colons < _ARN_COLONS else "."
        wild = {"*": within + "*", "?": within}
        tokens.append(re.escape(character) if style is Style.EXACT else wild.get(character) or re.escape(character))
    return tokens, colons


def _assembled(tokens: list[str]) -> str:
    """One regular expression that never looks back: the target writes the text, and could make us look for ever.

    What stands between two `*` may be taken where it first occurs, for the second one takes whatever the first left;
    that holds as long as no `*` is narrower than one before it, which an ARN's never is.
    """
    parts, gap = [""], [""]
    for token in tokens:
        if token.endswith("*") and not token.startswith("\\"):
            parts.append("")
            gap.append(token)
        else:
            parts[-1] += token
    middle = "".join(f"(?>{star}?{part})" for star, part in zip(gap[1:-1], parts[1:-1], strict=True))
    return parts[0] + middle + (gap[-1] + parts[-1] if len(parts) > 1 else "")


def _expanded(text: str, style: Style, context: Context) -> tuple[list[str], bool, bool]:
    """The text with its variables put in: its tokens, whether every variable has a value, whether all are known.

    A variable without a value equals nothing (IAM, "Policy elements: Variables and tags"). Behind the first one that
    is not known anything may follow.
    """
    tokens: list[str] = []
    colons = end = 0
    for variable in _VARIABLE.finditer(text):
        literal, colons = _tokens(text[end : variable.start()], style, colons)
        tokens += literal
        value, known = _resolve(variable.group(1), context)
        if value is None:
            return [*tokens, ".*"], not known, False
        tokens += [re.escape(character) for character in value]
        colons += value.count(":")
        end = variable.end()
    return tokens + _tokens(text[end:], style, colons)[0], True, True


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
