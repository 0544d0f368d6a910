"""Charts and what can be copied, in a real browser, on a page that holds nothing else."""

import json

import pytest
from django.template.loader import get_template
from playwright.sync_api import Browser, expect

from accounts.templatetags.frame import chart, copyable
from cloudmta.testing import eventually
from cloudmta.tests.browsing import check_access, watched

pytestmark = pytest.mark.browser

DATA = {
    "type": "bar",
    "stacked": True,
    "labels": ["Mon", "Tue", "Wed"],
    "series": [
        {"name": "delivered", "values": [50, 60, 20], "tone": "good"},
        {"name": "bounced", "values": [1, 2, None], "tone": "wrong"},
        {"name": "the week before", "values": [40, 41, 42], "tone": "muted", "ghost": True},
        {"name": "limit", "values": [55, 55, 55], "tone": "waiting", "dashed": True},
    ],
}
PAGE = """<!doctype html><html lang="en"><head><title>Charts</title>
<link rel="stylesheet" href="/static/vendor/bootstrap-5.3.9/bootstrap.min.css">
<link rel="stylesheet" href="/static/tokens.css"><link rel="stylesheet" href="/static/cloudmta.css">
<script src="/static/vendor/chart.js-4.6.1/chart.umd.min.js" defer></script>
<script src="/static/charts.js" defer></script><script src="/static/cloudmta.js" defer></script>
</head><body><main><h1>Charts</h1>{}</main><p id="announcements" role="status"></p></body></html>"""
POLICY = "default-src 'self'; img-src 'self' data:"


def shows(page, web, *parts):
    body = PAGE.format("".join(parts))
    headers = {"Content-Security-Policy": POLICY}
    page.route(
        "**/parts/",
        lambda route: route.fulfill(
            body=body, headers=headers, content_type="text/html; charset=utf-8"
        ),
    )
    page.goto(f"{web}parts/")


def a_chart():
    return get_template("parts/chart.html").render(chart("volume", "Volume by day", DATA))


def pixels(page):
    """What is drawn, as one string."""
    return page.locator("canvas").evaluate("canvas => canvas.toDataURL()")


def test_it_is_drawn_in_the_colours_of_the_page_and_at_a_fixed_height(
    browser: Browser, web: str
) -> None:
    with watched(browser) as page:
        shows(page, web, a_chart())
        expect(page.locator(".chart.drawn canvas")).to_be_visible()
        light = pixels(page)

        page.emulate_media(color_scheme="dark")

        assert eventually(lambda: pixels(page) != light)
        assert page.locator(".canvas").bounding_box()["height"] == 240
        check_access(page)


def test_the_same_numbers_stand_in_a_table(browser: Browser, web: str) -> None:
    with watched(browser, java_script_enabled=False) as page:
        shows(page, web, a_chart())
        expect(page.locator("canvas")).to_be_hidden()

        page.get_by_text("View as table").click()

        assert page.locator("tbody tr").nth(2).inner_text().split() == [
            "Wed", "20", "–", "42", "55",
        ]  # fmt: skip


def test_a_label_is_text(browser: Browser, web: str) -> None:
    hostile = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    data = json.loads(json.dumps(DATA).replace("Mon", "X"))
    data["labels"][0] = data["series"][0]["name"] = hostile
    with watched(browser) as page:
        part = get_template("parts/chart.html").render(chart("volume", hostile, data))
        shows(page, web, part)
        expect(page.locator(".chart.drawn canvas")).to_be_visible()

        assert page.title() == "Charts"
        assert page.locator("img").count() == 0


def test_a_value_is_copied_whole_and_a_reader_hears_it(browser: Browser, web: str) -> None:
    record = 'v=DKIM1; k=rsa; p="MIIB" <b>'
    with watched(browser, permissions=["clipboard-read", "clipboard-write"]) as page:
        part = get_template("parts/copyable.html").render(copyable(record, "the record"))
        shows(page, web, part)

        page.get_by_role("button", name="Copy the record").click()

        expect(page.get_by_role("status")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == record
