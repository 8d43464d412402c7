"""The packages of the wheel, found; everything else about it stands in pyproject.toml.

The three Dagster layers stand at the top level of the repository and are imported as ``ml_platform_dagster.*``, so that
an installed wheel never meets a user's own ``jobs/`` or ``assets/``.
"""

from setuptools import find_packages, setup

SHELL = ("assets", "jobs", "resources")

setup(
    packages=[
        *find_packages(include=["ml_platform", "ml_platform.*"]),
        *(
            f"ml_platform_dagster.{name}"
            for name in find_packages(include=[*SHELL, *(f"{folder}.*" for folder in SHELL)])
        ),
        "ml_platform_examples",
    ],
    package_dir={
        "ml_platform": "ml_platform",
        **{f"ml_platform_dagster.{folder}": folder for folder in SHELL},
        "ml_platform_examples": "examples",
    },
)
