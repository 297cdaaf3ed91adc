"""Settings to write, and the host's rules for a line of infotext, stated independently of its code.

`host_line` joins and quotes as the host does with what a script leaves in extra_generation_params; `host_params`
reads a line back.
"""

import json
from types import SimpleNamespace

from hypothesis import strategies as st

from lib_gi.concepts import key_of
from lib_gi.infotext import write, write_done
from lib_gi.settings import WEIGHTINGS, Settings

BESIDE = {"Steps": "20", "Sampler": "Euler a", "CFG scale": "7", "Seed": "1", "Size": "64x48", "Model": "tiny"}
NASTY = ",:\"{}#%\\\n;=()[]<>!&*|'@`-?~^$+._/ \t\r\0\x1b\x7f\x85\u00a0\u2028\ufeff\ud800\uffffé刀🔪x1"

NAMES = st.text(NASTY, min_size=1, max_size=8) | st.text(min_size=1, max_size=8)
CONCEPTS = st.lists(
    NAMES.map(lambda name: " ".join(name.split())).filter(bool),
    min_size=1,
    max_size=4,
    unique_by=key_of,
)
OPTIMISATIONS = st.sampled_from(["Doggettx", "sdp-no-mem", "sub-quadratic", "V1", "none", "10x20"]) | NAMES.filter(
    str.strip
)
PASSES = st.lists(
    st.builds(
        SimpleNamespace,
        layers=st.integers(1, 70),
        acted=st.integers(1, 150),
        steps=st.integers(1, 150),
        optimisation=OPTIMISATIONS,
        adapter=st.none() | st.builds(SimpleNamespace, name=NAMES.filter(str.strip)),
    ),
    min_size=1,
    max_size=3,
)
ADAPTERS = st.sampled_from(["none", "auto", "gi-tiny", "10", "true", "1 to 2", NASTY.strip()]) | NAMES.filter(str.strip)
STRENGTHS = st.sampled_from([0.0, 3.0, 4.0, 4.5, 20.0]) | st.floats(0, 1e300)


@st.composite
def some_settings(draw):
    names = draw(CONCEPTS)
    first = draw(st.integers(0, 150))
    return Settings(
        concepts=tuple(names),
        free_text=draw(st.booleans()),
        strength=draw(STRENGTHS),
        strengths=draw(st.dictionaries(st.sampled_from(names), STRENGTHS)),
        weighting=draw(st.sampled_from(WEIGHTINGS)),
        first_step=first,
        last_step=draw(st.none() | st.integers(first, 10**9)),
        hires=draw(st.booleans()),
        bound=draw(st.none() | st.tuples(st.floats(0, 1), st.floats(1, 1e9))),
        adapter=draw(ADAPTERS),
    )


def host_line(params):
    """The parameters in one line, as the host writes it."""
    quoted = {
        key: json.dumps(value, ensure_ascii=False) if any(sign in value for sign in ",:\n") else value
        for key, value in params.items()
    }
    return ", ".join(key if key == value else f"{key}: {value}" for key, value in quoted.items())


def host_params(line):
    """What the host reads in a line: keys of word signs, spaces, - and /; values up to a comma, or quoted as JSON."""
    params, at = {}, 0
    while at < len(line):
        start = at
        while start < len(line) and line[start].isspace():
            start += 1
        end = start
        while end < len(line) and (line[end].isalnum() or line[end] in "_ -/"):
            end += 1
        key = line[start:end]
        if len(key) < 2 or key[0] in " -/" or line[end : end + 1] != ":":
            at += 1
            continue
        begin = end + 1
        while begin < len(line) and line[begin].isspace():
            begin += 1
        value, at = quoted_value(line, begin) or plain_value(line, begin)
        width, cross, height = value.partition("x")
        if cross and width.isdigit() and height.isdigit():
            params |= {f"{key}-1": width, f"{key}-2": height}
        elif value:
            params[key] = value
    return params


def quoted_value(line, begin):
    """A value in quotes that a comma or the end follows, and where to go on; None where there is none."""
    at = begin + 1
    while line[begin : begin + 1] == '"' and at < len(line) and line[at] != '"':
        at += 2 if line[at] == "\\" else 1
    if line[begin : begin + 1] != '"' or line[at : at + 1] != '"' or line[at + 1 : at + 2] not in ("", ","):
        return None
    return json.loads(line[begin : at + 1]), at + 2


def plain_value(line, begin):
    end = line.find(",", begin)
    end = len(line) if end == -1 else end
    return line[begin:end], end + 1


def picture_text(settings, passes=()):
    """The whole infotext of a picture, with other parameters before and after ours; passes: what was done in each."""
    ours = write(settings) | write_done(passes)
    return "a cat\nNegative prompt: a dog\n" + host_line(BESIDE | ours | {"Version": "v1.10.1"})
