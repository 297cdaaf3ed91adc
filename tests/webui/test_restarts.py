"""Other command lines, each of which needs a start of its own, and the WebUI without the extension's folder."""

import base64
import json
import urllib.request

import pytest
from cells import GI, PROMPT, check

from tools.webui_server import TITLE, Refused, encoded

HIRES = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.6, "hr_upscaler": "Latent"}


@pytest.fixture(scope="module", autouse=True)
def usual(server):
    """Pictures of the usual command line, which is there again after this module."""
    yield server.draw(prompt=PROMPT), server.draw(GI, prompt=PROMPT)
    server.restart()


@pytest.mark.parametrize("flag", ["--medvram", "--lowvram"])
def test_little_memory(server, usual, flag):
    server.restart(flag)
    assert server.ask("/sdapi/v1/cmd-flags")[flag.removeprefix("--")] is True
    off, on = check(server)
    assert off.same(usual[0]) and on.same(usual[1])
    for more in ({"batch_size": 2}, {"prompt": "a beer AND a cat"}, HIRES, {"prompt": f"{PROMPT} <lora:text:1>"}):
        check(server, **more)
    check(server, refiner_checkpoint="second", refiner_switch_at=0.5)
    check(server, to="img2img", init_images=[encoded(off.pictures[0])], denoising_strength=0.75)


def test_the_api_without_the_page(server, usual):
    server.restart("--nowebui")
    off, on = check(server)
    assert off.same(usual[0]) and on.same(usual[1])
    assert server.ask("/growth-inhibitors/status")["checkpoint"] == "gi-tiny"


def test_the_routes_are_behind_the_apis_own_password(server):
    server.restart("--api-auth", "ann:secret")
    for path in ("/growth-inhibitors/concepts", "/growth-inhibitors/status"):
        with pytest.raises(Refused, match="401"):
            server.ask(path)
        known = {"Authorization": f"Basic {base64.b64encode(b'ann:secret').decode()}"}
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=known)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        assert json.loads(opener.open(request, timeout=60).read())


def test_what_is_always_kept_out_is_kept_out_whatever_is_asked_for(server, usual):
    server.restart("--growth-inhibitors-always", "beer=4")
    on = server.draw({"concepts": ["beer"], "strength": 4}, prompt=PROMPT)
    assert not on.same(usual[0])
    weaker = {"concepts": ["beer"], "strength": 0, "first_step": 7, "bound": [1, 1]}
    option = {"override_settings": {"growth_inhibitors_always": ""}}
    for given, more in ((None, {}), ({"enabled": False}, {}), (weaker, {}), (None, option)):
        drawn = server.draw(given, prompt=PROMPT, **more)
        assert drawn.same(on) and "Growth Inhibitors: beer=4" in drawn.infotexts[0]
    server.ask("/sdapi/v1/options", {"growth_inhibitors_always": "cat"})
    assert set(kept_options(server).values()) == {""}


def test_a_reload_that_would_leave_out_what_is_always_kept_out_stops_the_webui(server, usual):
    server.restart("--growth-inhibitors-always", "beer=4")
    server.reload_ui()
    assert server.draw(prompt=PROMPT).same(usual[1])
    server.ask("/sdapi/v1/options", {"disable_all_extensions": "extra"})
    try:
        with pytest.raises(RuntimeError, match="the process ended"):
            server.reload_ui()
    finally:
        settings = server.folder / "config.json"
        settings.write_text(json.dumps(json.loads(settings.read_text()) | {"disable_all_extensions": "none"}))
    assert "but the extension was disabled or removed: the WebUI is stopped" in server.log.read_text()


def kept_options(server):
    """Our options in the host's configuration file, by key."""
    kept = json.loads((server.folder / "config.json").read_text())
    return {key: value for key, value in kept.items() if "growth" in key.lower()}


def test_without_the_folder_nothing_is_left_of_it(server, usual):
    server.restart(extension=False)
    assert server.draw(prompt=PROMPT).same(usual[0])
    with pytest.raises(Refused, match="404"):
        server.ask("/growth-inhibitors/status")
    assert TITLE.lower() not in server.ask("/sdapi/v1/scripts")["txt2img"]
    with pytest.raises(Refused, match="(?i)not found|422|500"):
        server.draw(GI, prompt=PROMPT)
    # The host keeps what its forms and its settings page once held in files of its own; ours may be named there, and
    # nowhere else.
    kept = [path for path in server.folder.rglob("*") if "growth" in path.name.lower()]
    assert not kept and set(kept_options(server).values()) <= {""}
