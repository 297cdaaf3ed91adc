"""What is asked of the WebUI's model: the phrase as plain words, its tokens, and no trace left behind."""

import contextlib
import re
import sys
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from webui_fakes import host_modules

from lib_gi.concepts import Concept
from lib_gi.errors import ConceptError, UnsupportedModelError
from lib_gi.hosts.webui_model import Webui, as_words

ROOM = 75


class TextEncoder:
    """One token a word; a textual inversion named `inv` has four. Notes what the host would put in an infotext."""

    chunk_length = ROOM

    def __init__(self):
        self.hijack = SimpleNamespace(extra_generation_params={"Emphasis": "Ignore"})
        self.seen = []

    def tokenize_line(self, line):
        count = sum(4 if word == "inv" else 1 for word in line.split())
        return [object()] * max(1, -(-count // ROOM)), count

    def __call__(self, prompt):
        self.seen.append(prompt)
        self.hijack.extra_generation_params["TI hashes"] = "inv: 0123"
        return torch.ones(len(prompt), 77, 8)


@pytest.fixture()
def host(monkeypatch):
    """A fake of the host's modules with an SD1 checkpoint loaded."""
    encoder = TextEncoder()
    model = SimpleNamespace(
        cond_stage_model=encoder,
        get_learned_conditioning=encoder,
        model=SimpleNamespace(diffusion_model=torch.nn.Linear(2, 2)),
        cond_stage_key="txt",
        sd_checkpoint_info=SimpleNamespace(name_for_extra="tiny"),
        sd_model_checkpoint="models/tiny.safetensors",
    )

    class SdConditioning(list):
        def __init__(self, prompts, is_negative_prompt=False, width=None, height=None):
            super().__init__(prompts)
            self.width, self.height = width, height

    modules = {
        "devices": {"autocast": contextlib.nullcontext},
        "progress": {"current_task": "task(1)"},
        "prompt_parser": {"SdConditioning": SdConditioning},
        "sd_hijack": {"model_hijack": SimpleNamespace(optimization_method="sub-quadratic")},
        "shared": {
            "sd_model": model,
            "opts": SimpleNamespace(emphasis="Original"),
            "state": SimpleNamespace(time_start=9.5),
        },
        "sd_unet": {"get_unet_option": lambda: None},
        "sd_models": {"model_data": SimpleNamespace(sd_model=model)},
    }
    package = host_modules(monkeypatch, modules)
    told = {name: getattr(package, name) for name in ("shared", "progress")}
    return SimpleNamespace(webui=Webui(), model=model, encoder=encoder, **told)


def test_a_job_is_told_by_its_task_and_where_it_has_none_by_its_start(host):
    assert host.webui.job == "task(1)"
    host.progress.current_task = None
    assert host.webui.job == 9.5


def test_a_concept_is_the_hosts_own_encoding_with_the_span_of_its_tokens(host):
    got = host.webui.encode(Concept("inverted", "red inv"), -4.0, (512, 768))
    assert (got.s, got.e) == (1, 6) and tuple(got.c_star.shape) == (1, 77, 8)
    assert got.w.tolist() == [[-4.0] * 5]
    assert (host.encoder.seen[0].width, host.encoder.seen[0].height) == (512, 768)


def test_an_anchor_is_read_as_plain_words_too_and_has_to_fit(host):
    got = host.webui.encode(Concept("toon", "cartoon", anchor="a (photo)"), -4.0, (512, 768))
    assert [str(seen[0]) for seen in host.encoder.seen] == ["a \\(photo\\)", "cartoon"]
    assert got.anchor.shape == got.c_star.shape == (1, 77, 8)
    with pytest.raises(ConceptError, match="'the anchor of toon' has 76 tokens"):
        host.webui.encode(Concept("toon", "cartoon", anchor="word " * 76), -4.0, (512, 768))


def test_encoding_leaves_no_trace_in_the_infotext(host):
    host.webui.encode(Concept("a", "inv"), -4.0, (512, 512))
    assert host.encoder.hijack.extra_generation_params == {"Emphasis": "Ignore"}


def test_sdxls_context_is_the_one_that_is_attended_to(host):
    host.model.get_learned_conditioning = lambda prompt: {"vector": torch.ones(1, 3), "crossattn": torch.ones(1, 77, 9)}
    host.model.cond_stage_model = SimpleNamespace(embedders=[object(), host.encoder])
    assert host.webui.encode(Concept("a", "a"), -1.0, (1024, 1024)).c_star.shape[2] == 9


@pytest.mark.parametrize("words, problem", [("", "no token"), ("word " * 76, "76 tokens; expected at most 75")])
def test_a_phrase_that_has_no_token_or_too_many_is_refused(host, words, problem):
    concept = SimpleNamespace(name="a", phrase=words)
    with pytest.raises(ConceptError, match=problem):
        host.webui.encode(concept, -1.0, (512, 512))


def test_what_is_told_of_a_phrase_beforehand_is_what_encoding_it_finds(host):
    assert host.webui.counted(Concept("a", "a (b) inv")) == ("a \\(b\\) inv", 6)
    assert host.encoder.seen == []
    with pytest.raises(ConceptError, match="76 tokens"):
        host.webui.counted(Concept("a", "word " * 76))


def test_a_unet_that_the_settings_put_in_the_place_of_the_checkpoints_is_named(host, monkeypatch):
    assert host.webui.replacement == ""
    option = SimpleNamespace(label="[TRT] tiny")
    monkeypatch.setattr(sys.modules["modules.sd_unet"], "get_unet_option", lambda: option)
    assert host.webui.replacement == "[TRT] tiny"


def test_a_model_of_another_build_is_refused(host):
    host.shared.sd_model.model.diffusion_model = None
    with pytest.raises(UnsupportedModelError, match="Stable Diffusion 1, 2 or XL"):
        host.webui.unet()
    host.model.cond_stage_model = object()
    with pytest.raises(UnsupportedModelError, match="tokenize_line"):
        host.webui.encode(Concept("a", "a"), -1.0, (512, 512))


def test_rows_are_those_of_an_edit_model_only_where_its_image_guidance_acts(host):
    denoiser = SimpleNamespace(image_cfg_scale=1.5)
    assert not host.webui.edits(denoiser)
    host.model.cond_stage_key = "edit"
    assert host.webui.edits(denoiser)
    assert not host.webui.edits(SimpleNamespace(image_cfg_scale=1.0))
    assert not host.webui.edits(SimpleNamespace(image_cfg_scale=None))


def test_the_checkpoint_and_the_optimisation_are_named(host):
    assert (host.webui.checkpoint, host.webui.optimisation) == ("tiny", "sub-quadratic")
    assert host.webui.weights == "models/tiny.safetensors"
    sys.modules["modules.sd_models"].model_data.sd_model = None
    assert (host.webui.checkpoint, host.webui.weights) == ("", "")


@given(st.text(alphabet="ab ()[]\\:1.5BREAK"))
def test_plain_words_have_no_bracket_that_acts_and_come_back_when_read(phrase):
    text = as_words(phrase, brackets_mean_something=True)
    assert re.search(r"\bBREAK\b", text) is None
    unescaped = re.sub(r"\\(.)", r"\1", text)
    assert unescaped == re.sub(r"\bBREAK\b", "break", phrase)
    bare = re.sub(r"\\.", "", text)
    assert not set(bare) & set("()[]\\")


def test_brackets_are_left_alone_where_the_host_gives_them_no_meaning(host):
    host.shared.opts.emphasis = "None"
    host.webui.encode(Concept("a", "a (b)"), -1.0, (512, 512))
    host.shared.opts.emphasis = "Original"
    host.webui.encode(Concept("a", "a (b)"), -1.0, (512, 512))
    assert [seen[0] for seen in host.encoder.seen] == ["a (b)", "a \\(b\\)"]
