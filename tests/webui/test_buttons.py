"""What the page can do and the API cannot: "upscale this image" below the gallery, and img2img's tab Batch."""

import base64
import io

import numpy as np
import pytest
from cells import GI, PROMPT, said_by
from PIL import Image

from tools.webui_server import TITLE, Refused, encoded

NOTHING = {"modules": [], "sessions": 0}
FORMS = {"Sampler": [8, "DDIM", "Automatic"], "Seed": [1]}


def forms(gi):
    """What the page's scripts hold: ours its fields, where there are any."""
    return FORMS if gi is None else FORMS | {TITLE: [gi]}


def opened(image):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB"))


@pytest.fixture(scope="module")
def upscaled(server):
    """Upscales one and the same picture; gives the new one and its infotext."""
    first = server.draw(prompt=PROMPT)
    (text,) = first.infotexts

    def upscaled(gi):
        body = {"picture": encoded(first.pictures[0]), "infotext": text, "fields": {"prompt": PROMPT}}
        answer = server.ask("/companion/upscale", body | {"forms": forms(gi)})
        (image,), (text_of_it,) = answer["images"], answer["infotexts"]
        return opened(image), text_of_it

    return upscaled


def test_a_picture_that_is_upscaled_from_the_gallery_is_inhibited_in_its_only_pass(server, upscaled):
    off, _ = upscaled(None)
    with said_by(server) as said:
        on, text = upscaled(GI)
    assert off.shape == on.shape == (192, 192, 3) and (off != on).any()
    assert [line.count(" in 16 layers") for line in said] == [1] and f"{TITLE}: beer=4, " in text
    again, text = upscaled(None)
    assert (again == off).all() and TITLE not in text and server.left == NOTHING


def test_that_pass_is_left_alone_where_hires_is_off_and_then_nothing_is_recorded(server, upscaled):
    drawn, text = upscaled(GI | {"hires": False})
    assert (drawn == upscaled(None)[0]).all() and TITLE not in text


def test_a_mistake_stops_the_upscaling(server, upscaled):
    off, _ = upscaled(None)
    with pytest.raises(Refused, match="Did you mean &#x27;beer&#x27;"):
        upscaled({"concepts": ["beeer"]})
    assert (upscaled(None)[0] == off).all() and server.left == NOTHING


@pytest.fixture(scope="module")
def pictures(server, tmp_path_factory):
    """A folder of two pictures to be changed."""
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("cat", "ship"):
        Image.fromarray(server.draw(prompt=f"a {name} on grass").pictures[0]).save(folder / f"{name}.png")
    return folder


def batch(server, pictures, out, gi):
    """The pictures that the tab draws of a folder's into the folder `out`, and their infotexts."""
    fields = {"prompt": PROMPT, "img2img_batch_input_dir": str(pictures), "img2img_batch_output_dir": str(out)}
    answer = server.ask("/companion/batch", {"fields": fields, "forms": forms(gi)})
    return [opened(image) for image in answer["images"]], answer["infotexts"]


def test_each_picture_of_the_batch_tab_is_inhibited_as_if_it_were_changed_alone(server, pictures, tmp_path):
    off, _ = batch(server, pictures, tmp_path / "off", None)
    with said_by(server) as said:
        on, texts = batch(server, pictures, tmp_path / "on", GI)
    again, plain = batch(server, pictures, tmp_path / "again", None)
    assert len(off) == len(on) == len(again) == len(said) == 2
    for name, without, drawn, after in zip(("cat", "ship"), off, on, again):
        picture = encoded(np.asarray(Image.open(pictures / f"{name}.png")))
        alone = server.draw(GI, to="img2img", prompt=PROMPT, init_images=[picture], denoising_strength=0.75)
        assert (drawn != without).any() and (drawn == alone.pictures[0]).all() and (after == without).all()
        (file,) = (tmp_path / "on").glob(f"*{name}.png")
        saved = Image.open(file)
        assert (np.asarray(saved) == drawn).all() and f"{TITLE}: beer=4, " in saved.info["parameters"]
    assert all(" in 16 layers" in line for line in said) and all(f"{TITLE}: beer=4, " in text for text in texts)
    assert TITLE not in "".join(plain) and server.left == NOTHING


def test_a_mistake_stops_the_batch_before_its_first_picture(server, pictures, tmp_path):
    with pytest.raises(Refused, match="Did you mean &#x27;beer&#x27;"):
        batch(server, pictures, tmp_path / "out", {"concepts": ["beeer"]})
    assert not list(tmp_path.rglob("*.png")) and server.left == NOTHING
