"""What a notebook uses: functions that take a project's folder, and an opened project with its versions."""

__all__ = ["functions", "model_version", "notebook_project", "studies"]
