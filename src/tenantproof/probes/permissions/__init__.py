"""Decides from a key's policy and grants what a principal may do to it; shares no code with any deployment."""
