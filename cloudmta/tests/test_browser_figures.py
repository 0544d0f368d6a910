"""Overview and Tags & analytics in a real browser, with mail that went the whole road."""

import gzip

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from cloudmta.testing import House, eventually
from cloudmta.tests.browsing import check_access, log_in, watched

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("house")]

# What a first page may weigh, as it is sent: compressed (the issue of the dashboard).
FIRST_PAGE = 150_000  # octets
SHIFTS = """new Promise(resolve => new PerformanceObserver(list =>
    resolve(list.getEntries().reduce((sum, entry) => sum + entry.value, 0))
).observe({type: "layout-shift", buffered: true}) || setTimeout(() => resolve(0), 1500))"""


@pytest.fixture(scope="module")
def mail(house: House) -> None:
    """One message that was delivered and one that bounced, with a tag each."""
    for to, tag in (("delivered+figures@sim.test", "receipt"), ("bounced+figures@sim.test", "<b>")):
        message_id = house.submit(house.message(to, x_cloudmta_tags=tag))
        eventually(lambda message_id=message_id: house.sql(
            "SELECT 1 FROM events_event WHERE message_id = %s AND kind IN ('delivery', 'bounce')",
            message_id,
        ))  # fmt: skip


def test_overview_leads_from_a_number_to_its_messages(page: Page, web: str, mail: None) -> None:
    page.goto(web)
    expect(page.get_by_text("There is no such mailbox.").first).to_be_visible()
    expect(page.locator(".chart.drawn canvas")).to_be_visible()
    check_access(page)

    page.get_by_label("Tags").get_by_role("link", name="receipt").click()
    expect(page.locator(".filter[aria-current]")).to_contain_text("receipt")
    page.locator(".tiles > div", has_text="Delivered").get_by_role("link").click()

    assert "/messages/?" in page.url
    assert "tag=receipt" in page.url
    assert "state=delivered" in page.url


def test_each_chart_has_its_table_and_its_file(page: Page, web: str, mail: None) -> None:
    page.goto(f"{web}analytics/?period=24h")
    figures = page.locator("figure.chart.drawn")
    expect(figures).to_have_count(6)

    for figure in figures.all():
        table = figure.get_by_role("table")
        expect(table).to_be_hidden()
        figure.get_by_text("View as table").click()
        expect(table).to_be_visible()
        assert table.locator("tbody tr").count() == 24
    with page.expect_download() as download:
        figures.first.get_by_role("link", name="Download as CSV").click()

    assert download.value.suggested_filename == "volume.csv"
    check_access(page)


def test_a_strangers_tag_is_text_and_a_filter(page: Page, web: str, mail: None) -> None:
    page.goto(f"{web}analytics/")

    page.locator("#shares").get_by_role("link", name="<b>").click()

    expect(page.get_by_label("Filters").get_by_role("link")).to_contain_text("tag: <b>")
    page.get_by_role("link", name="tag: <b>").click()
    expect(page.get_by_label("Filters")).to_have_count(0)


def test_without_javascript_the_tables_stand_there(
    browser: Browser, web: str, house: House, mail: None
) -> None:
    with watched(browser, java_script_enabled=False) as page:
        log_in(page, web, house.demo["login_email"], house.demo["login_password"])
        page.get_by_role("link", name="24 hours").click()

        expect(page.locator("canvas")).to_be_hidden()
        page.get_by_text("View as table").click()
        expect(page.get_by_role("table")).to_be_visible()


@pytest.mark.parametrize("path", ["", "analytics/"])
def test_the_first_page_is_light_and_asks_nobody_else(
    page: Page, web: str, mail: None, path: str
) -> None:
    bodies: dict[str, int] = {}
    page.on("response", lambda got: bodies.update({got.url: len(gzip.compress(got.body()))}))

    page.goto(web + path)
    page.wait_for_load_state("networkidle")

    assert {url.split("/")[2] for url in bodies} == {web.split("/")[2]}
    assert sum(bodies.values()) < FIRST_PAGE, bodies


@pytest.mark.parametrize("path", ["", "analytics/"])
def test_nothing_jumps_when_charts_are_drawn(page: Page, web: str, mail: None, path: str) -> None:
    held: list[Route] = []
    page.route("**/charts.js", lambda route: held.append(route))
    page.goto(web + path, wait_until="commit")
    painted = "performance.getEntriesByName('first-contentful-paint').length"
    eventually(lambda: page.evaluate(painted))

    for route in held:
        route.continue_()

    expect(page.locator(".chart.drawn canvas").last).to_be_visible()
    assert page.evaluate(SHIFTS) == 0
