"""The blocks that a path is trained in: how networks are put together, kept, shared out, and run."""
