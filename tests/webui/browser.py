"""The WebUI's page in headless Chromium, as a user has it: type, tick, choose, generate, paste."""

import io
import os
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from page_scripts import CONTRAST, UNNAMED, WATCH
from PIL import Image

from lib_gi.settings import Settings
from lib_gi.webui.arguments import label_of
from tools.chromium import FLAGS, chromium
from tools.webui_server import REPOSITORY

pytest.importorskip("playwright")
if chromium() is None:
    pytest.skip("there is no Chromium; name one in GI_CHROMIUM", allow_module_level=True)

PREFIX = "growth_inhibitors"
IMAGES = REPOSITORY / "docs" / "images"
PROMPT = "a beer on grass"
NOTHING = {"modules": [], "sessions": 0}  # what is left in the models when nothing is
STRENGTH = f"{Settings.defaults()['strength']:g}"  # what acts on a concept that is merely chosen
PATIENCE = 240  # seconds, for a page or a picture
SOON = 60  # seconds, for anything else


@contextmanager
def opened(address: str, width: int = 1400, height: int = 1000):
    """A page of a new browser profile; what it logs as errors is in its `problems`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(1000 * SOON)
            page = Page(page, address)
            try:
                yield page
            finally:
                page.settle()
        finally:
            browser.close()


class Page:
    """One tab of the browser on the WebUI; `tab` is its own tab, txt2img or img2img."""

    def __init__(self, page, address: str) -> None:
        self.page, self.address, self.tab = page, address, "txt2img"
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        self._events: list = []  # the socket of each
        page.on("websocket", lambda event: self._events.append(event))

    def load(self, theme: str = "light") -> "Page":
        """Open the page, and wait until the host's scripts have set it up and our line tells something."""
        self.settle()
        self.tab = "txt2img"
        patience = 1000 * PATIENCE
        self.page.goto(f"{self.address}/?__theme={theme}", wait_until="domcontentloaded", timeout=patience)
        self.page.wait_for_selector(f"#{PREFIX}_txt2img_enabled-visible-checkbox", state="attached", timeout=patience)
        self.comes(lambda: self.line, PATIENCE)
        return self

    def another(self) -> "Page":
        """A second page of the same browser, not loaded yet."""
        return Page(self.page.context.browser.new_page(), self.address)

    def prepare(self) -> None:
        """Settings for a quick picture."""
        for field, value in (("steps", 8), ("width", 128), ("height", 128), ("seed", 1), ("prompt", PROMPT)):
            self.fill(field, value)
        self.forget_the_hosts_errors()

    def forget_the_hosts_errors(self) -> None:
        """It logs one for each of width and height, and for the hires box, also without any extension."""
        self.problems = [problem for problem in self.problems if "reading 'props'" not in problem]

    def part(self, name: str):
        """One of our components."""
        return self.page.locator(f"#{PREFIX}_{self.tab}_{name}").first  # an HTML component repeats its id inside

    def comes(self, condition: Callable[[], object], seconds: float = SOON) -> bool:
        """Whether the condition holds within this time."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                return False
            self.page.wait_for_timeout(100)
        return True

    def settle(self) -> None:
        """Wait until every event is answered: at "Reload UI" the host waits without end for one whose page is gone."""
        self.comes(lambda: all(event.is_closed() for event in self._events))

    # -- the host's part -----------------------------------------------------------------------------------

    def go_to(self, tab: str) -> None:
        """Press the tab's name."""
        self.page.locator("#tabs > .tab-nav > button", has_text=tab).first.click()
        self.tab = tab

    def go_to_section(self, title: str) -> None:
        """Open a section of the extension's own tab."""
        self.go_to("Growth Inhibitors")
        self.page.locator(f"#{PREFIX}_sections > .tab-nav > button", has_text=title).click()
        self.tab = title.lower()

    def send_to_img2img(self) -> None:
        """Press the button under the picture, and wait until picture and size are there."""
        self.page.locator(f"#{self.tab}_send_to_img2img").click()
        size, self.tab = self.read("width"), "img2img"
        self.page.locator("#img2img_image img").first.wait_for(state="attached")
        self.comes(lambda: self.read("width") == size)

    def fill(self, field: str, text: str) -> None:
        """Type into one of the host's fields, such as `prompt`, `steps` or `seed`."""
        place = self._field(field)
        place.fill(str(text))
        place.press("Tab")

    def read(self, field: str) -> str:
        """What stands in one of the host's fields."""
        return self._field(field).input_value()

    def _field(self, field: str):
        return self.page.locator(f"#{self.tab}_{field}").locator("textarea, input[type=number]").first

    def paste(self, infotext: str) -> None:
        """Put an infotext into the prompt, and press the arrow that reads it."""
        self.fill("prompt", infotext)
        self.page.locator(f"#{self.tab}_tools #paste").click()

    def generate(self) -> str:
        """Press Generate, wait for the end; the infotext under the picture, empty where an error stands there."""
        self.start()
        return self.end()

    def start(self) -> None:
        """Press Generate."""
        self.page.evaluate(WATCH, f"html_log_{self.tab}")
        self.page.locator(f"#{self.tab}_generate").click()

    def end(self) -> str:
        """Wait for the end of what was started; the infotext as above."""
        self.page.wait_for_function("() => window.ended", timeout=1000 * PATIENCE)
        return self.page.locator(f"#html_info_{self.tab}").first.inner_text()

    def load_checkpoint(self, name: str) -> None:
        """Choose a checkpoint at the top of the page."""
        box = self.page.locator("#setting_sd_model_checkpoint input").first
        box.click()
        box.fill(name)
        self.page.locator("#setting_sd_model_checkpoint li", has_text=name).first.click()

    @property
    def log(self) -> str:
        """The line with comments, errors and times under the infotext."""
        return self.page.locator(f"#html_log_{self.tab}").first.inner_text()

    @property
    def picture(self) -> np.ndarray | None:
        """The picture that is shown, (h, w, 3), or None."""
        shown = self.page.locator(f"#{self.tab}_gallery img")
        return self._pixels(shown.first) if shown.count() else None

    @property
    def pictures(self) -> list[np.ndarray]:
        """All pictures of the host's gallery, or of a section's, (h, w, 3) each."""
        return [self._pixels(img) for img in self.page.locator(f"[id$={self.tab}_gallery] .thumbnail-lg img").all()]

    def _pixels(self, image) -> np.ndarray:
        file = self.page.request.get(image.evaluate("image => image.src"))
        return np.asarray(Image.open(io.BytesIO(file.body())).convert("RGB"))

    @property
    def dark(self) -> bool:
        """Whether the page is in its dark theme."""
        return self.page.evaluate("() => document.body.classList.contains('dark')")

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole page for the docs, once no progress is shown; only where GI_WEBUI_IMAGES is 1."""
        if os.environ.get("GI_WEBUI_IMAGES") != "1":
            return
        self.page.locator(".progressDiv").first.wait_for(state="detached")
        self.page.screenshot(path=IMAGES / name, full_page=True)

    # -- our part ------------------------------------------------------------------------------------------

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
        """Whether what is in the accordion can be seen."""
        return self.part("concepts").is_visible()

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
