"""A trial's picture through the WebUI's own txt2img: which script runs, with what, and that nothing is saved."""

from types import SimpleNamespace

import pytest
from webui_fakes import host_modules

from lib_gi.errors import GrowthInhibitorError
from lib_gi.hosts.webui_draw import picture
from lib_gi.settings import Settings
from lib_gi.trial import Trial

TRIAL = Trial(Settings(concepts=("a",)), "a chef", "dark", 5, 9, 4.5, 128, 64, 2)


class Processing:
    """The host's object of a generation, with the fields that are given to it."""

    def __init__(self, **given):
        self.given, self.closed = given, False

    def close(self):
        self.closed = True


@pytest.fixture()
def host(monkeypatch):
    """The host's modules as far as they are used; `drawn` has what was drawn."""
    state = SimpleNamespace(job_count=-1, interrupted=False, skipped=False, stopping_generation=False)
    ours = SimpleNamespace(title=lambda: "GI", args_from=4, args_to=7)
    other = SimpleNamespace(title=lambda: "another", args_from=1, args_to=4)
    runner = SimpleNamespace(alwayson_scripts=[other, ours], callback_map={"process": "cached"})
    host = SimpleNamespace(state=state, runner=runner, ours=ours, drawn=[], cleared=[], images=["picture"], error=None)

    def process_images(p):
        host.drawn.append(p)
        if host.error:
            raise host.error
        return SimpleNamespace(images=host.images)

    contents = {
        "processing": {"StableDiffusionProcessingTxt2Img": Processing, "process_images": process_images},
        "scripts": {"scripts_txt2img": runner},
        "shared": {
            "state": state,
            "sd_model": "model",
            "total_tqdm": SimpleNamespace(clear=lambda: host.cleared.append(1)),
        },
    }
    host_modules(monkeypatch, contents)
    return host


def test_it_is_drawn_as_the_trial_says_and_nothing_of_it_is_saved(host):
    assert picture("GI", TRIAL, 6, TRIAL.settings) == "picture"
    [p] = host.drawn
    assert p.given == {
        "sd_model": "model",
        "prompt": "a chef",
        "negative_prompt": "dark",
        "seed": 6,
        "steps": 9,
        "cfg_scale": 4.5,
        "width": 128,
        "height": 64,
        "do_not_save_samples": True,
        "do_not_save_grid": True,
    }
    assert p.closed and host.cleared == [1] and host.state.job_count == 4


def test_our_script_runs_alone_with_these_settings_and_the_page_keeps_its_scripts(host):
    picture("GI", TRIAL, 5, Settings.disabled())
    [p] = host.drawn
    assert p.scripts.alwayson_scripts == [host.ours] and p.scripts.callback_map == {}
    assert p.script_args == [0, None, None, None, Settings.disabled().to_dict(), None, None]
    assert len(host.runner.alwayson_scripts) == 2 and host.runner.callback_map == {"process": "cached"}


@pytest.mark.parametrize("broken", ["interrupted", "skipped", "stopping_generation"])
def test_an_interrupted_picture_is_none(host, broken):
    setattr(host.state, broken, True)
    assert picture("GI", TRIAL, 5, TRIAL.settings) is None
    host.images = []  # interrupted between two pictures
    assert picture("GI", TRIAL, 5, TRIAL.settings) is None


def test_an_error_reaches_the_caller_and_the_generation_is_closed(host):
    host.error = GrowthInhibitorError("no layer was called")
    with pytest.raises(GrowthInhibitorError, match="no layer"):
        picture("GI", TRIAL, 5, TRIAL.settings)
    assert host.drawn[0].closed and host.cleared == [1]


def test_where_our_script_was_not_loaded_nothing_is_drawn(host):
    host.runner.alwayson_scripts.remove(host.ours)
    with pytest.raises(GrowthInhibitorError, match="no script 'GI'"):
        picture("GI", TRIAL, 5, TRIAL.settings)
    assert host.drawn == []
