"""Family O: genuine tokens where they do not belong. Nothing is forged; other checks send them."""

from __future__ import annotations

from tenantproof.probes.forging.families import Family

FAMILY = Family("O", "substituted")
FAMILY.open("J178", "a token at another tenant's path", "RFC 8725 2.7, 3.9", "decided by QA-1 and QA-2")
FAMILY.open("J179", "a token of another kind", "RFC 8725 2.8, 3.12", "an issuer of other kinds of tokens")
FAMILY.open("J180", "a token after logout", "OWASP ASVS 3.3", "a logout")
FAMILY.open("J181", "a token after its owner was disabled", "OWASP ASVS 3.3", "an account that may be disabled")
FAMILY.open("J182", "a token of another environment", "RFC 8725 3.8", "a second environment")
FAMILY.open("J183", "a token for another audience", "RFC 8725 3.9", "decided by TK-1")
FAMILY.open("J184", "a token of a tenant that was deleted", "OWASP ASVS 3.3", "decided by QA-2, with [tenancy]")
FAMILY.open("J185", "a forged token after a genuine one", "GHSA-rp9m-7r4c-75qg", "decided by TK-2")
