"""The options that commands share, and their values as the library takes them."""
