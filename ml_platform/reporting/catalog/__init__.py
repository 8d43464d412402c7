"""The catalogue: facts about every source, feature and model, and a static site that shows them."""
