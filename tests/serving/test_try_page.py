"""The page of the service on which a person tries a model, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import chromium
from tests.page_faults import MODES, Mode, open_as, page_faults
from tests.serving.served import Server


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


def shown(browser: webdriver.Chrome, id: str) -> None:
    WebDriverWait(browser, 12).until(lambda _: browser.find_element(By.ID, id).is_displayed())


@pytest.mark.parametrize("mode", MODES)
def test_a_person_predicts_and_reads_why_without_a_fault_of_the_page(
    server: Server, browser: webdriver.Chrome, mode: Mode
) -> None:
    open_as(browser, f"{server.url}/models/kind/try", mode)
    WebDriverWait(browser, 12).until(lambda _: browser.find_elements(By.CSS_SELECTOR, "#key input"))
    browser.find_element(By.CSS_SELECTOR, "#key input").send_keys("a")
    browser.find_element(By.CSS_SELECTOR, "#ask button").click()
    shown(browser, "answer")
    browser.find_element(By.ID, "explain").click()
    shown(browser, "why")
    assert page_faults(browser) == []


def test_whole_numbers_keep_all_digits(server: Server, browser: webdriver.Chrome) -> None:
    """JavaScript's numbers are floats of 64 bits: 2**53 + 1 is none of them."""
    open_as(browser, f"{server.url}/models/by_rows/try", "light")
    WebDriverWait(browser, 12).until(lambda _: browser.find_elements(By.CSS_SELECTOR, "#columns input"))
    read = (
        "const input = document.querySelector(`input[name=customer]`); input.value = arguments[0]; return read(input)"
    )
    for typed, sent in (("9007199254740993", "9007199254740993"), ("-9223372036854775808", "-9223372036854775808")):
        assert browser.execute_script(read, typed) == sent
    assert [browser.execute_script(read, typed) for typed in ("+7", "007", "null", "1.5")] == [
        "7",
        "7",
        "null",
        '"1.5"',
    ]
    received = r'{"a": 9007199254740993, "b": "9007199254740993 \" 9007199254740993", "c": 0.12345678901234567890, '
    received += '"d": [-9223372036854775808, 12, 1e30, -0.0]}'
    assert browser.execute_script("return exact(arguments[0])", received) == {
        "a": "9007199254740993",
        "b": '9007199254740993 " 9007199254740993',
        "c": 0.12345678901234568,
        "d": ["-9223372036854775808", 12, 1e30, 0],
    }


def test_the_list_of_models_has_no_fault(server: Server, browser: webdriver.Chrome) -> None:
    open_as(browser, f"{server.url}/", "phone")
    WebDriverWait(browser, 12).until(lambda _: "by_rows" in browser.page_source)
    assert page_faults(browser) == []
