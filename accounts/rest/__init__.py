"""The REST door: what all its endpoints have in common."""
