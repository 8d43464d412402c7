"""The site: one static page for each model, feature table and source, and a front page over all of them."""

__all__ = ["distribution_svg", "facts", "pages", "recorded", "refresh", "search", "site"]
