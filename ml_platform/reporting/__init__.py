"""What people look at: pages, catalog, plots, reference, MLflow, status. Nothing below imports it."""

__all__ = ["card", "catalog", "comparison", "doctor", "mlflow", "overview", "plots", "reference", "site", "status"]
