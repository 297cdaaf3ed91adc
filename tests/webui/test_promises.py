"""What users of the real WebUI rely on: erasure, clear refusals, a record that comes back, nothing left behind."""

import shutil

import numpy as np
import pytest
from cells import GI, PROMPT, said_by

from lib_gi import infotext
from lib_gi.concepts import Concept
from lib_gi.own_concepts import OwnConcepts
from tools.webui_server import REPOSITORY, TITLE, Refused, encoded


def test_a_concept_is_erased_and_the_rest_is_kept_as_the_judge_of_record_sees_it(server):
    from lib_gi.detect.oracle import Oracle
    from tools.gi_tiny.prompts import erasure_set
    from tools.gi_tiny.world import OBJECTS

    judge = Oracle.load(REPOSITORY / "models" / "gi-tiny-judges" / "record.safetensors")
    prompts = erasure_set("beer", "explicit", 24, "test")
    found = {}
    for name, gi in (("off", None), ("on", GI)):
        pictures = [server.draw(gi, prompt=p.text, seed=p.seed, steps=20).pictures[0] for p in prompts]
        found[name] = judge.judge(np.stack(pictures)).objects[:, OBJECTS.index("beer")].mean()

    assert found["off"] >= 0.7 and found["on"] <= 0.15, found


def test_an_anchor_takes_a_style_away_that_the_model_draws_of_its_own_accord(server):
    from lib_gi.detect.oracle import Oracle
    from tools.gi_tiny.world import STYLES

    judge = Oracle.load(REPOSITORY / "models" / "gi-tiny-judges" / "record.safetensors")
    folder = server.folder / "growth-inhibitors"
    own, is_new = OwnConcepts(folder), not folder.exists()
    bare, anchored = Concept("bare look", "fluent", "mine"), Concept("anchored look", "fluent", "mine", "noto")
    gi = {"weighting": "contrast", "strength": 1.25}
    found = {}
    own.merge([bare, anchored])
    try:
        for name in ("", bare.name, anchored.name):
            more = gi | {"concepts": [name]} if name else None
            pictures = [server.draw(more, prompt="a ship", seed=seed, steps=20).pictures[0] for seed in range(12)]
            found[name] = judge.judge(np.stack(pictures)).in_style(STYLES.index("fluent")).mean()
        with said_by(server) as said:
            server.draw(gi | {"concepts": [anchored.name], "weighting": "agreement"}, prompt="a ship", steps=2)
    finally:
        own.delete(bare)
        own.delete(anchored)
        if is_new:
            shutil.rmtree(folder)

    assert found[""] >= 0.7 and found[bare.name] >= 0.5 and found[anchored.name] <= 0.2, found
    assert said and "anchor of anchored look takes no part in agreement" in server.log.read_text(errors="replace")


@pytest.mark.parametrize(
    "given, problem",
    [
        ({"concepts": ["beeer"]}, "Did you mean 'beer'"),
        ({"concepts": ["beer"], "strenght": 2}, "Did you mean 'strength'"),
        ({"enabled": False, "strenght": 2}, "Did you mean 'strength'"),
        ({"concepts": ["beer"], "strength": -1}, "from 0"),
        ({"concepts": ["beer"], "first_step": 99}, "lower first_step"),
        ({"concepts": ["beer"], "first_step": 7}, "only the steps 0 to 6, .*lower first_step"),
        ({"concepts": []}, "no concept"),
        ({"concepts": ["word " * 80], "free_text": True}, "at most 75"),
    ],
)
def test_a_bad_call_is_answered_with_its_error_and_the_next_good_one_is_untouched(server, given, problem):
    before = server.draw(prompt=PROMPT)
    with pytest.raises(Refused, match=problem):
        server.draw(given, prompt=PROMPT)
    assert server.left == {"modules": [], "sessions": 0}
    assert before.same(server.draw(prompt=PROMPT))


@pytest.mark.parametrize("to", ["txt2img", "img2img"])
@pytest.mark.parametrize("entry", [{}, {"args": []}, {"arg": [GI]}, GI, {"args": [GI, 8]}, {"args": [GI], "x": 1}])
def test_an_entry_of_which_the_host_would_drop_something_is_refused(server, to, entry):
    picture = encoded(np.zeros((64, 64, 3), dtype=np.uint8))
    more = {"init_images": [picture]} if to == "img2img" else {}
    with pytest.raises(Refused, match="SettingsError.*xpected"):
        server.draw(to=to, prompt=PROMPT, steps=2, alwayson_scripts={TITLE: entry}, **more)


def test_brackets_and_colons_in_a_concept_mean_nothing(server):
    plain = server.draw({"concepts": ["beer"], "free_text": True}, prompt=PROMPT)
    for words in ("(beer)", "(beer:1.5)", "[beer:cat:0.5]", "beer AND cat", "<lora:beer:1>"):
        drawn = server.draw({"concepts": [words], "free_text": True}, prompt=PROMPT)
        assert not drawn.same(plain), words
        (text,) = drawn.infotexts
        assert "Emphasis" not in text and "TI hashes" not in text and "Lora hashes" not in text


def test_the_size_of_the_effect_follows_strength_and_steps(server):
    off = server.draw(prompt=PROMPT)
    assert off.same(server.draw({"concepts": ["beer"], "strength": 0}, prompt=PROMPT))
    whole = server.draw(GI, prompt=PROMPT)
    with said_by(server) as said:
        part = server.draw(GI | {"first_step": 2, "last_step": 3}, prompt=PROMPT, sampler_name="DDIM")
    assert not part.same(whole) and not part.same(off)
    assert "2 of 7 steps in 16 layers" in said[0]  # of 8, as DDIM takes one less


def test_hires_off_leaves_the_second_pass_alone_and_says_so(server):
    hires = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.6, "hr_upscaler": "Latent"}
    with said_by(server) as said:
        both = server.draw(GI, prompt=PROMPT, **hires)
        first = server.draw(GI | {"hires": False}, prompt=PROMPT, **hires)
    assert not both.same(first)
    assert [line.count(" in 16 layers") for line in said] == [2, 1]


def test_the_infotext_gives_back_the_settings(server):
    gi = GI | {"concepts": ["beer", "a, b: c"], "free_text": True, "weighting": "plain", "strengths": {"beer": 2.5}}
    (text,) = server.draw(gi, prompt=PROMPT).infotexts
    answer = server.ask("/sdapi/v1/png-info", {"image": with_infotext(text)})
    values, warnings = infotext.read(answer["parameters"])
    assert not warnings
    assert values["concepts"] == ["beer", "a, b: c"] and values["weighting"] == "plain"
    assert values["strengths"] == {"beer": 2.5} and values["free_text"] is True


def with_infotext(text):
    """A picture that carries this infotext, as the API takes it."""
    import base64
    import io

    from PIL import Image, PngImagePlugin

    chunk = PngImagePlugin.PngInfo()
    chunk.add_text("parameters", text)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=chunk)
    return base64.b64encode(file.getvalue()).decode()


def test_an_image_to_image_that_samples_no_step_says_that_nothing_acted(server):
    picture = encoded(server.draw(prompt="a cat").pictures[0])
    with said_by(server) as said:
        server.draw(GI, to="img2img", prompt=PROMPT, init_images=[picture], denoising_strength=0)
    assert " in 16 layers" in said[0] or "no step was sampled" in said[0]


def test_an_image_to_image_whose_sampler_takes_fewer_steps_than_it_tells_is_refused(server):
    picture = encoded(server.draw(prompt="a cat").pictures[0])
    half = {"to": "img2img", "prompt": PROMPT, "init_images": [picture], "denoising_strength": 0.5}
    with said_by(server) as said:
        server.draw(GI | {"first_step": 2}, **half)
    assert "1 of 3 steps in 16 layers" in said[0]
    with pytest.raises(Refused, match="only the steps 0 to 2, .*lower first_step"):
        server.draw(GI | {"first_step": 3}, **half)


def test_a_hires_pass_in_which_nothing_acts_is_refused_unless_that_was_asked_for(server):
    hires = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.6, "hr_upscaler": "Latent", "prompt": PROMPT}
    late = GI | {"first_step": 6}  # the last one of the first pass; the other has one less
    with pytest.raises(Refused, match="only the steps 0 to 5, .*lower first_step"):
        server.draw(late, **hires)
    assert "first step=6" in server.draw(late | {"hires": False}, **hires).infotexts[0]


def test_where_no_step_is_sampled_a_mistake_is_refused_and_nothing_is_recorded(server):
    none = {"to": "img2img", "prompt": PROMPT, "denoising_strength": 0, "sampler_name": "DDIM"}
    none["init_images"] = [encoded(server.draw(prompt="a cat").pictures[0])]
    with pytest.raises(Refused, match="Did you mean 'beer'"):
        server.draw({"concepts": ["beeer"]}, **none)
    assert "Growth Inhibitors" not in server.draw(GI, **none).infotexts[0]
    assert server.left == {"modules": [], "sessions": 0}


def test_the_routes_list_the_concepts_and_the_script_is_known_to_the_api(server):
    assert any(c["name"] == "beer" for found in server.ask("/growth-inhibitors/concepts").values() for c in found)
    scripts = server.ask("/sdapi/v1/scripts")
    assert TITLE.lower() in scripts["txt2img"] and TITLE.lower() in scripts["img2img"]


def test_the_log_holds_no_error_of_the_extension(server):
    log = server.log.read_text()
    blocks = [block for block in log.split("*** ") if "growth_inhibitors.py" in block.splitlines()[0]]
    assert not blocks, blocks[0][:2000]
