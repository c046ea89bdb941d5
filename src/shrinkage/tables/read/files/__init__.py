"""From a file to cells as text: formats, encodings, separators, and what wraps them."""
