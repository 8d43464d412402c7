"""What people look at: catalog, plots, MLflow, status. Nothing below imports it."""

__all__ = ["catalog", "mlflow", "plots", "status"]
