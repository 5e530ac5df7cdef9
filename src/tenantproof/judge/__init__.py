"""Judging: from observations to verdicts, from verdicts to an exit code."""
