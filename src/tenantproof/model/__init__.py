"""The nouns of the house: claims, observations, findings, profiles. Imports nothing of ours."""
