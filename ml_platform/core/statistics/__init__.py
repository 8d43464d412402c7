"""Statistics of columns: histograms, moments, distances between distributions."""

__all__ = ["distributions", "histograms", "moments", "population_stability", "ranking"]
