"""The committed gi-tiny is what its card says, seen on a small sample (the card's figures need an hour)."""

import json

import numpy as np
import pytest

pytest.importorskip("diffusers")
from lib_gi.detect.oracle import Oracle  # noqa: E402
from lib_gi.evaluate.figures import RESULTS  # noqa: E402
from lib_gi.loading import load_pipeline  # noqa: E402
from tools.gi_tiny.card import BARS, part, whole  # noqa: E402
from tools.gi_tiny.data import make_pictures, make_scenes  # noqa: E402
from tools.gi_tiny.evaluate import shows_wanted  # noqa: E402
from tools.gi_tiny.judges import exact, spoil  # noqa: E402
from tools.gi_tiny.prompts import follow_set  # noqa: E402
from tools.gi_tiny.sampling import generate  # noqa: E402
from tools.gi_tiny.stages import JUDGES_FOLDER, MODELS  # noqa: E402
from tools.gi_tiny.world import ASSOCIATIONS  # noqa: E402

MODEL = MODELS / "gi-tiny"
# Of how many pictures at least the figure is asked for.
LEAST = {f"follow.{name}": 400 for name in ("named", "two", "own", "no_extra", "style", "held_out")}
LEAST["judge.by_eye"] = 200
TOLD = (
    "follow.lone",
    "encoder.association_cosine",
    "attention.start_of_text",
    "presence.m_star_auc",
    "presence.agreement_auc",
    "seconds_per_picture",
    *(f"association.{association.words[-1]}" for association in ASSOCIATIONS),
)
trained = pytest.mark.skipif(not (MODEL / "unet").exists(), reason="models/gi-tiny is still in training")


@pytest.fixture(scope="module")
def renders(tmp_path_factory):
    scenes = make_scenes(80, seed=1234)
    return scenes, make_pictures(scenes, tmp_path_factory.mktemp("renders"), 1234)


@pytest.mark.parametrize("name", ["label", "record"])
def test_a_judge_is_right_about_renders(name, renders):
    scenes, pictures = renders
    judge = Oracle.load(JUDGES_FOLDER / f"{name}.safetensors")
    assert exact(judge.judge(pictures), scenes).mean() >= 0.95


@pytest.mark.parametrize("name", ["label", "record"])
def test_a_judge_calls_spoilt_pictures_broken(name, renders):
    from random import Random

    rng, (_, pictures) = Random(0), renders
    spoilt = np.stack([spoil(pictures[i], pictures[-1 - i], rng) for i in range(40)])
    judge = Oracle.load(JUDGES_FOLDER / f"{name}.safetensors")
    assert judge.judge(spoilt).broken.mean() >= 0.9
    assert judge.judge(pictures).broken.mean() <= 0.05


def test_the_judges_are_of_different_architecture():
    kinds = {Oracle.load(JUDGES_FOLDER / f"{name}.safetensors").architecture for name in ("label", "record")}
    assert len(kinds) == 2


@trained
def test_the_model_draws_what_prompts_name():
    prompts = follow_set("named", 12)
    pipe = load_pipeline(MODEL, "cpu", "fp32")
    pictures = generate(pipe, [p.text for p in prompts], [p.seed for p in prompts], batch=12)
    verdict = Oracle.load(JUDGES_FOLDER / "record.safetensors").judge(pictures)
    assert shows_wanted(verdict, prompts).sum() >= 9


def test_the_model_is_small_enough_to_install_by_url():
    assert sum(file.stat().st_size for file in MODEL.rglob("*")) <= 32 * 2**20


@pytest.mark.parametrize("name", BARS)
def test_a_measured_figure_meets_its_bar(name):
    record = json.loads((RESULTS / f"gi_tiny.{name}.json").read_text())
    relation, bar = BARS[name].split()
    assert record["value"] >= float(bar) if relation == ">=" else record["value"] <= float(bar)
    assert record["n"] >= LEAST.get(name, 1)


@pytest.mark.parametrize("name", TOLD)
def test_a_figure_without_a_bar_is_told(name):
    assert (RESULTS / f"gi_tiny.{name}.json").exists()


@trained
@pytest.mark.parametrize("prefix", ["gi_tiny", "gi_tiny_b"])
def test_the_card_shows_the_committed_figures(prefix):
    if not list(RESULTS.glob(f"{prefix}.*")):
        pytest.skip(f"{prefix} was not measured yet")
    _, told, _ = part((MODEL / "README.md").read_text(), prefix)
    assert told.rstrip("\n") == whole(prefix)
