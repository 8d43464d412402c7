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


def test_the_list_of_models_has_no_fault(server: Server, browser: webdriver.Chrome) -> None:
    open_as(browser, f"{server.url}/", "phone")
    WebDriverWait(browser, 12).until(lambda _: "by_rows" in browser.page_source)
    assert page_faults(browser) == []
