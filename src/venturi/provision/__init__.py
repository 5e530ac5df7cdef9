"""Draws the plan of a deployment and builds it."""
