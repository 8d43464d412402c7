"""Labels of assets in the UI, by the names for which Dagster 1.13 has an icon."""

from ml_platform.declarations.algorithms import algorithms

_READERS = {"delta": "deltalake"}
_PLATFORM_KINDS = ("constant", "rule")


def reader_label(name: str) -> str:
    """Return the label of a source by the name of its reader."""
    return _READERS.get(name, name)


def algorithm_label(name: str) -> str:
    """Return the label of a trained model by its algorithm: the library where it is one of scikit-learn's.

    >>> algorithm_label("HistGradientBoostingClassifier"), algorithm_label("lightgbm"), algorithm_label("rule")
    ('scikitlearn', 'lightgbm', 'rule')
    """
    algorithm = algorithms().get(name)
    if algorithm is not None and algorithm.__module__.startswith("ml_platform.") and algorithm.name[:1].isupper():
        return "scikitlearn"
    return "".join(letter for letter in name.lower() if letter.isalnum())
