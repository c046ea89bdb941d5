"""The commands: each takes its options, calls the library, and prints."""
