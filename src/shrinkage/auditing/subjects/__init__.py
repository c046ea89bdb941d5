"""What can be measured: copies of a live optimizer, a step written by hand, what a file holds."""
