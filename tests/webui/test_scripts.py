"""Other ways in: the host's scripts around a generation, its X/Y/Z plot, an infotext, and the usual Python client."""

import json
import re

import pytest
import torch
from cells import GI, PROMPT, said_by

from lib_gi.adapter import Adapter, new_network
from lib_gi.layers import find_cross_attention
from tools.webui_server import REPOSITORY, TITLE, Refused, encoded

SIZE = {"width": 128, "height": 128}
AXIS = "[Growth Inhibitors] "


def axis_numbers(server) -> dict[str, int]:
    """The plot's axes by label; the API takes their numbers."""
    (info,) = [i for i in server.ask("/sdapi/v1/script-info") if i["name"] == "x/y/z plot" and not i["is_img2img"]]
    return {label: number for number, label in enumerate(info["args"][0]["choices"])}


def plot(server, gi, x, xs, y="Nothing", ys="", **payload):
    """The cells' pictures, x fastest; values are given as text."""
    numbers = axis_numbers(server)
    axes = [numbers[x], xs, [], numbers[y], ys, [], 0, "", []]
    more = [False, True, False, False, False, False, False, 0, True]  # sub images, and texts in place of dropdowns
    payload = {"prompt": PROMPT, "script_name": "X/Y/Z plot", "script_args": axes + more} | payload
    drawn = server.draw(gi, **payload)
    return drawn.all[1:]  # after the grid


def test_each_cell_of_a_plot_has_its_own_strength_and_no_others(server):
    cells = plot(server, GI, AXIS + "Strength", "0, 4, 1", "Seed", "1, 2")
    assert len(cells) == 6
    for number, cell in enumerate(cells):
        gi, seed = GI | {"strength": (0, 4, 1)[number % 3]}, 1 + number // 3
        assert (cell == server.draw(gi, prompt=PROMPT, seed=seed).pictures[0]).all()
    assert (cells[0] == server.draw(prompt=PROMPT).pictures[0]).all()


def test_concepts_weighting_and_steps_are_axes(server):
    for axis, texts, field, values in (
        ("Concepts", "beer, cat", "concepts", (["beer"], ["cat"])),
        ("Weighting", "plain, projection", "weighting", ("plain", "projection")),
        ("First step", "0, 4", "first_step", (0, 4)),
        ("Last step", "2, -1", "last_step", (2, None)),
    ):
        cells = plot(server, GI, AXIS + axis, texts)
        assert len(cells) == 2
        for cell, value in zip(cells, values):
            assert (cell == server.draw(GI | {field: value}, prompt=PROMPT).pictures[0]).all()


@pytest.fixture()
def adapter(server):
    """The name of an adapter of gi-tiny's layers in the data folder, whose network is random."""
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel.from_pretrained(REPOSITORY / "models" / "gi-tiny" / "unet")
    layers = tuple(layer.name for layer in find_cross_attention(unet))
    torch.manual_seed(0)
    inputs = torch.zeros(len(layers)), torch.ones(len(layers))
    made = Adapter(layers, "M_star", new_network(len(layers)), *inputs, -6.0, -2.0, {"model": "gi-tiny"})
    file = server.folder / "growth-inhibitors" / "adapters" / "of the plot.safetensors"
    file.parent.mkdir(parents=True, exist_ok=True)
    made.save(file)
    yield file.stem
    file.unlink()


def test_adapters_are_an_axis_and_one_that_is_not_there_is_refused_before_the_first_cell(server, adapter):
    cells = plot(server, GI, AXIS + "Adapter", f"none, {adapter}")
    alone = [server.draw(GI | {"adapter": name}, prompt=PROMPT) for name in ("none", adapter)]
    assert len(cells) == 2 and not alone[0].same(alone[1]) and not alone[1].same(server.draw(prompt=PROMPT))
    assert f"adapter={adapter}" in alone[1].infotexts[0]
    for cell, drawn in zip(cells, alone):
        assert (cell == drawn.pictures[0]).all()
    with said_by(server) as said, pytest.raises(Refused, match="of the plott"):
        plot(server, GI, AXIS + "Adapter", f"none, {adapter}t")
    assert not said and server.left == {"modules": [], "sessions": 0}


def test_a_plot_of_the_hosts_own_axis_is_inhibited_in_every_cell(server):
    cells = plot(server, GI, "Steps", "4, 8")
    for cell, steps in zip(cells, (4, 8)):
        assert (cell == server.draw(GI, prompt=PROMPT, steps=steps).pictures[0]).all()


def test_an_axis_with_a_value_that_cannot_be_is_refused_before_the_first_cell(server):
    with said_by(server) as said, pytest.raises(Refused):
        plot(server, GI, AXIS + "Strength", "4, -1")
    assert not said


def test_nothing_of_a_plot_is_left_in_the_next_picture(server):
    off, on = server.draw(prompt=PROMPT), server.draw(GI, prompt=PROMPT)
    plot(server, GI, AXIS + "Strength", "0, 7")
    assert off.same(server.draw(prompt=PROMPT)) and on.same(server.draw(GI, prompt=PROMPT))
    assert server.left == {"modules": [], "sessions": 0}


TEXT_SCRIPTS = {
    "Prompt matrix": [False, False, "positive", "comma", 0],
    "Prompts from file or textbox": [False, False, "start", f"{PROMPT}\na beer and a cat"],
}
PICTURE_SCRIPTS = {
    "Loopback": [2, 0.5, "Linear", "None"],
    "SD upscale": [None, 64, "Lanczos", 1.5],
    "Poor man's outpainting": [32, 4, "fill", ["left"]],
    "Outpainting mk2": [None, 32, 4, ["left"], 1.0, 0.05],
}


@pytest.mark.parametrize("name", TEXT_SCRIPTS)
def test_a_script_that_draws_several_pictures(server, name):
    payload = {"prompt": f"{PROMPT}|a cat", "script_name": name, "script_args": TEXT_SCRIPTS[name]}
    inhibited_throughout(server, 2, **payload)


@pytest.mark.parametrize("name", PICTURE_SCRIPTS)
def test_a_script_that_changes_a_picture(server, name):
    picture = encoded(server.draw(prompt="a cat on grass").pictures[0])
    payload = {"to": "img2img", "prompt": PROMPT, "init_images": [picture], "denoising_strength": 0.6}
    inhibited_throughout(server, 1, **payload, script_name=name, script_args=PICTURE_SCRIPTS[name])


def inhibited_throughout(server, at_least, **payload):
    before = server.draw(**payload)
    with said_by(server) as said:
        on = server.draw(GI, **payload)
    assert server.left == {"modules": [], "sessions": 0}
    again = server.draw(**payload)
    assert len(said) >= at_least and all(" in 16 layers" in line for line in said)
    assert len(on.all) == len(before.all) == len(again.all)
    for off, inhibited, after in zip(before.all, on.all, again.all):
        assert (off == after).all() and (off != inhibited).any()


def test_an_infotext_given_to_the_api_brings_the_protection_with_it(server):
    on = server.draw(GI, prompt=PROMPT)
    (text,) = on.infotexts
    assert server.draw(prompt=PROMPT, infotext=text).same(on)


def test_the_request_of_the_page_on_the_api_works_as_it_stands(server):
    page = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    answer = server.ask("/sdapi/v1/txt2img", json.loads(re.search(r"```json\n(.*?)```", page, re.S)[1]))
    (text,) = json.loads(answer["info"])["infotexts"]
    assert re.search(r"```text\n(.*?)\n```", page)[1] in text


def test_the_usual_python_client(server):
    webuiapi = pytest.importorskip("webuiapi")
    import numpy as np

    client = webuiapi.WebUIApi(port=server.port)
    call = {"prompt": PROMPT, "seed": 1, "steps": 8, "cfg_scale": 4, "sampler_name": "DDIM", **SIZE}
    # The client sends eta=1 unless told otherwise, by which DDIM adds noise at each step; the host's own value is 0.
    off, on = (server.draw(gi, prompt=PROMPT, eta=1) for gi in (None, GI))
    protected = client.txt2img(**call, alwayson_scripts={TITLE: {"args": [GI]}})
    assert (np.asarray(protected.image.convert("RGB")) == on.pictures[0]).all()
    assert protected.info["infotexts"] == on.infotexts and "Growth Inhibitors: beer=4" in on.infotexts[0]
    with pytest.raises(RuntimeError) as refused:
        client.txt2img(**call, alwayson_scripts={TITLE: {"args": [{"concepts": ["beeer"]}]}})
    assert "Did you mean 'beer'" in refused.value.args[1]
    changed = client.img2img(images=[protected.image], **call, alwayson_scripts={TITLE: {"args": [GI]}})
    assert "Growth Inhibitors: beer=4" in changed.info["infotexts"][0]
    plain = client.txt2img(**call, alwayson_scripts={})
    assert (np.asarray(plain.image.convert("RGB")) == off.pictures[0]).all()
    assert plain.info["infotexts"] == off.infotexts
