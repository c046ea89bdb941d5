"""The chapters of a fit's report that have a file of their own."""
