"""Envelope encryption: every field under its subject's data key, every data key under its tenant's KMS key."""
