"""Why a trail can't take or give an event."""

from __future__ import annotations


class TrailUnavailable(Exception):
    """Nothing was recorded, so nothing may be answered. It may have been recorded all the same when a commit's answer
    was lost; the trail then has an event more than there were answers, never fewer.
    """


class TrailCorrupt(TrailUnavailable):
    """What is stored is not what was written; the message names the first place where it shows."""
