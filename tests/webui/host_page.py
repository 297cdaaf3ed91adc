"""The page of an AUTOMATIC1111 WebUI, whatever extensions it has: its tabs, fields, buttons, pictures."""

import io
import os
import time
from collections.abc import Callable

import numpy as np
from page_scripts import WATCH
from PIL import Image

from tools.webui_server import REPOSITORY

IMAGES = REPOSITORY / "docs" / "images"
PATIENCE = 240  # seconds, for a page or a picture
SOON = 60  # seconds, for anything else


class HostPage:
    """One tab of the browser on the WebUI; `tab` is its own tab, txt2img or img2img.

    events: the socket of each event, of all the pages that share the list.
    """

    def __init__(self, page, address: str, events: list | None = None) -> None:
        self.page, self.address, self.tab = page, address, "txt2img"
        self.problems: list[str] = []
        self.events = [] if events is None else events
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("websocket", lambda event: self.events.append(event))

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
        self.comes(lambda: all(event.is_closed() for event in self.events))

    def forget_the_hosts_errors(self) -> None:
        """It logs one for each of width and height, and for the hires box, also without any extension."""
        self.problems = [problem for problem in self.problems if "reading 'props'" not in problem]

    def go_to(self, tab: str) -> None:
        """Press the tab's name."""
        self.page.locator("#tabs > .tab-nav > button", has_text=tab).first.click()
        self.tab = tab

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
