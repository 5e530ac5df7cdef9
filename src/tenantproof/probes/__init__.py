"""Probes: what an attacker tries, and what came back. A probe reports; it never judges."""
