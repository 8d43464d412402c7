"""What people look at: catalog, plots, reference, MLflow, status. Nothing below imports it."""

__all__ = ["catalog", "doctor", "mlflow", "plots", "reference", "status"]
