"""Reading a population: which kind it is follows from its keys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from ml_platform.core.variants import find_variants
from ml_platform.declarations import populations
from ml_platform.declarations.populations.population import Population
from ml_platform.declarations.populations.rows import RowPopulation


@cache
def population_kinds() -> Mapping[str, type[Population]]:
    """Return each kind of population by the key that only it has; without such a key a population is the first."""
    kinds = find_variants(populations, Population, "ml_platform.populations")
    return {RowPopulation.name: RowPopulation, **dict(sorted(kinds.items()))}


def read_population(value: Any) -> Population:
    """Return the population of a declaration.

    >>> read_population({"source": "orders", "entity": "order", "prediction_time": "placed_at + 1h"}).owner
    'orders'
    """
    if isinstance(value, Population):
        return value
    if not isinstance(value, dict):
        raise PydanticKnownError("model_type", {"class_name": "Population"})
    fields = {key: part for key, part in value.items() if part is not None}
    kinds = population_kinds()
    named = [key for key in kinds if key in fields]
    if len(named) > 1:
        raise ValueError(f"found {' and '.join(named)}. A population has one of {', '.join(kinds)}: remove the others")
    kind = named[0] if named else next(iter(kinds))
    for key in fields:
        owners = [name for name, other in kinds.items() if key in _names(other)]
        if owners and kind not in owners:
            raise ValueError(f"{key} belongs to a population with {' or '.join(owners)}, found {kind}. Remove it")
    return kinds[kind].model_validate(fields)


def _names(kind: type[Population]) -> set[str]:
    return {field.alias or name for name, field in kind.model_fields.items()}


class _AnyPopulation:
    """The schema, for pydantic and for editors, of a part of a declaration that is one of the kinds of populations."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(read_population)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        kinds = [handler(kind.__pydantic_core_schema__) for kind in population_kinds().values()]
        return kinds[0] if len(kinds) == 1 else {"oneOf": kinds}


AnyPopulation = Annotated[Population, _AnyPopulation()]
