"""The bundle: what was written, signed and chained, and how to see that nobody changed it since."""
