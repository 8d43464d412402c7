"""What the release rules release in a year of weekly retrains, by simulation.

    python benchmarks/release.py [--years 100] [--world NAME ...] [--check]

Every Monday a challenger is tested on the last 14 days; half of them were part of the last test too. Each day has 20
rows. What a model earns on a row is its true gain over doing nothing, plus the luck of the day (sd 0.5, the same for
all models and for doing nothing), plus an error of its own (sd 0.8 a row, 0.18 a day), plus a constant that every
action earns. The unit is the gain of the first champion. So a test knows the difference of two models with a standard
error of 0.068. Interval, probabilities and rules are the library's own functions. The former rule, for comparison, is
the bootstrap of days with a margin of 0.5 % of what the champion earned, constant included. With ``--check`` the script
fails where a rule keeps less of the gain than `KEPT` of release_years.py, or releases models that lose money.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from release_years import AT_ONCE, CHANGED, ROW_SD, ROWS, RULES, WORLDS, Year, broken, first_releases, years_of


def main() -> int:
    """Print what each rule keeps of the gain over a year, and how often it releases."""
    parser = argparse.ArgumentParser(description="Simulate a year of release rules.")
    parser.add_argument("--years", type=int, default=100)
    parser.add_argument("--world", action="append", choices=list(WORLDS), help="all by default")
    parser.add_argument("--check", action="store_true", help="fail where a promise is broken")
    options = parser.parse_args()
    began = time.process_time()
    print(f"Mean true gain over the year [in the last week] (releases of 52), {options.years} years each")
    print("| world | " + " | ".join(RULES) + " |\n|---|" + "---|" * len(RULES))
    problems = []
    for seed, name in enumerate(WORLDS):
        if options.world is None or name in options.world:
            rules = [rule for rule in RULES if rule != "changed_declaration" or name in CHANGED]
            lived = {rule: years_of(WORLDS[name], RULES[rule], options.years, seed) for rule in rules}
            cells = [_cell(years) for years in lived.values()]
            print(f"| {name} | " + " | ".join(cells) + " |" * (1 + len(RULES) - len(rules)), flush=True)
            problems += [problem for rule, years in lived.items() for problem in broken(name, rule, years)]
    if options.world is None:
        problems += _print_first(options.years)
    print(f"\n{time.process_time() - began:.0f} s of CPU")
    print("\n".join(problems), file=sys.stderr)
    return 1 if options.check and problems else 0


def _cell(years: list[Year]) -> str:
    gain, last, releases, none = (
        float(np.mean([getattr(year, name) for year in years])) for name in ("gain", "last", "releases", "deploy_none")
    )
    cell = f"{gain:.3f} [{last:.3f}] ({releases:.1f})"
    return f"{cell}, deploy none in {none:.0f} weeks" if none >= 0.5 else cell


def _print_first(years: int) -> list[str]:
    """Print how soon first versions are released, and return which promise is broken."""
    print(f"\nFirst versions, one each week until one is released, {years} years each")
    print("| true gain a row, in sd of a day's error | released within the first week | within a year |\n|---|---|---|")
    problems = []
    for gain in (-0.05, 0.0, 0.05, 0.1, 0.2):
        weeks = list(first_releases(gain, years, seed=99))
        at_once = np.mean([week == 0 for week in weeks])
        ever = np.mean([week is not None for week in weeks])
        print(f"| {gain / (ROW_SD / np.sqrt(ROWS)):+.2f} | {at_once:.2f} | {ever:.2f} |", flush=True)
        if gain <= 0 and at_once > AT_ONCE + 3 * np.sqrt(AT_ONCE * (1 - AT_ONCE) / years):
            problems.append(f"a first version that earns {gain:+.2f} is released at once in {at_once:.0%} of the years")
    return problems


if __name__ == "__main__":
    sys.exit(main())
