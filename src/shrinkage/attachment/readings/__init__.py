"""What a rule, or an optimizer without one, does to its parameters: in a log, a table, a warning."""
