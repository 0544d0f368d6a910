"""The suppression list in a real browser: a file is read while its reader watches."""

import pytest
from playwright.sync_api import Page, expect

from cloudmta.tests.browsing import check_access

pytestmark = pytest.mark.browser


def test_a_file_is_taken_without_a_reload(page: Page, web: str) -> None:
    page.goto(f"{web}suppressions/")
    content = b"address\nfirst+import@example.net\nnobody\n"
    file = {"name": "list.csv", "mimeType": "text/csv", "buffer": content}
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    page.wait_for_url("**/suppressions/import/*/")
    page.evaluate("document.body.dataset.same = 'yes'")

    expect(page.get_by_text("Mend these lines")).to_be_visible(timeout=60_000)

    assert page.evaluate("document.body.dataset.same") == "yes"
    expect(page.locator("#announcements")).to_have_text("1 are new on the list, 1 were left out.")
    check_access(page)
    page.get_by_role("link", name="To the list").click()
    expect(page.get_by_text("first+import@example.net")).to_be_visible()
