"""One module for each kind of estimator."""
