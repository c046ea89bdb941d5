"""From a file to columns: bytes, text, cells, and what the cells of a column are."""
