"""Statistics of columns: histograms, moments, distances between distributions."""

__all__ = ["betting", "distributions", "histograms", "moments", "population_stability", "ranking"]
