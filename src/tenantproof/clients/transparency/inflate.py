"""Opens gzip files strictly: what one reader leaves out behind the first member, another reader takes for content."""

from __future__ import annotations

import zlib

_GZIP = 31
"""The window bits by which zlib wants a gzip header and trailer."""
LARGEST = 512 * 1024 * 1024


class InflateError(ValueError):
    """The file is not exactly one gzip member; the message says in what."""


def inflated(data: bytes, *, largest: int = LARGEST) -> bytes:
    """The content of a gzip file of one member and nothing else. Raises InflateError."""
    opener = zlib.decompressobj(_GZIP)
    try:
        content = opener.decompress(data, largest)
    except zlib.error as problem:
        raise InflateError(f"it is no gzip file ({problem})") from None
    if opener.unconsumed_tail:
        raise InflateError(f"it holds more than {largest} bytes")
    if not opener.eof:
        raise InflateError("it ends in the middle")
    if opener.unused_data:
        raise InflateError(f"{len(opener.unused_data)} bytes stand behind its end")
    return content
