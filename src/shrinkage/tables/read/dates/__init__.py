"""Dates and times of day: one cell by itself, and what only a whole column shows."""
