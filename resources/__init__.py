"""The project, its stores and MLflow as Dagster resources."""
