"""What the training rows fix of each column, and the inputs of a network that are made of it."""
