"""Starts processes, watches them, and stops every one of them however it ends."""
