"""The Dagster assets: one builder for each kind of node, unless its operation is a `CachedOperation`."""
