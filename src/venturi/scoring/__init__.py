"""Scoring: one set of weights for all tenants, each tenant's own calibration and threshold at inference."""
