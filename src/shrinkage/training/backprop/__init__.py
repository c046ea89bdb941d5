"""Training by back-propagation: as one stack of torch tensors, or by the compiled engine."""
