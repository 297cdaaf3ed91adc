"""How one cell of the matrix is checked: drawn without, with, and again without growth inhibitors."""

from contextlib import contextmanager

from data_folder import SETTINGS

from tools.webui_server import Drawn, Server

GI = {"concepts": ["beer"], "strength": 4}
PROMPT = "a beer on grass"
LONG = "a beer on grass, " + "a lovely picture of a quiet scene, " * 12
LAYERS = 16  # of SD1; SDXL has 70
WANTS = ("raise_at", "raise_after", "nan_at", "rows_at", "late_rows_at", "inside")
USUAL = dict.fromkeys(WANTS) | {"attention": False, "hide": False}


def check(server: Server, layers: int = LAYERS, gi: dict = GI, **payload) -> tuple[Drawn, Drawn]:
    """Inhibited, recorded, said, and nothing left behind; gives the pictures without and with."""
    payload = {"prompt": PROMPT} | payload
    assert payload.get("override_settings", {}).keys() <= SETTINGS.keys(), "the host would not put them back"
    before = server.draw(**payload)
    with said_by(server) as said:
        on = server.draw(gi, **payload)
    assert server.left == {"modules": [], "sessions": 0}
    again = server.draw(**payload)
    assert before.same(again), "a picture changed that was drawn without growth inhibitors"
    for number, (picture, other) in enumerate(zip(on.pictures, before.pictures)):
        assert (picture != other).any(), f"growth inhibitors did nothing to picture {number}"
    for text in on.infotexts:
        assert "Growth Inhibitors: beer=4, " in text and "Growth Inhibitors settings: version=1" in text
        assert f"; layers={layers}; host=AUTOMATIC1111; optimisation=" in text
    assert "Growth Inhibitors" not in "".join(before.infotexts + again.infotexts)
    assert said and all(f" in {layers} layers" in line for line in said)
    return before, on


@contextmanager
def said_by(server: Server):
    """The lines in which the log says what was done, from entering to leaving."""
    start, lines = server.log.stat().st_size, []
    yield lines
    text = server.log.read_bytes()[start:].decode(errors="replace")
    lines += [line[line.index("Growth Inhibitors: ") :] for line in text.splitlines() if "Growth Inhibitors: " in line]


def alike(one: Drawn, other: Drawn, apart: tuple[Drawn, Drawn]) -> bool:
    """Whether two draws differ by rounding only: by far less than the two that are `apart`."""
    return one.distance(other) < 0.1 * apart[0].distance(apart[1])


@contextmanager
def wanting(server: Server, **changes):
    """The companion does this from entering to leaving."""
    server.ask("/companion/want", changes)
    try:
        yield
    finally:
        server.ask("/companion/want", USUAL)


@contextmanager
def options(server: Server, **chosen):
    """The host's settings are these from entering to leaving."""
    stored = {name: server.ask("/sdapi/v1/options")[name] for name in chosen}
    server.ask("/sdapi/v1/options", chosen)
    try:
        yield
    finally:
        server.ask("/sdapi/v1/options", stored)
