"""The benchmark's rival methods are what they are said to be, and its runs go on after an interruption."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPTokenizer

from benchmarks import erase, runs, tables, validation
from benchmarks.ablation import Ablation, draw_ablated
from benchmarks.inferred import digest, draw_inferred
from benchmarks.methods import ERASING, METHODS, Setting, draw
from benchmarks.runs import Bench
from benchmarks.sld import Safety, first_latents, noise_per_output, safety_term, sld_latents, sld_pictures
from lib_gi.adapter import Adapter, new_network
from lib_gi.detect.oracle import Oracle
from lib_gi.layers import find_cross_attention
from tools.gi_tiny.autoencoder import new_autoencoder
from tools.gi_tiny.sampling import assemble, generate
from tools.gi_tiny.stages import TOKENIZER
from tools.gi_tiny.text import new_text_encoder
from tools.gi_tiny.unet import new_unet
from tools.gi_tiny.world import BACKGROUNDS, OBJECTS, STYLES

ROOT = Path(__file__).parents[1]
FIXED = [method for method in ERASING if not method.endswith("adapter")]
TEXTS, SEEDS, STEPS = ["a skull and a cat", "a car in the snow", "pirate"], [11, 12, 13], 3


@pytest.fixture(scope="module")
def pipe():
    """An untrained gi-tiny, small."""
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(TOKENIZER)
    encoder = new_text_encoder(tokenizer, 64, layers=1)
    unet = new_unet((32, 32, 32, 32), 64)
    pipe = assemble(new_autoencoder((32, 32, 32, 32)).eval(), encoder.eval(), tokenizer, unet.eval())
    # An untrained UNet hardly listens to its context. Much more than twice the weights, and rounding, which
    # depends on the number of threads, grows into a difference of its own.
    with torch.no_grad():
        for name, weight in unet.named_parameters():
            if "attn2.to_" in name and weight.dim() == 2:
                weight *= 2
    return pipe


@pytest.fixture(scope="module")
def judge():
    """An untrained judge that finds about half of the objects, whatever it sees."""
    torch.manual_seed(1)
    judge = Oracle.new("residual", list(OBJECTS), list(STYLES), list(BACKGROUNDS))
    with torch.no_grad():
        judge.network.head.bias[: len(OBJECTS)] += torch.tensor([9.0, -9.0]).repeat(len(OBJECTS))[
            : len(OBJECTS)
        ]
        judge.network.head.bias[-1] = -9.0
        judge.network.head.bias[OBJECTS.index("ship")] = 9.0
    judge.network.eval().requires_grad_(False)
    return judge


def drawn(pipe, method: str, strength: float, guidance: float = 4.0) -> np.ndarray:
    return draw(pipe, Setting(method, strength, guidance), "skull", TEXTS, SEEDS, STEPS).astype(int)


@pytest.mark.parametrize("guidance", [1.5, 4.0])
@pytest.mark.parametrize("method", FIXED)
def test_strength_zero_is_the_unerased_picture(pipe, method, guidance):
    plain = drawn(pipe, "none", 0.0, guidance)
    difference = np.abs(drawn(pipe, method, 0.0, guidance) - plain)
    # Three rows or an extra negative context round differently in the last bits, no more.
    assert difference.max() <= (1 if method == "sld" else 0)


@pytest.mark.parametrize("method", FIXED)
def test_a_strength_changes_pictures_and_leaves_the_pipeline_as_it_was(pipe, method):
    before = drawn(pipe, "none", 0.0)
    assert np.abs(drawn(pipe, method, 50.0) - before).max() > 0
    assert np.array_equal(drawn(pipe, "none", 0.0), before)


@pytest.mark.parametrize("weighting", ["plain", "agreement"])
def test_late_inhibitors_leave_the_first_steps_alone(pipe, weighting):
    span = Ablation(weighting, 50.0, span=(2, 2))
    only_last = draw_ablated(pipe, span, "skull", TEXTS, SEEDS, STEPS).astype(int)
    late = drawn(pipe, f"late_{weighting}", 50.0)
    assert np.array_equal(late, only_last)
    assert not np.array_equal(late, drawn(pipe, weighting, 50.0))


def test_safety_guidance_starts_from_the_noise_of_the_pipeline(pipe):
    wanted = torch.cat([torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(s)) for s in SEEDS])
    assert torch.equal(first_latents(pipe, SEEDS), wanted)


def test_negative_prompt_of_weight_one_is_that_of_diffusers(pipe):
    usual = generate(pipe, TEXTS, SEEDS, STEPS, 4.0, negative_prompt=["skull"] * len(TEXTS)).astype(int)
    assert np.abs(drawn(pipe, "negative_prompt", 1.0) - usual).max() <= 1


@pytest.mark.parametrize("kind", ["v_prediction", "epsilon"])
def test_safety_guidance_of_strength_zero_has_the_latents_of_diffusers(pipe, monkeypatch, kind):
    monkeypatch.setattr(
        pipe, "scheduler", type(pipe.scheduler).from_config(pipe.scheduler.config, prediction_type=kind)
    )
    generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    told = {"num_inference_steps": 5, "guidance_scale": 4.0, "generator": generators, "output_type": "latent"}
    wanted = pipe(TEXTS, **told).images
    told = [sld_latents(pipe, TEXTS, SEEDS, "skull", Safety(s), 4.0, 5) for s in (0.0, 20.0)]
    near, far = ((x - wanted).abs().max() / wanted.abs().max() for x in told)
    assert near < 1e-5 and far > 1e-3


def test_safety_term_is_equations_3_to_8_of_its_paper():
    tensors = [torch.tensor(v) for v in ([0.0, 0.0, 0.0, 0.0], [0.2, 0.9, -0.3, 3.0], [0.1, 0.5, 0.5, 1.0])]
    nu = torch.full((4,), 0.4)
    gamma, later = safety_term(*tensors, nu, Safety(2.0, threshold=1.0, momentum=0.5, beta=0.7))
    # mu: 2 * .1; 2 * .4; 2 * .8 cut at 1; 0 as 3 - 1 reaches the threshold. Then mu * (safe - 0) + .5 * .4.
    assert gamma.tolist() == pytest.approx([0.02 + 0.2, 0.4 + 0.2, 0.5 + 0.2, 0.0 + 0.2])
    assert later.tolist() == pytest.approx([0.7 * 0.4 + 0.3 * g for g in (0.22, 0.6, 0.7, 0.2)])


def test_v_predictions_are_compared_as_noise(pipe):
    t, x, v = 499, torch.randn(4), torch.randn(2, 4)
    alpha = pipe.scheduler.alphas_cumprod[t]
    eps = alpha.sqrt() * v + (1 - alpha).sqrt() * x
    assert torch.allclose(eps[0] - eps[1], noise_per_output(pipe.scheduler, t) * (v[0] - v[1]), atol=1e-6)


def test_warm_up_of_all_steps_is_no_safety(pipe):
    never = sld_pictures(pipe, TEXTS, SEEDS, "skull", Safety(50.0, warm_up=1.0), 4.0, STEPS).astype(int)
    assert np.abs(never - drawn(pipe, "none", 0.0)).max() <= 1


# -- an adapter ------------------------------------------------------------------------------------------


def constant(pipe, folder, w: float):
    """The file of an adapter that answers w, whatever it reads."""
    layers = tuple(layer.name for layer in find_cross_attention(pipe.unet))
    network = new_network(len(layers))
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
        network[-1].bias.fill_(w)
    told = {"weighting": "agreement"}
    adapter = Adapter(layers, "agreement", network, torch.zeros(len(layers)), torch.ones(len(layers)), 2 * w, 0.0, told)
    adapter.save(folder / "constant.safetensors")
    return folder / "constant.safetensors"


@pytest.mark.parametrize("factor", [0.0, 1.0, 1.5])
def test_an_adapters_strength_is_a_factor_on_what_it_infers(pipe, tmp_path, factor):
    file = constant(pipe, tmp_path, -4.0)
    drawn_by = draw_inferred(pipe, Setting("adapter", factor), "skull", TEXTS, SEEDS, STEPS, file).astype(int)
    assert np.abs(drawn_by - drawn(pipe, "agreement", 4.0 * factor)).max() <= 1


def test_a_late_adapter_acts_where_other_late_inhibitors_do(pipe, tmp_path, monkeypatch):
    file = constant(pipe, tmp_path, -40.0)
    monkeypatch.setattr("benchmarks.methods.draw_inferred", partial(draw_inferred, file=file))
    assert np.abs(drawn(pipe, "late_adapter", 1.0) - drawn(pipe, "late_agreement", 40.0)).max() <= 1
    assert np.abs(drawn(pipe, "late_adapter", 1.0) - drawn(pipe, "agreement", 40.0)).max() > 1


def test_pictures_of_another_adapter_are_kept_apart(pipe, tmp_path, monkeypatch):
    assert str(Setting("plain", 2.0)) == "plain-s2-g4"
    names = set()
    for w in (-1.0, -2.0):
        monkeypatch.setattr("benchmarks.methods.SHIPPED", constant(pipe, tmp_path, w))
        names.add(str(Setting("adapter", 1.0)))
    assert len(names) == 2 and digest(tmp_path / "none") == "absent"


# -- runs ------------------------------------------------------------------------------------------------


def bench(pipe, judge, work, split="validation") -> Bench:
    return Bench(pipe, judge, "model", "judge", split, work, steps=2, chunk=2)


def test_an_interrupted_run_goes_on_and_samples_nothing_twice(pipe, judge, tmp_path, monkeypatch):
    drawn_chunks = []

    def counted(*arguments):
        if len(drawn_chunks) == 2:
            raise KeyboardInterrupt
        drawn_chunks.append(arguments)
        return draw(*arguments)

    monkeypatch.setattr(runs, "draw", counted)
    first = bench(pipe, judge, tmp_path)
    chunks = first.chunks([Setting("plain", 2.0)], ["skull"], ["benign"], 3)
    assert len(chunks) == 4  # two of the baseline, two of plain
    with pytest.raises(KeyboardInterrupt):
        first.run(chunks)
    assert len(first.missing(chunks)) == 2 and not list(tmp_path.rglob("*.part"))
    monkeypatch.setattr(runs, "draw", draw)
    first.run(chunks)
    times = {chunk: first.file(chunk).stat().st_mtime_ns for chunk in chunks}
    bench(pipe, judge, tmp_path).run(chunks)
    assert times == {chunk: first.file(chunk).stat().st_mtime_ns for chunk in chunks}


def test_an_outcome_joins_chunks_in_the_order_of_the_prompts(pipe, judge, tmp_path):
    ran = bench(pipe, judge, tmp_path)
    setting = Setting("agreement", 2.0)
    ran.run(ran.chunks([setting], ["skull"], ["explicit"], 3))
    outcome = ran.outcome(setting, "skull", "explicit", 3)
    prompts = ran.prompts("skull", "explicit", 5)[:3]
    assert outcome.prompts == prompts
    texts, seeds = [p.text for p in prompts], [p.seed for p in prompts]
    apart = judge.judge(draw(pipe, setting, "skull", texts, seeds, 2))
    assert np.array_equal(outcome.verdict.objects, apart.objects) and len(outcome.psnr) == 3
    unerased = ran.outcome(setting.baseline, "skull", "explicit", 3)
    assert np.array_equal(unerased.verdict.objects, outcome.baseline.objects)
    assert (unerased.psnr > 100).all()


def test_kept_files_are_told_apart_by_everything_that_pictures_depend_on(pipe, judge, tmp_path):
    benches = [bench(pipe, judge, tmp_path, split) for split in ("validation", "test")]
    settings = [Setting("plain", 2.0), Setting("plain", 2.5), Setting("sld", 2.0), Setting("plain", 2.0, 8.0)]
    chunks = benches[0].chunks(settings, ["skull", "beer"], ["explicit", "benign"], 3)
    assert len({b.file(chunk) for b in benches for chunk in chunks}) == 2 * len(chunks)


def test_sweep_test_and_report_write_their_files(pipe, judge, tmp_path, monkeypatch, capsys):
    model, judge_file, docs = tmp_path / "model", tmp_path / "judge.safetensors", tmp_path / "docs"
    pipe.save_pretrained(model)
    judge.save(judge_file)
    docs.mkdir()
    (docs / "erasure.md").write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n")
    folders = ["--sweeps", str(tmp_path / "sweeps")]
    both = ["--work", str(tmp_path / "work"), "--model", str(model), "--judge", str(judge_file), *folders]
    both += ["--steps", "1", "--count", "1", "--concepts", "skull", "noto"]
    monkeypatch.setattr(validation, "UNSAFE", ("skull",))  # else a choice wants all five
    few = ["--methods", "none", "agreement"]
    erase.main(["sweep", *both, *few, "--strengths", "agreement=1,4", "--guidance", "4"])
    negative = ["--methods", "negative_prompt", "--strengths", "negative_prompt=1"]
    erase.main(["sweep", *both, *negative, "--guidance", "8"])
    both += ["--methods", "none", "agreement", "negative_prompt"]
    rows = json.loads((tmp_path / "sweeps" / "validation.json").read_text())["rows"]
    assert [(row["method"], row["strength"]) for row in rows] == [
        ("agreement", 1.0),
        ("agreement", 4.0),
        ("negative_prompt", 1.0),
        ("none", 0.0),
    ]
    chosen = json.loads((tmp_path / "sweeps" / "chosen.json").read_text())
    assert chosen["steps"] == chosen["count"] == 1 and chosen["winner"] is None
    assert [row["edge"] for row in chosen["settings"].values()] == [True, True]
    assert "at an edge of the strengths tried" in capsys.readouterr().out
    results = tmp_path / "results"
    erase.main(["test", *both, "--repeats", "2", "--results", str(results)])
    figure = json.loads((results / "erase.agreement.explicit_left.json").read_text())
    assert figure["n"] == 1 and figure["low"] <= figure["value"] <= figure["high"]
    assert json.loads((results / "erase.agreement.seconds_ratio.json").read_text())["repeats"] == 2
    assert json.loads((results / "erase.none.benign_same.json").read_text())["value"] == 1.0
    assert (results / "erase.none_cfg8.explicit_left.json").exists()
    pairs = json.loads((tmp_path / "sweeps" / "test_pairs.json").read_text())["pairs"]
    compared = {(pair["first"], pair["second"]) for pair in pairs}
    assert compared == {("none", "agreement"), ("none_cfg8", "negative_prompt")}
    others = [docs / "guide.md", tmp_path / "README.md"]
    for other in others:
        other.write_text("Brief:\n" + "\n".join(tables.BRIEF_MARKS) + "\nrest\n")
    erase.main(["report", *folders, "--docs", str(docs), "--readme", str(others[1]), "--results", str(results)])
    for other in others:
        text = other.read_text()
        assert text.startswith("Brief:") and text.endswith("rest\n") and "| GIE, agreement | 1 | 4 |" in text
        assert tables.between(text, tables.BRIEF_MARKS) == tables.brief(results, tmp_path / "sweeps")
    page = (docs / "erasure.md").read_text()
    assert page.startswith("before") and page.endswith("after\n") and "GIE, agreement" in page
    assert tables.between(page) == tables.whole(results, tmp_path / "sweeps")
    assert "| none, CFG 8 | 0 | 8 |" in page and "across of 1 explicit (left) and 1 implicit (right)" in page
    assert (docs / "images" / "erased-against-kept.png").stat().st_size > 10_000
    capsys.readouterr()
    erase.main(["sweep", *both, *few, "--strengths", "agreement=9", "--guidance", "4", "--dry-run"])
    assert ", 5 of them still to be sampled" in capsys.readouterr().out


def test_strengths_on_the_command_line_replace_those_of_a_method():
    settings = erase.settings_of(["plain", "sld"], ["plain=1,2.5"], None)
    expected = [Setting("plain", 1.0), Setting("plain", 2.5)]
    assert settings == expected + [Setting("sld", s) for s in METHODS["sld"].strengths]
    with pytest.raises(SystemExit, match="METHOD=S,S"):
        erase.settings_of(["plain"], ["other=1"], None)


def test_the_committed_tables_are_what_the_committed_files_give():
    sweeps, results = ROOT / "benchmarks" / "sweeps", ROOT / "benchmarks" / "results"
    if not (sweeps / "test_by_concept.json").exists():
        pytest.skip("nothing is measured yet")
    page = (ROOT / "docs" / "erasure.md").read_text()
    assert tables.between(page) == tables.whole(results, sweeps)
    for other in (ROOT / "docs" / "guide.md", ROOT / "README.md"):
        assert tables.between(other.read_text(), tables.BRIEF_MARKS) == tables.brief(results, sweeps)
