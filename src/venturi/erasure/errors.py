"""Why an erasure was not done or not certified."""

from __future__ import annotations


class ErasureError(Exception):
    """The base; the message is fit for the client and repeats nothing that it sent."""


class NothingToErase(ErasureError):
    """The tenant holds no data key of that subject."""


class StillReadable(ErasureError):
    """A reader can still read what was to be unreadable, so nothing is certified."""
