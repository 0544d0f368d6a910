"""How somebody works a page: with a mouse, with a finger on a phone, or with a keyboard alone."""

from playwright.sync_api import Locator, Page, expect

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# Stops on the way through a page. Nobody finds what lies further.
STOPS = 150


class Mouse:
    """What most people have."""

    window: dict[str, object] = {}

    def __init__(self, page: Page) -> None:
        self.page = page

    def use(self, target: Locator) -> None:
        """Follow a link, press a button."""
        target.click()

    def write(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def go(self, name: str) -> None:
        """Choose an entry of the menu."""
        entry = self.page.locator("#menu nav a").get_by_text(name, exact=True)
        self.use(entry)
        expect(entry).to_have_attribute("aria-current", "page")

    def log_out(self) -> None:
        self.use(self.page.get_by_role("button", name="Log out"))


class Finger(Mouse):
    """On a phone, where the menu has to be opened and nothing may be wider than the screen."""

    window = PHONE

    def use(self, target: Locator) -> None:
        expect(target).to_be_visible()
        width = "document.documentElement.scrollWidth <= innerWidth"
        assert self.page.evaluate(width), f"{self.page.url} is wider than a phone"
        target.tap()

    def go(self, name: str) -> None:
        self.use(self.page.get_by_role("link", name="Open the menu"))
        super().go(name)

    def log_out(self) -> None:
        self.use(self.page.get_by_role("link", name="Open the menu"))
        super().log_out()


class Keyboard(Mouse):
    """Tab until it has the focus, then Enter: nothing that is not reached so exists."""

    def use(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Enter")

    def write(self, label: str, text: str) -> None:
        self._reach(self.page.get_by_label(label, exact=True))
        self.page.keyboard.type(text)

    def _reach(self, target: Locator) -> None:
        expect(target).to_be_visible()
        for _ in range(STOPS):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} is not reached by Tab on {self.page.url}")
