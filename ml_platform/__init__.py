"""A factory of factories of models: declarations in, a whole asset graph out."""
