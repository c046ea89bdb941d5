"""The experiments on a subject, and what is read off them."""
