"""Makes text of the target fit to print: what can't be seen is spelled out, what is too long is cut."""

from __future__ import annotations

import unicodedata

LINE = 400
"""Characters of a line of a report."""
BLOCK = 6000
"""Characters of a block that keeps its lines, as a replay."""

# Cc controls (ANSI escapes begin with one), Cf format (bidi overrides, zero width), Cs lone surrogates,
# Co private use, Cn unassigned, Zl and Zp line separators: a reader can't tell them from nothing.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters by category that are drawn as blanks: Hangul fillers and the Braille blank.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def visible(text: str, limit: int = LINE) -> str:
    """The text on one line, every hidden character as its escape, at most about `limit` characters long."""
    shown = "".join(_spell(character) for character in text[:limit])
    return _cut(shown, limit, len(text))


def visible_block(text: str, limit: int = BLOCK) -> str:
    """As `visible`, but lines stay lines, as a request has them."""
    head = text[:limit].replace("\r\n", "\n")
    shown = "".join(character if character == "\n" else _spell(character) for character in head)
    return _cut(shown, limit, len(text))


def shortened(text: str, longest: int) -> str:
    """The beginning of a text that is longer than there is room for, with an ellipsis for the rest."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _cut(shown: str, limit: int, length: int) -> str:
    if length <= limit and len(shown) <= limit * 2:
        return shown
    return f"{shown[: limit * 2]} … [cut; {length} characters in all]"


def _spell(character: str) -> str:
    if character in _BLANK or unicodedata.category(character) in _HIDDEN:
        return _escape(ord(character))
    # Stacked marks crawl over the lines above and below; a mark on its own is spelled out.
    return _escape(ord(character)) if unicodedata.category(character) == "Me" else character


def _escape(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
