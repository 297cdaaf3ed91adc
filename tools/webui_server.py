"""A real AUTOMATIC1111 WebUI, started on a data folder of its own with this extension in it, and talked to by HTTP."""

import base64
import io
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).parents[1]
TITLE = "Growth Inhibitors"
FLAGS = (
    "--skip-prepare-environment --skip-install --skip-torch-cuda-test --skip-python-version-check --skip-version-check"
    " --no-download-sd-model --use-cpu all --no-half --precision full --disable-console-progressbars --api"
).split()
READY = "Startup time"
START_SECONDS = 900


class Refused(RuntimeError):
    """The server answered with an error; its text is that of the answer."""


class Server:
    """One WebUI process at a time. `folder` holds its models, extensions and log; `webui` is the WebUI's own folder."""

    def __init__(self, webui: Path, python: str, folder: Path, *flags: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.webui, self.python, self.folder, self.flags = webui, python, folder, flags
        self.log = folder / "log.txt"
        self.log.touch()
        self.extension = folder / "extensions" / REPOSITORY.name
        self._process: subprocess.Popen | None = None

    # -- the process ---------------------------------------------------------------------------------------

    def start(self, *flags: str, extension: bool = True) -> "Server":
        """Start the process with these flags and its usual ones; with or without the extension's folder."""
        self.extension.parent.mkdir(parents=True, exist_ok=True)
        self.extension.unlink(missing_ok=True)
        if extension:
            self.extension.symlink_to(REPOSITORY)
        environment = os.environ | {
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "GRADIO_ANALYTICS_ENABLED": "False",
            "SD_WEBUI_RESTARTING": "1",  # opens no browser
            "CUDA_VISIBLE_DEVICES": "",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users' hosts keep what they compiled, too
        command = [self.python, "-u", "launch.py", *FLAGS, "--data-dir", str(self.folder), "--port", str(self.port)]
        starts = self.starts
        self._process = subprocess.Popen(
            [*command, *self.flags, *flags],
            cwd=self.webui,
            env=environment,
            stdout=self.log.open("a"),
            stderr=subprocess.STDOUT,
        )
        self.wait_for_start(starts)
        return self

    def restart(self, *flags: str, extension: bool = True) -> "Server":
        """Stop, and start again with these flags."""
        self.stop()
        return self.start(*flags, extension=extension)

    def stop(self) -> None:
        """End the process."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def reload_ui(self) -> None:
        """What the page's button "Reload UI" does, and wait until the server is back."""
        starts = self.starts
        self.ask("/companion/reload_ui", {})
        self.wait_for_start(starts)

    def wait_for_start(self, starts: int) -> None:
        """Wait until the log tells of more starts than these, and then until the port is open.

        A request before the first can kill the server; without its page, it opens the port only after it. Raises
        RuntimeError with the log's last lines where the process ends, or START_SECONDS have passed.
        """
        until = time.monotonic() + START_SECONDS
        for is_done, missing in (
            (lambda: self.starts > starts, f"it did not log {READY!r}"),
            (self._is_open, f"it logged {READY!r}, but port {self.port} is not open"),
        ):
            while not is_done():
                ended = self._process.poll() is not None
                if ended or time.monotonic() > until:
                    self.stop()
                    why = "the process ended" if ended else f"{START_SECONDS} s have passed"
                    log = self.log.read_text(errors="replace")[-3000:]
                    raise RuntimeError(f"the WebUI did not start: {missing}, and {why}; see the end of its log:\n{log}")
                time.sleep(0.05)

    @property
    def starts(self) -> int:
        """How often the log tells of a start."""
        return self.log.read_text(errors="replace").count(READY)

    def _is_open(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    # -- what it is asked ----------------------------------------------------------------------------------

    def ask(self, path: str, body: dict | None = None) -> dict | list:
        """The answer to a GET, or with a body to a POST; Refused when it is an error."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=600) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            raise Refused(f"{error.code}: {error.read().decode()}") from None

    def draw(self, gi: dict | None = None, *, to: str = "txt2img", **payload) -> "Drawn":
        """The pictures of a call, with growth inhibitors where their argument is given."""
        body = {"width": 128, "height": 128, "steps": 8, "cfg_scale": 4, "seed": 1, "sampler_name": "DDIM"} | payload
        if gi is not None:
            body["alwayson_scripts"] = body.get("alwayson_scripts", {}) | {TITLE: {"args": [gi]}}
        return Drawn(self.ask(f"/sdapi/v1/{to}", body))

    @property
    def left(self) -> dict:
        """What of ours is in the loaded models: the names of hooked modules, and how many sessions are alive."""
        return self.ask("/companion/left")


class Drawn:
    """What an API call gave: all pictures, and the infotexts of those that are no grid."""

    def __init__(self, answer: dict) -> None:
        info = json.loads(answer["info"])
        opened = [Image.open(io.BytesIO(base64.b64decode(picture))) for picture in answer["images"]]
        self.all = [np.asarray(picture.convert("RGB")) for picture in opened]  # perhaps a grid first
        self._count = len(info["all_seeds"])
        self.infotexts = info["infotexts"][-self._count :]

    @property
    def pictures(self) -> np.ndarray:
        """The pictures without grids, (n, h, w, 3)."""
        return np.stack(self.all[-self._count :])

    def same(self, other: "Drawn") -> bool:
        """Whether all pictures are equal, bit for bit."""
        return np.array_equal(self.pictures, other.pictures)

    def distance(self, other: "Drawn") -> float:
        """The mean difference of the pictures' values, of 255."""
        return float(np.abs(self.pictures.astype(float) - other.pictures.astype(float)).mean())


def encoded(picture: np.ndarray) -> str:
    """The picture as the API takes it."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
