"""A run under watch: real steps on the user's batches, and what the decay did in them."""
