"""Turns the touchpoints before a conversion into numbers, the same way in training and at inference."""

from __future__ import annotations

from collections.abc import Sequence

FEATURES = ("search", "display", "social", "affiliate", "email", "direct", "length")
"""A count per channel, and how many touchpoints there were in all, in tens."""


def features(channels: Sequence[str]) -> tuple[float, ...]:
    """The feature vector of a path of channels, as long as FEATURES. Channels that are not known count nowhere."""
    counts = [float(sum(channel == name for channel in channels)) for name in FEATURES[:-1]]
    return (*counts, len(channels) / 10)
