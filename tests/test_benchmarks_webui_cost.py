"""The benchmark of cost in the WebUI: its switch, its rounds, and that a picture is drawn in the way that is timed."""

import importlib.util
import json
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip("diffusers")
from benchmarks import webui_cost as cost  # noqa: E402


class Fake:
    """A server that says what runs, and what the infotext tells."""

    log = "log.txt"

    def __init__(self, running=None, told=None, ends=(7.0, 8.0, 9.5)):
        self.running, self.told, self.on, self.asked, self.ends = running, told, True, [], ends

    def ask(self, path, body=None):
        if path == "/step_ends":
            return self.ends
        self.on = body["on"]
        return {"running": (2 if self.on else 0) if self.running is None else self.running}

    def draw(self, gi, **payload):
        self.asked.append((self.on, gi, payload))
        told = gi is not None if self.told is None else self.told
        return SimpleNamespace(infotexts=["Steps: 3" + ", Growth Inhibitors: nudity=4" * told])


@pytest.mark.parametrize(
    "way, on, concepts", [("absent", False, 0), ("disabled", True, 0), ("one", True, 1), ("twenty", True, 20)]
)
def test_a_picture_is_drawn_in_the_way_that_is_timed(way, on, concepts):
    server, ticks = Fake(), iter([2.0, 7.5])
    assert cost.seconds(server, way, 3, lambda: next(ticks)) == (1.25, 5.5 - 3 * 1.25)
    [(was_on, gi, payload)] = server.asked
    assert was_on == on and len(set(gi["concepts"]) if gi else []) == concepts
    assert (payload["width"], payload["height"], payload["steps"]) == (512, 512, 3)


@pytest.mark.parametrize(
    "way, wrong",
    [("absent", {"running": 1}), ("disabled", {"running": 0}), ("one", {"told": 0}), ("twenty", {"told": 0})]
    + [("absent", {"ends": (7.0, 8.0)})],
)
def test_a_picture_that_was_drawn_in_another_way_is_no_time(way, wrong):
    with pytest.raises(RuntimeError, match=f"way '{way}'.*log.txt"):
        cost.seconds(Fake(**wrong), way, 3)


def test_ratios_are_of_the_times_in_the_same_round_and_the_order_turns(monkeypatch):
    told = {"absent": iter([99, 2, 4, 8]), "disabled": iter([9, 2, 4, 8]), "one": iter([1, 3, 6, 12])}
    told["twenty"] = iter([1, 4, 8, 16])
    order = []
    once = {"absent": 1, "disabled": 1, "one": 1.5, "twenty": 3}
    monkeypatch.setattr(cost, "seconds", lambda _, way, steps: order.append(way) or (next(told[way]), once[way]))
    disabled, no_more, one, _, twenty, more = cost.measured(None, cost.WAYS, 2, 3)
    assert (more.name, more.value, more.unit) == ("cost.webui_sd15.twenty_once_s", 2.0, "s a picture")
    assert no_more.value == 0.0
    assert (disabled.name, disabled.value, disabled.repeats) == ("cost.webui_sd15.disabled", 1.0, 3)
    assert (one.name, one.low, one.value, one.high) == ("cost.webui_sd15.one", 1.5, 1.5, 1.5)
    assert (twenty.name, twenty.value) == ("cost.webui_sd15.twenty", 2.0)
    assert one.unit == "ratio of times, of 4.00 s per step"
    assert order == ["absent", *cost.WAYS, *cost.WAYS[::-1], "absent"] * 2


def test_the_command_makes_the_model_once_and_writes_all_figures(monkeypatch, tmp_path):
    made, stopped = [], []

    def make(command, **more):
        made.append(command[-1])
        (command[-2] / "sd15.safetensors").touch()

    monkeypatch.setattr(subprocess, "run", make)
    monkeypatch.setattr(cost.Server, "start", lambda server: Fake())
    monkeypatch.setattr(cost.Server, "stop", lambda server: stopped.append(server))
    work = tmp_path / "work"
    for _ in range(2):
        cost.main(["--webui", str(tmp_path), "--work", str(work), "--repeats", "2", "--results", str(tmp_path)])
    assert made == ["sd15"] and len(stopped) == 2
    assert (work / "extensions" / "webui_switch" / "scripts" / "switch.py").exists()
    for way in ("one", "twenty", "disabled"):
        record = json.loads((tmp_path / f"cost.webui_sd15.{way}.json").read_text())
        assert record["n"] == record["repeats"] == 2 and record["value"] > 0


def test_the_switch_takes_out_what_the_extension_runs_and_puts_it_back_in_its_place(monkeypatch):
    script = [SimpleNamespace(filename=f"/extensions/x/scripts/{n}.py") for n in ("other", "growth_inhibitors", "last")]
    callbacks = [SimpleNamespace(script=f"/x/scripts/{name}.py") for name in ("growth_inhibitors", "other")]
    modules = ModuleType("modules")
    modules.scripts = SimpleNamespace(scripts_txt2img=SimpleNamespace(alwayson_scripts=list(script)))
    steps, routes = [], []
    app = SimpleNamespace(add_api_route=lambda *route, **more: routes.append((*route, more["methods"])))
    modules.script_callbacks = SimpleNamespace(
        callback_map={"callbacks_cfg_denoiser": list(callbacks), "callbacks_ui_tabs": []},
        on_app_started=lambda add: add(None, app),
        on_cfg_after_cfg=steps.append,
    )
    monkeypatch.setitem(sys.modules, "modules", modules)
    spec = importlib.util.spec_from_file_location("switch", cost.SWITCH / "scripts" / "switch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert routes == [("/switch", module.switch, ["POST"]), ("/step_ends", module.step_ends, ["GET"])]
    runner, map_ = modules.scripts.scripts_txt2img, modules.script_callbacks.callback_map
    for _ in range(2):
        assert module.switch(False) == {"running": 0}
        assert runner.alwayson_scripts == [script[0], script[2]]
        assert map_ == {"callbacks_cfg_denoiser": callbacks[1:], "callbacks_ui_tabs": []}
        assert module.switch(True) == {"running": 2}
        assert runner.alwayson_scripts == script and map_["callbacks_cfg_denoiser"] == callbacks
    steps[0](None), steps[0](None)
    first, second = module.step_ends()
    assert first <= second
    module.switch(True)
    assert module.step_ends() == []
