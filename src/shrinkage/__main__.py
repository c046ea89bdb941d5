"""`python -m shrinkage`: the command line."""

from shrinkage.cli import main

main()
