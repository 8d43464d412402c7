"""One builder for each kind of node."""
