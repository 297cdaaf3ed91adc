"""The infotext in other programs that read pictures: each that is installed brings every value back."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from infotext_cases import PASSES, picture_text, some_settings

from lib_gi.infotext import DONE_KEY, KEY, SETTINGS_KEY, read, write_done
from lib_gi.settings import Settings


def sd_parsers(text):
    parsers = pytest.importorskip("sd_parsers.parsers")
    info = parsers.AUTOMATIC1111Parser().parse({"parameters": text})
    sampler = info.samplers[0]
    assert sampler.name == "Euler a" and sampler.parameters["seed"] == "1"
    assert sampler.prompts[0].value == "a cat" and sampler.negative_prompts[0].value == "a dog"
    return info.metadata


def sd_prompt_reader(text):
    picture = prompt_reader_rule(text)
    assert (picture.positive, picture.negative, picture.width, picture.height) == ("a cat", "a dog", "64", "48")
    assert picture.parameter["seed"] == "1" and picture.parameter["model"] == "tiny"
    # It shows the line as it is; what it passes on to command lines it splits at commas and colons.
    return dict(part.split(": ") for part in picture.setting.split(", "))


def prompt_reader_rule(text):
    """What SD Prompt Reader reads, by its rule stated anew: quotes mean nothing, and of a key twice the first counts.

    The program itself cannot be among what set-up installs: it wants a window toolkit and one old release of Pillow.
    """
    prompts, steps, rest = text.partition("\nSteps:")
    positive, _, negative = prompts.partition("\nNegative prompt:")
    setting = (steps + rest).strip()
    values = {}
    for part in setting.split(","):
        key, _, value = part.partition(":")
        values.setdefault(key.strip(), value.strip())
    width, height = values["Size"].split("x")
    names = {"cfg": "CFG scale"} | {name.lower(): name for name in ("Model", "Sampler", "Seed", "Steps", "Size")}
    parameter = {name: values.get(key) for name, key in names.items()}
    return SimpleNamespace(
        positive=positive.strip(),
        negative=negative.strip(),
        setting=setting,
        width=width,
        height=height,
        parameter=parameter,
    )


def sd_geninfo(text):
    reader = pytest.importorskip("sd_geninfo.sd_geninfo")
    found = json.loads(reader.yaml_to_json(reader.parse_geninfo(text)))
    assert found["Positive prompt"] == "a cat" and found["Seed"] == 1 and found["Version"] == "v1.10.1"
    return found


def hanaikada(text):
    pytest.importorskip("hanaikada")
    from hanaikada.core.metadata.models import RawMetadata
    from hanaikada.core.metadata.parsers.sd_webui import SdWebUIParser

    info = SdWebUIParser().parse(RawMetadata(chunks={"parameters": text}))
    assert (info.prompt, info.negative_prompt, info.seed, info.width) == ("a cat", "a dog", 1, 64)
    assert info.platform_version == "v1.10.1" and not info.warnings
    return info.extras


READERS = [sd_parsers, sd_prompt_reader, sd_geninfo, hanaikada]


@pytest.mark.parametrize("reader", READERS)
@examples(deadline=None, max_examples=50)
@given(some_settings())
@example(Settings(concepts=("nudity", "blood"), weighting="plain", bound=(0.4, 2.5)))
@example(Settings(concepts=('x", Seed: 7, Hashes: {"a": 1}', "!a #b", "- c"), free_text=True))
@example(Settings(concepts=("- c", "*d", "&e"), free_text=True))
def test_other_readers_bring_every_value_back(reader, made):
    found = reader(picture_text(made))
    values, warnings = read({key: found[key] for key in (KEY, SETTINGS_KEY)})
    assert warnings == [] and Settings.from_dict(values) == made


@pytest.mark.parametrize("reader", READERS)
@examples(deadline=None, max_examples=50)
@given(PASSES)
def test_other_readers_bring_back_what_was_done_and_everything_beside_it(reader, passes):
    made = Settings(concepts=("nudity", "blood"), weighting="plain")
    found = reader(picture_text(made, passes))
    assert found[DONE_KEY] == write_done(passes)[DONE_KEY]
    assert Settings.from_dict(read(found).values) == made


@examples(deadline=None, max_examples=50)
@given(some_settings(), PASSES)
def test_the_rule_that_stands_for_sd_prompt_reader_is_the_programs_own(made, passes):
    a1111 = pytest.importorskip(
        "sd_prompt_reader.format.a1111", reason="there only after: pip install --no-deps sd-prompt-reader"
    )
    text = picture_text(made, passes)
    program, rule = a1111.A1111(info={"parameters": text}), prompt_reader_rule(text)
    assert program.parse() == program.Status.READ_SUCCESS
    assert {name: getattr(program, name) for name in vars(rule)} == vars(rule)


def test_a_picture_file_brings_every_value_back(tmp_path):
    pytest.importorskip("sd_parsers")
    image, png = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.PngImagePlugin")
    from sd_parsers import ParserManager

    made = Settings(concepts=("nudity", "a,b: {c}", "刀"), free_text=True, last_step=9)
    notes = png.PngInfo()
    notes.add_text("parameters", picture_text(made))
    image.new("RGB", (8, 8)).save(tmp_path / "picture.png", pnginfo=notes)
    found = ParserManager().parse(tmp_path / "picture.png").metadata
    assert Settings.from_dict(read(found).values) == made
