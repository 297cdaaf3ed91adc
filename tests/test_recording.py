"""What a session records for heat maps, and that it does nothing else."""

import pytest
import torch
from tiny_unet import EMPTY, GUIDED, HEADS, WIDTH, LatentUNet, UNet, concept, hooks, inputs, latents, run
from torch.utils._python_dispatch import TorchDispatchMode

from lib_gi import inhibitor, layer_features, recording
from lib_gi.errors import NeverHitError, SettingsError, UnsupportedModelError
from lib_gi.recording import Recording, halved, level_of
from lib_gi.rows import RowMap
from lib_gi.session import Session
from lib_gi.settings import MAPS

TWO = [concept("a", 2), concept("b", 3, 2.0, seed=6)]


@pytest.fixture()
def unet():
    return LatentUNet()


@pytest.fixture()
def every_level(monkeypatch):
    monkeypatch.setattr(recording, "POSITIONS", (1, 10**6))


@pytest.fixture()
def level_1(monkeypatch):
    """Only the middle layer of latents of 6 x 10 is taken, which has 3 x 5 positions."""
    monkeypatch.setattr(recording, "POSITIONS", (10, 20))


def sampled(unet, concepts=TWO, steps=3, rows=GUIDED, size=(6, 10), into=None, **options):
    """A recording of a pass of this many steps, each from other latents."""
    into = Recording() if into is None else into
    with Session(unet, concepts, recording=into, **options) as session:
        session.begin_pass(steps)
        for step in range(steps):
            run(unet, session, rows, latents(len(rows), size, seed=step), step=step)
    return into


class Operations(TorchDispatchMode):
    """The tensor operations that are run while it is entered."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        return function(*args, **(kwargs or {}))


def by_hand(layer, seen, one, row, kind):
    """The map of one row in one layer, (3, 5), number by number."""
    q, h = (seen[key][row].view(15, HEADS, -1) for key in "qh")
    K, V = (to(one.c_star)[0].view(77, HEADS, -1) for to in (layer.to_k, layer.to_v))
    found = torch.zeros(15)
    for position in range(15):
        for head in range(HEADS):
            scores = torch.stack([q[position, head] @ K[token, head] / (WIDTH // HEADS) ** 0.5 for token in range(77)])
            share = scores.exp() / scores.exp().sum()
            for token in range(one.s, one.e):
                length = h[position, head].norm() * V[token, head].norm()
                agreement = max(0.0, float(h[position, head] @ V[token, head] / length))
                found[position] += float(share[token]) if kind == "M_star" else agreement
    return found.view(3, 5) / HEADS / (one.e - one.s)


@pytest.mark.parametrize("kind", MAPS)
def test_maps_are_the_formula_written_out_averaged_over_the_steps_of_a_range(unet, level_1, kind):
    layer, seen, each = unet.mid_block.attn2, {}, []
    layer.to_q.register_forward_hook(lambda m, a, out: seen.update(q=out))
    layer.to_out[0].register_forward_pre_hook(lambda m, a: each.append(seen | {"h": a[0]}))
    found = sampled(unet, steps=4).passes[0]
    assert found.names == ("a", "b") and found.images == [0, 1]
    with torch.no_grad():
        for i, one in enumerate(TWO):
            for image in (0, 1):
                steps = [by_hand(layer, each[step], one, 2 + image, kind) for step in range(4)]
                for name, part, first, last in found.ranges(image):
                    [(values, calls)] = found.maps(i, image, kind, part)
                    expected = torch.stack(steps[first : last + 1]).mean(0)
                    torch.testing.assert_close(torch.from_numpy(values), expected, atol=1e-5, rtol=1e-4)
                    assert calls == last + 1 - first, name
                curve = getattr(found.curve(i, image), kind)
                torch.testing.assert_close(torch.tensor(curve), torch.stack(steps).mean((1, 2)), atol=1e-5, rtol=1e-4)


def test_curves_are_the_means_of_the_recorded_features_and_the_scales_that_acted(unet, every_level):
    into, one = Recording(), concept(tokens=3, images=2)
    one.w[1] = torch.tensor([-1.0, -2.0, -6.0])
    with Session(unet, [one], first_step=1, last_step=2, record_features=True, recording=into) as session:
        session.begin_pass(4)
        for step in range(4):
            run(unet, session, GUIDED, latents(size=(8, 8), seed=step), step=step)
        features = session.features()["a"]
    for image in (0, 1):
        curve = into.passes[0].curve(0, image)
        for kind in MAPS:
            expected = getattr(features, kind)[:, :, image].mean((1, 2))
            torch.testing.assert_close(torch.tensor(getattr(curve, kind)), expected)
        w = -4.0 if image == 0 else -3.0
        assert curve.steps == [0, 1, 2, 3] and curve.w == [0, w, w, 0]


@pytest.mark.parametrize("weighting", inhibitor.WEIGHTINGS)
def test_recording_changes_no_bit_of_what_the_unet_gives_and_is_all_gone_afterwards(unet, weighting):
    def once(**options):
        with Operations() as operations, Session(unet, TWO, weighting=weighting, empty=EMPTY, **options) as session:
            out = run(unet, session, GUIDED, latents())
            return out, operations.names, hooks(unet)

    off, on, again = once(), once(recording=Recording()), once()
    assert torch.equal(off[0], on[0]) and hooks(unet) == 0
    assert off[1] == again[1] and len(on[1]) > len(off[1])
    assert (off[2], on[2], again[2]) == (6, 7, 6)


def test_without_a_recording_no_map_is_made_and_strength_zero_hooks_nothing(unet, monkeypatch):
    monkeypatch.setattr(layer_features, "feature_maps", lambda *_: pytest.fail("maps were made"))
    with Session(unet, TWO, weighting="agreement") as session:
        run(unet, session, GUIDED, latents())
    with Session(unet, [concept(strength=0.0)]) as session:
        assert not session.armed and hooks(unet) == 0


def test_strength_zero_is_recorded_and_changes_no_bit(unet):
    with torch.no_grad():
        before = unet(latents(), inputs()[1])
    into = Recording()
    with Session(unet, [concept(strength=0.0)], recording=into) as session:
        assert torch.equal(run(unet, session, GUIDED, latents()), before)
    assert into.passes[0].curve(0, 0).w == [0.0]


def test_what_is_kept_grows_neither_with_layers_nor_with_steps(unet):
    def kept(steps):
        return [m.total.shape for m in sampled(unet, steps=steps).passes[0]._maps.values()]

    assert len(kept(3)) == 3 * 2 * 2 and sorted(kept(3)) == sorted(kept(30))  # parts, levels, images


def test_rows_of_one_image_are_averaged_and_split_calls_give_what_a_joint_one_gives(unet, every_level):
    rows, x, context = RowMap.grouped([2, 1], 2), latents(5), inputs(5)[1]
    joint, split = Recording(), Recording()
    with Session(unet, TWO, recording=joint) as session:
        run(unet, session, rows, x, context)
    with Session(unet, TWO, recording=split) as session:
        session.begin_step(0, rows)
        with torch.no_grad():
            for row in range(5):
                unet(x[row : row + 1], context[row : row + 1])
    for image in (0, 1):
        pairs = [one.passes[0].maps(1, image, "agreement") for one in (joint, split)]
        for (a, calls), (b, same) in zip(*pairs, strict=True):
            torch.testing.assert_close(torch.from_numpy(a), torch.from_numpy(b))
            assert calls == same


@pytest.mark.parametrize("size", [(64, 64), (96, 64), (64, 104), (16, 16), (27, 45), (128, 192), (9, 13), (1, 8)])
def test_a_layer_is_placed_by_its_positions_at_any_aspect_ratio(size):
    for level in range(4):
        height, width = halved(size, level)
        found = level_of(height * width, size)
        assert halved(size, found) == (height, width)
    latent = torch.zeros(1, 1, *size)
    for _ in range(3):
        latent = torch.nn.functional.conv2d(latent, torch.zeros(1, 1, 3, 3), stride=2, padding=1)
    assert halved(size, 3) == tuple(latent.shape[2:])
    assert level_of(7, size) is None


@pytest.mark.parametrize(
    ("size", "positions"),
    [
        ((64, 64), [1024, 256]),
        ((96, 64), [1536, 384]),
        ((96, 96), [576, 144]),
        ((128, 128), [1024, 256]),
        ((16, 16), [256]),
        ((8, 8), [64]),
    ],
)
def test_maps_come_from_layers_of_a_middle_size_or_else_from_the_closest(size, positions):
    one = recording.Pass(("a",), size, 1, ())
    for level in range(4):
        height, width = halved(size, level)
        one.add(0, 0, torch.full((2, 1, height * width), 0.5), torch.zeros(1))
    assert [values.size for values, _ in one.maps(0, 0, "M_star")] == positions


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (1, ["middle 0 0"]),
        (2, ["early 0 0", "late 1 1"]),
        (3, ["early 0 0", "middle 1 1", "late 2 2"]),
        (20, ["early 0 6", "middle 7 12", "late 13 19"]),
        (None, []),
    ],
)
def test_the_parts_are_thirds_of_the_steps_that_were_announced(total, expected):
    one = recording.Pass(("a",), (4, 4), total, recording.THIRDS if total else ())
    for step in range(total or 5):
        one.add(step, 0, torch.zeros(2, 1, 16), torch.zeros(1))
    whole, *parts = one.ranges(0)
    assert whole == ("whole run", None, 0, (total or 5) - 1)
    assert [f"{part.name} {part.first} {part.last}" for part in parts] == expected


def test_a_hires_pass_has_maps_of_its_own_size(unet, every_level):
    into = sampled(unet, size=(6, 10))
    sampled(unet, size=(12, 20), into=into)
    first, second = into.passes_of(1)
    assert [values.shape for values, _ in first.maps(0, 1, "M_star")] == [(6, 10), (3, 5)]
    assert [values.shape for values, _ in second.maps(0, 1, "M_star")] == [(12, 20), (6, 10)]


def test_a_model_that_takes_over_between_two_steps_goes_on_with_the_same_pass(unet):
    whole, parts = sampled(unet), Recording()
    for steps in ((0, 1), (2,)):  # as with a refiner: the second model has a session of its own
        with Session(unet, TWO, recording=parts) as session:
            session.begin_pass(3)
            for step in steps:
                run(unet, session, GUIDED, latents(seed=step), step=step)
    assert parts.passes[0].curve(0, 0) == whole.passes[0].curve(0, 0) and len(parts.passes) == 1


def test_half_precision_is_summed_in_full(unet):
    unet, context = unet.half(), inputs()[1].half()
    into = Recording()
    with Session(unet, TWO, recording=into) as session:
        run(unet, session, GUIDED, latents().half(), context)
    assert into.passes[0].maps(0, 0, "agreement")[0][0].dtype.name == "float32"


def test_positions_that_make_up_no_picture_are_told_when_the_map_is_asked_for_not_while_sampling():
    unet, into = UNet(), Recording()
    with Session(unet, TWO, recording=into) as session:
        run(unet, session, GUIDED)  # 5 positions of "latents" of 5 x 8
    for ask in (into.passes[0].ranges, lambda image: into.passes[0].maps(0, image, "M_star")):
        with pytest.raises(UnsupportedModelError, match="5 positions do not make up latents of 8 x 5"):
            ask(0)


def test_what_was_not_recorded_is_refused_by_name(unet):
    with pytest.raises(NeverHitError, match="nothing was recorded of image 0"):
        Recording().passes_of(0)
    into = sampled(unet)
    with pytest.raises(NeverHitError, match="image 2"):
        into.passes_of(2)
    with pytest.raises(SettingsError, match="M_star, agreement"):
        into.passes[0].maps(0, 0, "heat")
