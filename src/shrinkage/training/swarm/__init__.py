"""Training by particle swarms, which need no gradient."""
