"""Who carries a rule out: the optimizer itself, one call on many tensors, compiled loops; its records in the state."""
