"""Crypto-shred erasure of one subject or a whole tenant, and the signed certificates that say what it came to."""
