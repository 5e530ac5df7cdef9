"""Erasure in depth: certificates, exports, wrapped keys out of place, and the files that the deployment leaves."""
