"""Pictures for a search through the WebUI's own txt2img: each at its own strength, none saved, none shown."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_unet import hooks
from webui_fakes import Denoiser, Host, host_modules, sample

from lib_gi.concepts import Catalogue, Concept
from lib_gi.errors import GrowthInhibitorError, NeverHitError, SearchStopped
from lib_gi.hosts.webui import ATTRIBUTE
from lib_gi.training.sampling import PipelineSampler
from lib_gi.training.search import Search, Task
from lib_gi.training.webui import WebuiPipeline, default_sampler, in_turn

CATALOGUE = Catalogue([Concept("a", "phrase of a", anchor="something else")])
TASKS = [Task("a", f"prompt {seed}", seed, 4.5) for seed in (3, 1, 2)]


class State(SimpleNamespace):
    """The host's state, with the live preview as the host makes it from the latest latent."""

    def do_set_current_image(self):
        if self.current_latent is not None:
            self.assign_current_image(self.current_latent)

    def assign_current_image(self, image):
        self.current_image = image


class Processing:
    """The host's object of a generation."""

    def __init__(self, **given):
        self.given, self.closed, self.width, self.height = given, False, given["width"], given["height"]

    def close(self):
        self.closed = True


@pytest.fixture()
def host(monkeypatch):
    """A WebUI with a tiny UNet, whose txt2img runs it; `drawn` has the generations, `seen` the rows of their steps."""
    host = Host()
    host.state = State(
        job_count=-1,
        interrupted=False,
        skipped=False,
        stopping_generation=False,
        current_latent=None,
        current_image=None,
    )
    host.drawn, host.seen, host.told, host.during = [], [], True, lambda: None

    def process_images(p):
        host.drawn.append(p)
        images = len(p.given["prompt"])
        callback = getattr(p, ATTRIBUTE).begin_step if host.told else lambda told: None
        rows = sample(Denoiser(host, callback, parts=(1,) * images))
        host.seen.append(rows[0][:images])
        host.state.current_latent = "the concept"
        host.state.do_set_current_image()
        host.during()
        colours = [int(row.abs().sum() * 1000) % 256 for row in rows[0][:images]]
        return SimpleNamespace(images=[Image.new("RGB", (8, 4), (colour, 0, 0)) for colour in colours])

    contents = {
        "processing": {"StableDiffusionProcessingTxt2Img": Processing, "process_images": process_images},
        "shared": {"state": host.state, "sd_model": "model", "total_tqdm": SimpleNamespace(clear=lambda: None)},
        "sd_samplers": {"samplers": [SimpleNamespace(name="DPM++ 2M"), SimpleNamespace(name="Euler")]},
    }
    host_modules(monkeypatch, contents)
    return host


def sampler(host):
    return PipelineSampler(WebuiPipeline(host, "Euler", 9, 128, 64), "plain", CATALOGUE)


def test_each_picture_has_its_own_strength_and_all_have_the_first_steps_features(host):
    draw = sampler(host).draw
    off, features, _ = draw(TASKS, np.zeros(3))
    on, same, _ = draw(TASKS, np.array([0.0, 5.0, 0.0]))
    assert [torch.equal(a, b) for a, b in zip(*host.seen)] == [True, False, True]
    assert off.shape == on.shape == (3, 4, 8, 3) and off.dtype == np.uint8
    assert features.M_star.shape == (1, 3, 3, 2)  # one step, three layers, three pictures, two tokens
    assert torch.equal(features.M_star[0, 0], same.M_star[0, 0])  # the first layer runs before anything is inhibited
    assert hooks(host.loaded) == 0


def test_it_is_drawn_as_the_tasks_say_by_no_script_and_saved_nowhere(host):
    sampler(host).draw(TASKS, np.zeros(3))
    [p] = host.drawn
    assert p.given == {
        "sd_model": "model",
        "prompt": ["prompt 3", "prompt 1", "prompt 2"],
        "negative_prompt": "",
        "seed": [3, 1, 2],
        "batch_size": 3,
        "sampler_name": "Euler",
        "steps": 9,
        "cfg_scale": 4.5,
        "width": 128,
        "height": 64,
        "restore_faces": False,
        "tiling": False,
        "do_not_save_samples": True,
        "do_not_save_grid": True,
    }
    assert p.closed and not hasattr(p, "scripts") and host.state.job_count == 7
    assert default_sampler() == "DPM++ 2M"


def test_no_live_preview_is_made_of_it_and_those_of_others_are_made_as_ever(host):
    sampler(host).draw(TASKS, np.zeros(3))
    assert host.state.current_image is None and host.state.current_latent is None
    host.state.current_latent = "another picture"
    host.state.do_set_current_image()
    assert host.state.current_image == "another picture"


@pytest.mark.parametrize("broken", ["interrupted", "skipped", "stopping_generation"])
def test_an_interrupt_stops_the_search_and_keeps_no_label_of_the_chunk(host, broken, tmp_path):
    setattr(host.state, broken, True)
    with pytest.raises(SearchStopped, match="resume"):
        Search(sampler(host), None, tmp_path, "model").label(TASKS)
    assert list(tmp_path.iterdir()) == [] and hooks(host.loaded) == 0


def test_another_checkpoint_ends_it_whenever_it_comes(host):
    host.during = lambda: setattr(host, "weights", "other.safetensors")
    draw = sampler(host).draw
    for _ in range(2):
        with pytest.raises(GrowthInhibitorError, match="load it again, and resume"):
            draw(TASKS, np.zeros(3))
    assert len(host.drawn) == 1


def test_pictures_that_nobody_inhibited_or_saw_are_refused(host):
    host.told = False
    with pytest.raises(NeverHitError, match="told of no step"):
        sampler(host).draw(TASKS, np.zeros(3))


def test_pictures_of_which_the_layers_saw_only_some_are_refused():
    class Half:
        def draw(self, asked):
            return np.zeros((2, 1, 1, 3)), SimpleNamespace(features=dict)

    with pytest.raises(NeverHitError, match="each of 2 pictures"):
        PipelineSampler(Half()).draw(TASKS[:2], np.zeros(2))


def test_work_in_turn_gives_and_raises_its_own_and_the_host_sees_a_line_of_html():
    seen = []

    def queued(function, extra_outputs):
        return lambda: seen.append(function())

    assert in_turn(queued, lambda: 3) == 3 and seen == [[""]]
    with pytest.raises(NeverHitError, match="no layer"):
        in_turn(queued, lambda: (_ for _ in ()).throw(NeverHitError("no layer")))
    assert seen == [[""]] * 2
