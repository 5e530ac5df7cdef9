"""Where things are kept that are dear to make and the same for every deployment."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """VENTURI_CACHE, else `venturi` in the user's cache directory; it need not exist."""
    chosen = os.environ.get("VENTURI_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "venturi"
