"""What people look at: catalog, plots, MLflow, status. Nothing below imports it."""
