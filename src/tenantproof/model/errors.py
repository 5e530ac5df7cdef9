"""Errors that a person can act on: what was seen, what was wanted, what to do next."""

from __future__ import annotations


class UsageError(Exception):
    """The command, the profile or a card is wrong; the run ends 2."""


class TargetError(Exception):
    """The target is unreachable, or is not the one that the profile describes; the run ends 3."""
