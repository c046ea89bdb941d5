"""Pages, terminal and words of a comparison."""
