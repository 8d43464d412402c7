"""The code location: the definitions of the project that the environment names."""

from ml_platform.core.private_files import be_private
from ml_platform.core.secrets import keep_secrets, scrubbing
from ml_platform_dagster.jobs.build import build_definitions
from ml_platform_dagster.resources.project import served_project

be_private()
keep_secrets()
with scrubbing():
    defs = build_definitions(served_project())
