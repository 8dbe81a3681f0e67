"""Orders that are accepted and nowhere to be found: how that is decided, and the list of them."""
