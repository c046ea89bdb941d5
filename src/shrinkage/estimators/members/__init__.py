"""The networks that may be part of one model: their paths, the weights they predict with, and their fold models."""
