"""The WebUI's page with our part of it in headless Chromium, as a user has it: type, tick, choose, generate, paste."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from host_page import PATIENCE, SOON, HostPage
from page_scripts import CONTRAST, UNNAMED

from lib_gi.settings import Settings
from lib_gi.webui.arguments import label_of
from tools.chromium import FLAGS, chromium

pytest.importorskip("playwright")
if chromium() is None:
    pytest.skip("there is no Chromium; name one in GI_CHROMIUM", allow_module_level=True)

PREFIX = "growth_inhibitors"
PROMPT = "a beer on grass"
NOTHING = {"modules": [], "sessions": 0}  # what is left in the models when nothing is
STRENGTH = f"{Settings.defaults()['strength']:g}"  # what acts on a concept that is merely chosen


@contextmanager
def opened(address: str, width: int = 1400, height: int = 1000):
    """A page of a new browser profile; what it logs as errors is in its `problems`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        page = Page(browser.new_page(viewport={"width": width, "height": height}), address)
        page.page.set_default_timeout(1000 * SOON)
        try:
            yield page
        finally:
            page.settle()
            browser.close()


class Page(HostPage):
    """The WebUI's page with the accordion, and with the extension's own tab."""

    def load(self, theme: str = "light") -> "Page":
        """Open the page, and wait until the host's scripts and ours have set it up, and what they ask for has come."""
        self.settle()
        self.tab = "txt2img"
        patience = 1000 * PATIENCE
        self.page.goto(f"{self.address}/?__theme={theme}", wait_until="domcontentloaded", timeout=patience)
        self.page.wait_for_selector(f"#{PREFIX}_txt2img_enabled-visible-checkbox", state="attached", timeout=patience)
        self.page.wait_for_function("() => window.executedOnLoaded === true", timeout=patience)
        self.page.wait_for_load_state("networkidle", timeout=patience)
        self.settle()
        return self

    def another(self) -> "Page":
        """A second page of the same browser, not loaded yet."""
        return Page(self.page.context.browser.new_page(), self.address, self.events)

    def prepare(self) -> None:
        """Settings for a quick picture."""
        for field, value in (("steps", 8), ("width", 128), ("height", 128), ("seed", 1), ("prompt", PROMPT)):
            self.fill(field, value)
        self.forget_the_hosts_errors()

    def go_to_section(self, title: str) -> None:
        """Open a section of the extension's own tab."""
        self.go_to("Growth Inhibitors")
        self.page.locator(f"#{PREFIX}_sections > .tab-nav > button", has_text=title).click()
        self.tab = title.lower()

    def part(self, name: str):
        """One of our components."""
        return self.page.locator(f"#{PREFIX}_{self.tab}_{name}").first  # an HTML component repeats its id inside

    def press(self) -> None:
        """Press the accordion's label, which opens and ticks it, or closes and unticks it."""
        self.part("enabled").locator(".label-wrap").first.click()

    def press_advanced(self) -> None:
        """Press the label of the accordion inside it."""
        self.part("advanced").locator(".label-wrap").first.click()

    def tick(self) -> None:
        """Press the checkbox in the accordion's label."""
        self.page.locator(f"#{PREFIX}_{self.tab}_enabled-visible-checkbox").click()

    @property
    def ticked(self) -> bool:
        """Whether the accordion's checkbox is on."""
        return self.page.locator(f"#{PREFIX}_{self.tab}_enabled-visible-checkbox").is_checked()

    @property
    def is_open(self) -> bool:
        """Whether the accordion is open; what is in it may be about to be made."""
        return self.part("enabled").locator(".label-wrap").first.evaluate("label => label.classList.contains('open')")

    def choose(self, concept) -> None:
        """Choose a concept in the list by typing its label."""
        box = self.part("concepts").locator("input").first
        box.click()
        box.fill(label_of(concept))
        self.part("concepts").locator(f'li.active[data-value="{label_of(concept)}"]').wait_for()
        box.press("Enter")
        box.press("Tab")  # not Escape, at which the host's script fails in any tab but its first two

    @property
    def chosen(self) -> list[str]:
        """The labels that are chosen in the list."""
        return [text.strip() for text in self.part("concepts").locator(".token > span").all_inner_texts()]

    def write(self, name: str, text: str) -> None:
        """Put a text into one of our text boxes or into the number of a slider at once, as from the clipboard."""
        place = self._box(name)
        place.fill(text)
        place.press("Tab")

    def type(self, name: str, text: str) -> None:
        """Type into one of our text boxes, key by key and fast."""
        place = self._box(name)
        place.press_sequentially(text, delay=10)
        place.press("Tab")

    def value(self, name: str) -> str:
        """What stands in one of our text boxes or sliders."""
        return self._box(name).input_value()

    def _box(self, name: str):
        return self.part(name).locator("textarea, input[type=number], input[type=text]").first

    def pick(self, name: str, choice: str) -> None:
        """Pick one of our radio buttons."""
        self.part(name).locator(f'input[type=radio][value="{choice}"]').check()

    def picked(self, name: str) -> str:
        """Which of our radio buttons is on."""
        return self.part(name).locator("input[type=radio]:checked").input_value()

    def click(self, name: str) -> None:
        """Press one of our buttons."""
        self.part(name).click()

    def set(self, name: str, ticked: bool = True) -> None:
        """Tick or untick one of our checkboxes."""
        self.part(name).locator("input[type=checkbox]").set_checked(ticked)

    def take(self, name: str, choice: str) -> None:
        """Take a choice of one of our lists that hold a single one."""
        box = self.part(name).locator("input").first
        box.click()
        box.fill(choice)
        self.part(name).locator(f'li[data-value="{choice}"]').click()

    def upload(self, name: str, file: Path) -> None:
        """Choose a file for one of our upload buttons."""
        with self.page.expect_file_chooser() as chooser:
            self.part(name).click()
        chooser.value.set_files(file)

    def download(self, name: str) -> bytes:
        """What the link in one of our lines or tables saves."""
        with self.page.expect_download() as begun:
            self.part(name).locator("a[download]").click()
        return Path(begun.value.path()).read_bytes()

    def text(self, name: str) -> str:
        """What stands in one of our lines or tables."""
        return self.part(name).inner_text().strip()

    def tells(self, words: str, name: str = "told", seconds: float = SOON) -> bool:
        """Whether one of our lines comes to hold these words."""
        return self.comes(lambda: words in self.text(name), seconds)

    @property
    def unnamed(self) -> list[str]:
        """The ids of our parts of this tab with an input or button that a screen reader has no name for."""
        return self.page.evaluate(UNNAMED, f"{PREFIX}_{self.tab}_")

    @property
    def line(self) -> str:
        """Our live line."""
        return self.part("line").inner_text().strip()

    def says(self, words: str) -> bool:
        """Whether the live line comes to hold these words."""
        return self.comes(lambda: words in self.line)

    @property
    def contrast(self) -> float:
        """The contrast of the live line's text with what is behind it, 1 to 21; from 4.5 on it is legible for most."""
        return self.part("line").locator("p").first.evaluate(CONTRAST)
