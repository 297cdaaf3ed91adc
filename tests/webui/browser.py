"""The WebUI's page in headless Chromium, as a user has it: type, tick, choose, generate, paste."""

import os
import shutil
from contextlib import contextmanager

from lib_gi.webui.arguments import label_of

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
PREFIX = "growth_inhibitors"
PATIENCE = 240_000  # milliseconds


def chromium() -> str | None:
    """Where the browser is: GI_CHROMIUM, or what is found by its usual names."""
    return os.environ.get("GI_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def opened(address: str, width: int = 1400, height: int = 1000):
    """A page of a new browser profile; what it logs as errors is in its `problems`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        yield Page(page, address)
        browser.close()


class Page:
    """One tab of the browser on the WebUI; `tab` is its own tab, txt2img or img2img."""

    def __init__(self, page, address: str) -> None:
        self.page, self.address, self.tab = page, address, "txt2img"
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    def load(self, theme: str = "light") -> "Page":
        """Open the page, and wait until it answers."""
        self.page.goto(f"{self.address}/?__theme={theme}")
        self.page.wait_for_selector(f"#{PREFIX}_txt2img_enabled-visible-checkbox", state="attached")
        self.page.wait_for_function("() => document.querySelector('#txt2img_generate') !== null")
        return self

    def part(self, name: str):
        """One of our components."""
        return self.page.locator(f"#{PREFIX}_{self.tab}_{name}").first  # an HTML component repeats its id inside

    # -- what a user does ----------------------------------------------------------------------------------

    def go_to(self, tab: str) -> None:
        """Press the tab's name."""
        self.page.locator("#tabs > .tab-nav > button", has_text=tab).first.click()
        self.tab = tab

    def fill(self, field: str, text: str) -> None:
        """Type into one of the host's fields, such as `prompt`, `steps` or `seed`."""
        place = self.page.locator(f"#{self.tab}_{field}").locator("textarea, input[type=number]").first
        place.fill(str(text))
        place.press("Tab")

    def tick(self) -> None:
        """Press the accordion's checkbox."""
        self.page.locator(f"#{PREFIX}_{self.tab}_enabled-visible-checkbox").click()

    @property
    def ticked(self) -> bool:
        """Whether the accordion's checkbox is on."""
        return self.page.locator(f"#{PREFIX}_{self.tab}_enabled-visible-checkbox").is_checked()

    def choose(self, concept) -> None:
        """Choose a concept in the list by typing its label."""
        box = self.part("concepts").locator("input").first
        box.click()
        box.fill(label_of(concept))
        box.press("Enter")
        box.press("Escape")

    @property
    def chosen(self) -> list[str]:
        """The labels that are chosen in the list."""
        return [text.strip() for text in self.part("concepts").locator(".token").all_inner_texts()]

    def write(self, name: str, text: str) -> None:
        """Type into one of our text boxes, or into the number of a slider."""
        place = self.part(name).locator("textarea, input[type=number], input[type=text]").first
        place.fill(text)
        place.press("Tab")

    def value(self, name: str) -> str:
        """What stands in one of our text boxes or sliders."""
        return self.part(name).locator("textarea, input[type=number], input[type=text]").first.input_value()

    def generate(self) -> str:
        """Press Generate, wait for the end; the text under the picture, or the error that stands there."""
        self.page.evaluate(
            f"() => {{ for (const id of ['html_info_{self.tab}', 'html_log_{self.tab}'])"
            " document.getElementById(id).dataset.before = document.getElementById(id).innerHTML }"
        )
        self.page.locator(f"#{self.tab}_generate").click()
        self.page.wait_for_function(
            f"() => {{ const log = document.getElementById('html_log_{self.tab}');"
            " return log.innerHTML !== log.dataset.before && log.innerText.trim() !== '' }",
            timeout=PATIENCE,
        )
        return self.told

    @property
    def told(self) -> str:
        """The infotext under the picture."""
        return self.page.locator(f"#html_info_{self.tab}").first.inner_text()

    @property
    def log(self) -> str:
        """The line with times, comments and errors under the infotext."""
        return self.page.locator(f"#html_log_{self.tab}").first.inner_text()

    @property
    def line(self) -> str:
        """Our live line."""
        return self.part("line").inner_text()

    def wait_for_line(self, words: str) -> None:
        """Wait until the live line says so."""
        self.part("line").get_by_text(words).first.wait_for()

    def paste(self, infotext: str) -> None:
        """Put an infotext into the prompt, and press the arrow that reads it."""
        self.fill("prompt", infotext)
        self.page.locator(f"#{self.tab}_tools #paste").click()
