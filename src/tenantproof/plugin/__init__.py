"""The pytest plugin that collects checks, runs them and turns what they saw into findings."""
