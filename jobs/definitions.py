"""The code location: the definitions of the project that the environment names."""

from ml_platform_dagster.jobs.build import build_definitions
from ml_platform_dagster.resources.project import served_project

defs = build_definitions(served_project())
