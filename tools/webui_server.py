"""A real WebUI, started on a data folder of its own with gi-tiny and this extension in it, and talked to by HTTP."""

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

REPOSITORY = Path(__file__).parents[2]
TITLE = "Growth Inhibitors"
FLAGS = (
    "--skip-prepare-environment --skip-install --skip-torch-cuda-test --skip-python-version-check --skip-version-check"
    " --no-download-sd-model --use-cpu all --no-half --precision full --no-hashing --disable-console-progressbars --api"
).split()
START_SECONDS = 600


class Refused(RuntimeError):
    """The server answered with an error; its text is that of the answer."""


class Server:
    """One WebUI process. `folder` holds its models, extensions and log; `webui` is the WebUI's own folder."""

    def __init__(self, webui: Path, python: str, folder: Path, *flags: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = folder / "log.txt"
        self.folder = folder
        extension = folder / "extensions" / REPOSITORY.name
        extension.parent.mkdir(parents=True, exist_ok=True)
        if not extension.exists():
            extension.symlink_to(REPOSITORY)
        environment = os.environ | {
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "GRADIO_ANALYTICS_ENABLED": "False",
            "SD_WEBUI_RESTARTING": "1",  # opens no browser
            "CUDA_VISIBLE_DEVICES": "",
        }
        command = [python, "-u", "launch.py", *FLAGS, "--data-dir", str(folder), "--port", str(self.port), *flags]
        self._process = subprocess.Popen(
            command, cwd=webui, env=environment, stdout=self.log.open("w"), stderr=subprocess.STDOUT
        )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while "Startup time" not in self.log.read_text():  # a request before that can kill the server
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise RuntimeError(f"the WebUI did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.5)

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

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
            raise Refused(error.read().decode()) from None

    def draw(self, gi: dict | None = None, *, to: str = "txt2img", **payload) -> "Drawn":
        """The pictures of a call, with growth inhibitors where their argument is given."""
        body = {"width": 128, "height": 128, "steps": 8, "cfg_scale": 4, "seed": 1, "sampler_name": "DDIM"} | payload
        if gi is not None:
            body["alwayson_scripts"] = body.get("alwayson_scripts", {}) | {TITLE: {"args": [gi]}}
        return Drawn(self.ask(f"/sdapi/v1/{to}", body))

    @property
    def hooks(self) -> int:
        """How many hooks are in the cross-attention of the loaded checkpoint."""
        return self.ask("/growth-inhibitors/status")["hooks_in_cross_attention"]


class Drawn:
    """What an API call gave: pictures (n, h, w, 3), each one's infotext, and the comments."""

    def __init__(self, answer: dict) -> None:
        info = json.loads(answer["info"])
        count = len(info["all_seeds"])
        opened = [Image.open(io.BytesIO(base64.b64decode(picture))) for picture in answer["images"]]
        pictures = [np.asarray(picture.convert("RGB")) for picture in opened]
        self.pictures = np.stack(pictures[-count:])  # a grid comes first
        self.infotexts = info["infotexts"][-count:]
        self.comments = info.get("comments", "")

    def same(self, other: "Drawn") -> bool:
        """Whether all pictures are equal, bit for bit."""
        return np.array_equal(self.pictures, other.pictures)


def encoded(picture: np.ndarray) -> str:
    """The picture as the API takes it."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
