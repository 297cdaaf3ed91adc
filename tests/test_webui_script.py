"""The WebUI's script, from the host's first callback to its last, with fakes of what the host hands to it."""

import gc
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import fake_gradio
import pytest
import torch
from tiny_unet import hooks
from webui_fakes import Denoiser, Generation, Host, OptionInfo, Options, sample

from lib_gi.concepts import Concept
from lib_gi.errors import ConceptError, SettingsError
from lib_gi.hosts.webui import Done
from lib_gi.webui.arguments import FIELDS

FILE = Path(__file__).parents[1] / "scripts" / "growth_inhibitors.py"
NUDITY = {"concepts": ["nudity"]}


class WebUI:
    """A host that calls the script's methods in its own order, and swallows what they raise."""

    def __init__(self, module, loaded):
        self.script, self.loaded, self.swallowed = module.GrowthInhibitorsScript(), loaded, []
        self.defaults = [component.value for component in self.script.ui(False)]

    def call(self, method, *args, **kwargs):
        try:
            getattr(self.script, method)(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - as the host does it
            self.swallowed.append(error)

    def set_in_the_page(self, **values):
        for key, value in values.items():
            self.shared.opts.set(key, value)

    def generate(self, *given, hires=False, p=None, job=None, steps=3, taken=None, inside=lambda: None):
        """The rows of each step, the infotext's parameters and the comments under the picture.

        job: None for a new one. taken: steps that the sampler takes, where those are not the ones that it tells.
        inside: called while the picture is post-processed.
        """
        self.loaded.job = job or object()
        args = [*given, *self.defaults[len(given) :]]
        wrap = self.denoiser(steps)
        p = p or Generation(wrap)
        p.sampler.model_wrap_cfg, wrap.p = wrap, p
        p.comments, p.is_hr_pass = [], hires
        p.comment = p.comments.append
        p.extra_generation_params = getattr(p, "extra_generation_params", {})
        self.call("process", p, *args)
        self.call("process_before_every_sampling", p, *args, x=None, noise=None, c=None, uc=None)
        drawn = sample(wrap) if taken is None else sample(wrap, taken) if taken else []
        ps = SimpleNamespace(samples=drawn)
        self.call("post_sample", p, ps, *args)
        getattr(ps.samples, "already_decoded", False)  # as the host asks, before it makes a picture of them
        inside()
        self.call("postprocess", p, SimpleNamespace(), *args)
        return SimpleNamespace(drawn=drawn, params=p.extra_generation_params, comments=p.comments, p=p)

    def without_scripts(self, p=None):
        """The rows of each step of a generation in which our script is not asked, within the job of the last one."""
        wrap = self.denoiser(3)
        wrap.p = p or Generation(wrap)
        return SimpleNamespace(drawn=sample(wrap), p=wrap.p)

    def denoiser(self, steps):
        return Denoiser(self.loaded, lambda told: [callback(told) for callback in self.cfg_denoiser], steps=steps)


@pytest.fixture()
def webui(monkeypatch, tmp_path, loggers):
    names = ("on_cfg_denoiser", "on_app_started", "on_before_ui", "on_ui_tabs", "on_ui_settings")
    registered = {name: [] for name in names}
    contents = {
        "call_queue": {"wrap_gradio_gpu_call": lambda function, extra_outputs: function},
        "images": {"save_image": lambda image, folder, name, *named_by, **told: None},
        "paths": {"data_path": str(tmp_path)},
        "scripts": {"Script": type("Script", (), {}), "AlwaysVisible": object(), "scripts_data": []},
        "script_callbacks": {name: found.append for name, found in registered.items()},
        "shared": {
            "cmd_opts": SimpleNamespace(api_auth=None, loglevel=None, growth_inhibitors_always=""),
            "opts": Options(),
            "OptionInfo": OptionInfo,
            "state": SimpleNamespace(interrupt=lambda: None),
        },
    }
    with fake_gradio.installed(monkeypatch, True):
        package = sys.modules.get("modules") or ModuleType("modules")
        monkeypatch.setitem(sys.modules, "modules", package)
        for name, content in contents.items():
            module = ModuleType(f"modules.{name}")
            module.__dict__.update(content)
            monkeypatch.setattr(package, name, module, raising=False)
            monkeypatch.setitem(sys.modules, f"modules.{name}", module)
        spec = importlib.util.spec_from_file_location("growth_inhibitors_script", FILE)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        loaded = Host()
        monkeypatch.setattr(module, "Webui", lambda: loaded)
        host = WebUI(module, loaded)
        host.module, host.cfg_denoiser, host.ui_tabs = module, registered["on_cfg_denoiser"], registered["on_ui_tabs"]
        host.shared = sys.modules["modules.shared"]
        for add_options in registered["on_ui_settings"]:
            add_options()
        yield host
        assert not host.swallowed


def differs(a, b):
    return [not torch.equal(x[0], y[0]) for x, y in zip(a.drawn, b.drawn)]


def test_an_api_call_is_inhibited_recorded_and_said(webui):
    off, on = webui.generate(), webui.generate({"concepts": ["nudity", "blood"], "strengths": {"blood": 5}})
    assert all(differs(off, on))
    assert on.params["Growth Inhibitors"] == "nudity=3; blood=5"
    done = "3 of 3 steps in 3 layers; AUTOMATIC1111, Doggettx; uncalibrated default, never run on this model"
    assert on.comments == [f"Growth Inhibitors: nudity=3; blood=5; {done}"]
    told = "steps=3 of 3; layers=3; host=AUTOMATIC1111; optimisation=Doggettx; strength=uncalibrated default"
    assert on.params["Growth Inhibitors done"] == told
    assert hooks(webui.loaded.loaded) == 0


def test_the_forms_values_do_what_the_same_api_call_does(webui):
    values = dict(zip(FIELDS, webui.defaults)) | {"enabled": True, "free_text": "nudity"}
    form, api = webui.generate(*values.values()), webui.generate({"concepts": ["nudity"]})
    assert all(torch.equal(a, b) for a, b in zip(form.drawn, api.drawn)) and form.params == api.params


def test_disabled_it_changes_nothing_says_nothing_and_clears_what_another_cell_wrote(webui):
    first = webui.generate({"concepts": ["nudity"]})
    second = webui.generate({"enabled": False, "concepts": ["nudity"]}, p=first.p)
    assert not any(differs(webui.generate(), second))
    assert second.params == {} and second.comments == []


@pytest.mark.parametrize(
    "given, kind, problem",
    [
        ({"concepts": ["nuditty"]}, ConceptError, "Did you mean 'nudity'"),
        ({"concepts": ["nudity"], "strenght": 4}, SettingsError, "Did you mean 'strength'"),
        ({"concepts": ["nudity"], "strength": float("nan")}, SettingsError, "finite"),
        ({"concepts": []}, SettingsError, "no concept"),
        ("nudity", SettingsError, "enabled"),
    ],
)
def test_a_mistake_in_a_call_stops_the_generation_with_its_own_error(webui, given, kind, problem):
    with pytest.raises(kind, match=problem):
        webui.generate(given)
    assert hooks(webui.loaded.loaded) == 0


def test_the_hires_pass_is_left_alone_where_the_settings_say_so_and_that_is_said(webui):
    off, on = webui.generate(hires=True), webui.generate({"concepts": ["nudity"], "hires": False}, hires=True)
    assert not any(differs(off, on))
    assert "no step was sampled in which to act" in on.comments[0]


def test_each_batch_tells_of_its_own_passes(webui):
    p = webui.generate().p
    concepts = [SimpleNamespace(name="nudity")]
    protection = webui.module.Protection(webui.loaded, webui.module.Settings(concepts=("nudity",)), concepts)
    setattr(p, webui.module.ATTRIBUTE, protection)
    told = []
    p.comment = told.append
    for steps in (2, 5):
        protection.done.append(Done(3, steps, steps, "Doggettx"))
        webui.call("post_sample", p, SimpleNamespace(), [])
    assert p.extra_generation_params["Growth Inhibitors done"].startswith("steps=5 of 5; ")
    assert ["2 of 2 steps" in told[0], "5 of 5 steps" in told[1], "2 of 2 steps" in told[1]] == [True, True, False]


def test_what_a_generation_that_failed_between_two_steps_left_is_taken_out_by_the_next_one(webui):
    untouched = webui.generate()
    protection = webui.module.Protection(
        webui.loaded, webui.module.Settings(concepts=("nudity",)), [SimpleNamespace(name="nudity")]
    )
    wrap = Denoiser(webui.loaded, protection.begin_step)
    failed = Generation(wrap)
    protection.begin_sampling(failed)
    sample(wrap, steps=1)
    assert hooks(webui.loaded.loaded) > 0
    assert not any(differs(untouched, webui.generate()))
    assert hooks(webui.loaded.loaded) == 0


def test_strength_zero_is_said_to_do_nothing(webui):
    off, on = webui.generate(), webui.generate({"concepts": ["nudity"], "strength": 0})
    assert not any(differs(off, on))
    assert on.comments == ["Growth Inhibitors: nudity=0, which does nothing"]
    assert "Growth Inhibitors done" not in on.params


def test_an_own_concept_acts_at_once_and_lies_in_the_hosts_data_folder(webui, tmp_path):
    with pytest.raises(ConceptError, match="clown"):
        webui.generate({"concepts": ["clown"]})
    webui.module.library.own.add(Concept("clown", "red nose", "circus"))
    assert (tmp_path / "growth-inhibitors" / "concepts.json").exists()
    assert webui.generate({"concepts": ["clown"]}).params["Growth Inhibitors"] == "clown=3"
    form = dict(zip(FIELDS, webui.defaults)) | {"enabled": True, "concepts": ["circus / clown"]}
    assert webui.generate(*form.values()).params["Growth Inhibitors"] == "clown=3"
    webui.module.library.own.delete(Concept("clown", "red nose", "circus"))
    with pytest.raises(ConceptError, match="clown"):
        webui.generate(*form.values())


def test_with_a_damaged_file_of_own_concepts_a_built_in_one_works_and_one_that_only_it_had_is_refused(webui):
    own = webui.module.library.own
    own.add(Concept("clown", "red nose", "circus"))
    own.path.write_text("[\n{")
    assert webui.generate({"concepts": ["nudity"]}).params["Growth Inhibitors"] == "nudity=3"
    for more in ({}, {"free_text": True}):
        with pytest.raises(ConceptError, match="line 2"):
            webui.generate({"concepts": ["clown"], **more})
    [problem] = webui.module.status()["problems"]
    assert "line 2" in problem and own.path.read_text() == "[\n{"


def test_the_page_has_the_tab(webui):
    [callback] = webui.ui_tabs
    [(_, title, elem_id)] = callback()
    assert (title, elem_id) == ("Growth Inhibitors", "growth_inhibitors")


def test_the_status_counts_hooks_that_are_in(webui):
    protection = webui.module.Protection(webui.loaded, webui.module.Settings(concepts=("a",)), [])
    assert webui.module.status()["hooks_in_cross_attention"] == 0
    handle = webui.loaded.loaded.mid_block.attn2.to_q.register_forward_hook(lambda *_: None)
    assert webui.module.status()["hooks_in_cross_attention"] == 1
    handle.remove()
    del protection


def test_what_is_always_kept_out_acts_whatever_a_call_says_and_is_said(webui):
    off = webui.generate()
    webui.shared.cmd_opts.growth_inhibitors_always = "nudity=6"
    for given in ({"enabled": False}, {"concepts": ["nudity"], "strength": 0, "first_step": 2}):
        on = webui.generate(given)
        assert all(differs(off, on)) and on.params["Growth Inhibitors"] == "nudity=6"
    webui.set_in_the_page(growth_inhibitors_always="blood")
    assert webui.generate().params["Growth Inhibitors"] == "nudity=6; blood=3"
    line = webui.module.forecast(webui.module.Settings.disabled())
    assert "nudity=6; blood=3" in line and "always" in line


def test_a_generation_that_came_without_scripts_has_what_is_always_kept_out_and_leaves_nothing(webui):
    without_scripts = webui.without_scripts
    off = without_scripts()
    assert hooks(webui.loaded.loaded) == 0
    webui.set_in_the_page(growth_inhibitors_always="nudity")
    on = without_scripts()
    assert all(differs(off, on)) and not any(differs(on, webui.generate({"concepts": ["nudity"]})))
    without_scripts()
    gc.collect()
    assert hooks(webui.loaded.loaded) == 0
    webui.set_in_the_page(growth_inhibitors_always="nudity=much")
    with pytest.raises(SettingsError, match="much"):
        without_scripts()
    webui.set_in_the_page(growth_inhibitors_always="")
    assert not any(differs(off, without_scripts()))


def test_where_what_is_always_kept_out_cannot_be_read_nothing_is_drawn(webui):
    webui.set_in_the_page(growth_inhibitors_always="nudity=much")
    with pytest.raises(SettingsError, match="much"):
        webui.generate()
    assert "much" in webui.module.forecast(webui.module.Settings.disabled())


def test_what_is_always_kept_out_is_no_concept_that_anybody_at_the_page_can_change(webui, monkeypatch):
    webui.set_in_the_page(growth_inhibitors_always="nudity")
    seen = webui.generate()
    webui.module.library.own.add(Concept("nudity", "unicorn", "mine"))
    assert not any(differs(seen, webui.generate()))
    phrases = []
    monkeypatch.setattr(
        webui.loaded,
        "encode",
        lambda c, w, size: phrases.append(c.phrase) or (_ for _ in ()).throw(SettingsError("stop here")),
    )
    with pytest.raises(SettingsError, match="stop here"):
        webui.generate({"concepts": ["nudity"]})
    assert phrases and "unicorn" not in phrases


def test_the_form_begins_with_what_the_settings_page_says_and_without_it_where_that_cannot_be_read(webui, caplog):
    webui.set_in_the_page(growth_inhibitors_default="nudity=6; clown")
    values = dict(zip(FIELDS, (component.value for component in webui.script.ui(False))))
    assert values["enabled"] and values["free_text"] == "clown"
    assert webui.generate(*values.values()).params["Growth Inhibitors"] == "nudity=6; clown=3"
    webui.set_in_the_page(growth_inhibitors_default="nudity=much")
    values = dict(zip(FIELDS, (component.value for component in webui.script.ui(False))))
    assert not values["enabled"] and "much" in caplog.text
