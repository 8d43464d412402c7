"""Statistics of columns: histograms, moments, distances between distributions."""
