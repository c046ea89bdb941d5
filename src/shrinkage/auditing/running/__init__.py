"""Audit of a run: real steps on the user's batches, and what the decay did in them."""
