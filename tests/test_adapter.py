"""The adapter: w from features within the trained range, and files that are whole and ours or refused."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lib_gi.adapter import KINDS, MOST_BYTES, READ, Adapter, inputs_of, new_network
from lib_gi.errors import AdapterError
from lib_gi.features import Features
from lib_gi.layers import Layer, find_cross_attention
from tools.gi_tiny.export import unet_key
from tools.gi_tiny.unet import new_unet

LAYERS = ("down.0.attn2", "mid.attn2", "up.0.attn2")
STEPS, IMAGES, TOKENS = 2, 3, 4


def named(names) -> list[Layer]:
    """Layers of these names, of which nothing else is known."""
    return [Layer(name, None, None, None, 1) for name in names]


def some_features(layers=3, seed=0) -> Features:
    generator = torch.Generator().manual_seed(seed)
    shape = (STEPS, layers, IMAGES, TOKENS)
    return Features(*(torch.rand(shape, generator=generator) for _ in range(6)))


def some_adapter(kind="both", lowest=-6.0, highest=0.0) -> Adapter:
    torch.manual_seed(1)
    inputs = len(LAYERS) * len(READ[kind])
    network = new_network(inputs)
    network[-1].bias.data.fill_(-2.0)
    about = {"fingerprint": "abc", "concepts": ["Dalí"], "figures": {"left": 0.02}}
    return Adapter(
        LAYERS, kind, network, torch.full((inputs,), 0.5), torch.full((inputs,), 0.3), lowest, highest, about
    )


def test_each_token_of_each_image_gets_its_own_vector_with_the_layers_in_order():
    features = some_features()
    x = inputs_of(features, "both", step=1)
    assert x.shape == (IMAGES, TOKENS, 2 * len(LAYERS))
    for image in range(IMAGES):
        for token in range(TOKENS):
            expected = [*features.M_star[1, :, image, token], *features.agreement[1, :, image, token]]
            assert x[image, token].tolist() == [float(value) for value in expected]
    assert torch.equal(inputs_of(features, "M_star"), inputs_of(features, "both")[..., : len(LAYERS)])
    assert torch.equal(inputs_of(features, "agreement"), inputs_of(features, "both")[..., len(LAYERS) :])
    assert torch.equal(inputs_of(features, "excess"), features.excess[0].permute(1, 2, 0))
    both = torch.cat([features.excess[0], features.spread[0]]).permute(1, 2, 0)
    assert torch.equal(inputs_of(features, "spread"), both)
    whole = torch.cat([features.alignment[0], features.alignment_spread[0]]).permute(1, 2, 0)
    assert torch.equal(inputs_of(features, "alignment"), torch.cat([both, whole], -1))


@pytest.mark.parametrize("kind", ["excess", "spread", "alignment"])
def test_an_adapter_of_the_excess_refuses_features_without_it(kind):
    adapter, features = some_adapter(kind), some_features()
    assert adapter.needs_empty and not some_adapter("agreement").needs_empty
    with pytest.raises(AdapterError, match="empty one"):
        adapter.w(Features(features.M_star, features.agreement))


def test_tokens_that_answer_for_themselves_do_not_act_where_all_together_tell_of_nothing():
    adapter, features = some_adapter("agreement"), some_features()
    adapter.network = torch.nn.Sequential(torch.nn.Linear(len(LAYERS), 1))
    adapter.network[0].weight.data.fill_(0.0)
    adapter.network[0].weight.data[0, 0] = 0.3  # the answer is the first layer's number, less 0.5
    adapter.network[0].bias.data.fill_(0.0)
    features.agreement[0, 0] = torch.tensor([[0.1, 0.7, 0.7, 0.7], [0.1, 0.7, 0.1, 0.1], [0.9, 0.8, 0.7, 0.6]])
    expected = torch.tensor([[0.0] * 4, [-0.4, 0.0, -0.4, -0.4], [0.0] * 4])
    torch.testing.assert_close(adapter.w(features), expected)
    adapter.highest = -0.1  # where it grows, every token acts, as strongly as any did that was learnt from
    expected[1, 1] = -0.1
    torch.testing.assert_close(adapter.w(features), expected)


def test_a_concept_that_was_not_learnt_from_passes_for_absent_only_where_nothing_else_is_thought_of():
    adapter, features = some_adapter("agreement", highest=-0.5), some_features()
    adapter.about |= {"known": ["Salvador Dalí"], "doubt": 0.75}
    assert adapter.knows("Salvador Dalí") and adapter.knows("salvador  Dali\u0301") and not adapter.knows("Van Gogh")
    assert adapter.knows("Salvador Dalí", "salvador dalí") and not adapter.knows("Salvador Dalí", "melting clocks")
    adapter.about["phrases"] = {"salvador dalí": "Melting  clocks"}
    assert adapter.knows("Salvador Dalí", "melting clocks") and not adapter.knows("Salvador Dalí")
    adapter.network = torch.nn.Sequential(torch.nn.Linear(len(LAYERS), 1))
    older = Adapter(LAYERS, "agreement", adapter.network, adapter.mean, adapter.deviation, -6, -0.5)
    assert not older.knows("Dalí") and older.doubt == 0
    adapter.network[0].weight.data.fill_(0.0)
    for answer, known, unknown in ((-0.7, -0.7, -0.7), (0.1, 0.0, -0.5), (0.74, 0.0, -0.5), (0.75, 0.0, 0.0)):
        adapter.network[0].bias.data.fill_(answer)
        torch.testing.assert_close(adapter.w(features), torch.full((IMAGES, TOKENS), known))
        torch.testing.assert_close(adapter.w(features, known=False), torch.full((IMAGES, TOKENS), unknown))
        torch.testing.assert_close(older.w(features, known=False), torch.full((IMAGES, TOKENS), known))
        far = Features(features.M_star, features.agreement + 100)
        assert adapter.lost(far).all() == (known == 0) and adapter.lost(far, known=False).all() == (unknown == 0)
        torch.testing.assert_close(adapter.w(far, near=False), torch.full((IMAGES, TOKENS), min(answer, -0.5)))


@pytest.mark.parametrize("kind", KINDS)
def test_w_is_the_network_s_answer_to_the_standardised_features(kind):
    adapter = some_adapter(kind)
    features = some_features()
    w = adapter.w(features)
    assert w.shape == (IMAGES, TOKENS) and len(set(w.flatten().tolist())) > 1
    x = (inputs_of(features, kind)[1, 2] - 0.5) / 0.3
    first, second, last = (adapter.network[index] for index in (0, 2, 4))
    hidden = (first.weight @ x + first.bias).clamp_min(0)
    hidden = (second.weight @ hidden + second.bias).clamp_min(0)
    torch.testing.assert_close(w[1, 2], (last.weight @ hidden + last.bias)[0])


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-20, 0), st.floats(0, 20))
def test_w_stays_in_the_trained_range_or_is_zero_whatever_is_read(size, lowest, width):
    highest = min(0.0, lowest + width)
    adapter = some_adapter(lowest=lowest, highest=highest)
    features = some_features()
    w = adapter.w(Features(features.M_star * size, features.agreement * -size))
    acting = (w != 0).any(1)
    assert bool((w[acting] >= torch.tensor(lowest)).all()) and bool((w[acting] <= torch.tensor(highest)).all())
    assert bool((w[~acting] == 0).all())


def test_a_saved_adapter_comes_back_as_it_was(tmp_path):
    adapter = some_adapter()
    adapter.save(tmp_path / "a.safetensors")
    back = Adapter.load(tmp_path / "a.safetensors")
    assert torch.equal(back.w(some_features()), adapter.w(some_features()))
    assert (back.layers, back.kind, back.about) == (adapter.layers, adapter.kind, adapter.about)
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_another_model_is_told():
    adapter, layers = some_adapter(), named(LAYERS)
    assert adapter.misfit(layers) == ""
    assert "has 2" in adapter.misfit(layers[:2])
    assert "other places" in adapter.misfit(layers[::-1])
    with pytest.raises(AdapterError, match="reads 6 numbers .* gives 4"):
        adapter.w(some_features(layers=2))


def test_one_that_was_trained_in_diffusers_reads_the_same_model_in_the_webui():
    unet = new_unet((32,) * 4, 64)
    names = [layer.name for layer in find_cross_attention(unet)]
    ending = ".to_k.weight"
    original = [unet_key(name + ending, unet.config).removesuffix(ending) for name in names]
    assert original[0].startswith("input_blocks.1.") and len(set(original)) == 16
    adapter = some_adapter()
    adapter.layers = tuple(names)
    assert adapter.misfit(named(original)) == "" and "other places" in adapter.misfit(named(original[::-1]))


def test_it_is_lost_where_it_tells_of_nothing_beyond_its_reach():
    adapter, features = some_adapter("agreement"), some_features()
    adapter.network[-1].weight.data.fill_(0.0)
    adapter.network[-1].bias.data.fill_(2.0)
    adapter.deviation = torch.ones(3)
    features.agreement[0, :, 1] = 0.5 + 2.4
    features.agreement[0, :, 2] = 0.5 - 2.6
    assert adapter.lost(features).tolist() == [False, False, True]
    assert adapter.lost(features, step=1).tolist() == [False] * 3
    adapter.network[-1].bias.data.fill_(-2.0)  # what acts is not lost, however far
    assert not adapter.lost(features).any()


def test_features_that_are_no_numbers_are_refused():
    features = some_features()
    features.agreement[0, 1, 2, 3] = float("nan")
    with pytest.raises(AdapterError, match="NaN"):
        some_adapter().w(features)
    assert bool(torch.isfinite(some_adapter().w(features, step=1)).all())


def damaged(tmp_path, change_tensors=None, change_metadata=None):
    """A saved adapter's file with something changed in it."""
    file = tmp_path / "a.safetensors"
    some_adapter().save(file)
    tensors = load_file(file)
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    (change_tensors or (lambda _: None))(tensors)
    (change_metadata or (lambda _: None))(metadata)
    save_file(tensors, file, metadata=metadata)
    return file


def told(**changes):
    def change(metadata):
        metadata["adapter"] = json.dumps(json.loads(metadata["adapter"]) | changes)

    return change


@pytest.mark.parametrize(
    "tensors, metadata, problem",
    [
        (lambda t: t.pop("mean"), None, "damaged: 'mean'"),
        (lambda t: t.pop("network.0.weight"), None, "damaged"),
        (lambda t: t.update({"network.0.weight": torch.zeros(64, 7)}), None, "damaged"),
        (lambda t: t["network.0.weight"].fill_(float("nan")), None, "not finite"),
        (lambda t: t["deviation"].zero_(), None, "above zero"),
        (lambda t: t.update({"range": torch.tensor([-1.0, 2.0])}), None, "not below zero"),
        (lambda t: t.update({"range": torch.tensor([-1.0, -2.0])}), None, "not below zero"),
        (lambda t: t.update({"range": torch.tensor([0.0, 0.0])}), None, "not below zero"),
        (None, told(about={"architecture": {"heads": [8, 8, 8]}}), "its architecture"),
        (None, told(about={"architecture": dict.fromkeys(("heads", "widths", "contexts"), [8])}), "its architecture"),
        (None, told(about={"architecture": dict.fromkeys(("heads", "widths", "contexts"), ["8"] * 3)}), "architecture"),
        (None, told(about={"phrases": {"a": 3}}), "phrases are no texts"),
        (None, lambda m: m.pop("format"), "no adapter"),
        (None, lambda m: m.update(version="2"), "version 2; expected 1"),
        (None, lambda m: m.update(adapter="{"), "no whole"),
        (None, told(layers=["one"]), "damaged"),
        (None, told(layers=3), "no list of names"),
        (None, told(kind="pickle"), "expected is one of"),
    ],
)
def test_a_broken_or_foreign_file_is_refused_with_its_reason(tmp_path, tensors, metadata, problem):
    file = damaged(tmp_path, tensors, metadata)
    with pytest.raises(AdapterError, match=problem) as caught:
        Adapter.load(file)
    assert str(tmp_path) not in str(caught.value)


def test_a_truncated_an_oversized_and_a_missing_file_are_refused(tmp_path):
    file = damaged(tmp_path)
    whole = file.read_bytes()
    for cut in (0, 4, 100, len(whole) - 1):
        file.write_bytes(whole[:cut])
        with pytest.raises(AdapterError, match="no whole"):
            Adapter.load(file)
    file.write_bytes(whole + b"\0" * MOST_BYTES)
    with pytest.raises(AdapterError, match="at most"):
        Adapter.load(file)
    with pytest.raises(AdapterError, match="cannot be read"):
        Adapter.load(tmp_path / "nowhere.safetensors")
