"""The trail's mathematics, written apart from any log that it judges: trees, proofs, signed heads, receipts."""
