"""Heat maps and curves of the real WebUI: behind the pictures, which stay as they were, each with its infotext."""

import base64
import io
import json

import pytest
from cells import GI, PROMPT
from PIL import Image

from tools.webui_server import TITLE

MANY = {"batch_size": 2, "n_iter": 2}
HIRES = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.6, "hr_upscaler": "Latent"}


def drawn(server, gi, **payload):
    """The images of a call, and the infotext of each."""
    body = {"width": 128, "height": 128, "steps": 8, "cfg_scale": 4, "seed": 1, "prompt": PROMPT} | payload
    answer = server.ask("/sdapi/v1/txt2img", body | {"alwayson_scripts": {TITLE: {"args": [gi]}}})
    images = [Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB") for image in answer["images"]]
    return images, json.loads(answer["info"])["infotexts"]


@pytest.mark.parametrize("more", [{}, MANY, HIRES, MANY | HIRES, {"sampler_name": "Heun"}], ids=str)
@pytest.mark.parametrize("strength", [4, 0])
def test_two_sheets_for_each_picture_come_behind_all_pictures_and_change_none(server, more, strength):
    gi = GI | {"strength": strength}
    plain, plain_texts = drawn(server, gi, **more)
    images, texts = drawn(server, gi | {"heatmap": "agreement"}, **more)
    count = len(plain)
    assert len(images) == len(texts) == 3 * count
    assert [image.tobytes() for image in images[:count]] == [image.tobytes() for image in plain]
    assert texts == plain_texts + [text for text in plain_texts for _ in range(2)]
    for number, (heatmap, curve) in enumerate(zip(images[count::2], images[count + 1 :: 2])):
        assert heatmap.width > 4 * 128 and heatmap.size != curve.size, number
    assert server.left == {"modules": [], "sessions": 0}


def test_under_a_script_the_results_are_those_without_heat_maps(server):
    grid = {"script_name": "Prompt matrix", "script_args": [False, False, "positive", "comma", 0]}
    plain, _ = drawn(server, GI, **grid | {"prompt": f"{PROMPT}|a cat"})
    images, _ = drawn(server, GI | {"heatmap": "M_star"}, **grid | {"prompt": f"{PROMPT}|a cat"})
    assert [image.tobytes() for image in images] == [image.tobytes() for image in plain]
