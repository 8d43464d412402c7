"""Every fault in the value of a model says where it is, what was found and what to do."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

from tests.declarations.ferry import each_fault, edit, faults

CASES = [
    (
        "models/late.yaml",
        "do_nothing: wait",
        "do_nothing: stay",
        ["models/late.yaml:14:1: value: do_nothing names no action, found stay. Known: wait, warn."],
    ),
    (
        "models/late.yaml",
        "do_nothing: wait",
        "do_nothing: wait\n  capacity: {warm: 20 per day UTC}",
        ["models/late.yaml:14:1: value: capacity names no action, found warm. Did you mean warn?"],
    ),
    (
        "models/late.yaml",
        "do_nothing: wait",
        "do_nothing: wait\n  control: 0.9",
        ["models/late.yaml:19:12: value.control must be at most 0.5, found 0.9."],
    ),
    (
        "models/late.yaml",
        "do_nothing: wait",
        "do_nothing: wait\n  control: 0.1",
        [
            "models/late.yaml:19:12: value.control: measures nothing: wait earns 0 whatever comes about, so that held-out "
            "rows show no effect. Write in control.earned what each action earns for the label that comes about, such "
            "as wait: -20 * label."
        ],
    ),
    (
        "models/late.yaml",
        "do_nothing: wait",
        "do_nothing: wait\n  control: {share: 0.1, earned: {wait: -label}}",
        ["models/late.yaml:14:1: value: control.earned needs each action once: warn, wait, found wait."],
    ),
    (
        "models/late.yaml",
        "do_nothing: wait",
        "do_nothing: wait\n  control: {share: 0.1, earned: {warn: label - cars, wait: -label}}",
        [
            "models/late.yaml:19:40: value.control.earned.warn: reads cars, which no payoff of actions reads, so that "
            "it is not logged. Leave it out."
        ],
    ),
    (
        "models/delay.yaml",
        "  payoff: -abs(label - prediction) * cars",
        "  payoff: -abs(label - prediction) * cars\n  control: 0.1",
        ["models/delay.yaml:11:1: value: control is about actions, and payoff has none. Remove control."],
    ),
    (
        "models/late.yaml",
        "do_nothing: wait",
        "do_nothing: wait\n  capacity: {wait: 20 per day UTC}",
        [
            "models/late.yaml:14:1: value: capacity limits wait, which is do_nothing. Limit an action that costs something."
        ],
    ),
    (
        "models/late.yaml",
        "do_nothing: wait",
        "do_nothing: wait\n  capacity: {warn: 20 per day}",
        [
            "models/late.yaml:19:20: value.capacity.warn: '20 per day' is no capacity. Write how many rows a day may get "
            "the action, and the time zone of the day, such as 200 per day Europe/Berlin."
        ],
    ),
    (
        "models/late.yaml",
        "do_nothing: wait",
        "do_nothing: wait\n  capacity: {warn: 20 per day Europe/Berlyn}",
        [
            "models/late.yaml:19:20: value.capacity.warn: there is no time zone Europe/Berlyn. Did you mean "
            "Europe/Berlin?"
        ],
    ),
    (
        "models/late.yaml",
        "  actions:\n    warn: -3 + label * 20\n    wait: 0\n",
        "",
        ["models/late.yaml:14:1: value: give either actions (classification) or payoff (regression), found neither."],
    ),
    (
        "models/late.yaml",
        "    wait: 0",
        "    Wait!: 0",
        [
            "models/late.yaml:17:5: value.actions: 'Wait!' is not a name. Write a name of small letters, digits and _ that begins with a letter."
        ],
    ),
    (
        "models/delay.yaml",
        "  payoff: -abs(label - prediction) * cars",
        "  actions: {a: 1}",
        ["models/delay.yaml:11:1: value: do_nothing names no action, found 0. Known: a."],
    ),
    (
        "models/late.yaml",
        "-3 + label * 20",
        "-3 + labl * 20",
        ["models/late.yaml:16:16: value.actions.warn: labl is not a column. Did you mean label?"],
    ),
    (
        "models/late.yaml",
        "-3 + label * 20",
        "-3 + prediction * 20",
        [
            "models/late.yaml:16:16: value.actions.warn: prediction is not a column. Known: cars, departs_at, label, open_deck, price and 7 more."
        ],
    ),
    (
        "models/late.yaml",
        "-3 + label * 20",
        "ship",
        [
            "models/late.yaml:16:11: value.actions.warn must give a bool, a float or an int, found a string. Write an amount of money."
        ],
    ),
    (
        "models/delay.yaml",
        "-abs(label - prediction) * cars",
        "-abs(label - predicted) * cars",
        ["models/delay.yaml:12:24: value.payoff: predicted is not a column. Did you mean prediction?"],
    ),
    (
        "models/delay.yaml",
        "-abs(label - prediction) * cars",
        "-abs(label - prediction) * trips.price * ship_recent.mean_late_7d * cas",
        ["models/delay.yaml:12:79: value.payoff: cas is not a column. Did you mean cars?"],
    ),
    (
        "models/delay.yaml",
        "do_nothing: 0",
        "do_nothing: wait",
        [
            "models/delay.yaml:13:15: value.do_nothing: wait is not a column. Known: cars, departs_at, open_deck, price, ship and 3 more."
        ],
    ),
]


@each_fault(CASES)
def test_a_fault_names_the_place_the_value_and_the_remedy(
    ferry: Path, file: str, old: str, new: str, expected: list[str]
) -> None:
    edit(ferry, file, old, new)
    assert faults(ferry) == expected
