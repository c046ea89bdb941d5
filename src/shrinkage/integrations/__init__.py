"""Callbacks for Lightning, transformers, Keras and skorch: one module each, which imports its framework when imported."""
