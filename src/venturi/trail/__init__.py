"""The audit trail: one append-only Merkle tree per tenant, signed, durable before an answer leaves."""
