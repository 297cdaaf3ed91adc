"""The training loop: a resumed run is the unbroken run, and Muon's updates are orthogonal."""

import pytest
import torch
from PIL import Image

from tools.gi_tiny.curves import draw, noted
from tools.gi_tiny.loop import NOTED, Schedule, Training
from tools.gi_tiny.muon import orthogonal

SCHEDULE = Schedule(steps=8, adam=1e-2, muon=0.02, warm_up=2)


def small_net() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 12), torch.nn.Tanh(), torch.nn.Linear(12, 3))


def run(work, stop_at=None) -> Training:
    """A training to the end, or to `stop_at` as if the process had been killed there."""

    class Killed(RuntimeError):
        pass

    training = Training("net", small_net(), SCHEDULE, work)

    def loss(generator):
        if training.step == stop_at:
            raise Killed
        x = torch.randn(16, 6, generator=generator)
        return (training.module(x) - x[:, :3]).square().mean()

    try:
        training.run(loss, save=1)
    except Killed:
        assert training.step == stop_at
    return training


def test_a_resumed_training_ends_where_an_unbroken_one_ends(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    unbroken = run(tmp_path / "a")
    run(tmp_path / "b", stop_at=5)
    resumed = run(tmp_path / "b")
    assert unbroken.step == resumed.step == SCHEDULE.steps
    for a, b in zip(unbroken.parameters + unbroken.average, resumed.parameters + resumed.average):
        assert torch.equal(a, b)


def test_training_lowers_the_loss(tmp_path):
    x = torch.randn(64, 6, generator=torch.Generator().manual_seed(9))
    before = (small_net()(x) - x[:, :3]).square().mean()
    after = (run(tmp_path).module(x) - x[:, :3]).square().mean()
    assert after < before * 0.9


def test_the_average_is_in_place_only_inside_the_block(tmp_path):
    training = run(tmp_path)
    trained = training.parameters[0].clone()
    with training:
        assert torch.equal(training.parameters[0], training.module[0].weight)
        assert not torch.equal(training.parameters[0], trained)
    assert torch.equal(training.parameters[0], trained)


def test_orthogonal_brings_singular_values_near_one():
    for shape in ((2, 24, 60), (2, 60, 24)):
        matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        values = torch.linalg.svdvals(orthogonal(matrices))
        assert values.min() > 0.5 and values.max() < 1.3


def test_the_schedule_warms_up_stays_and_falls():
    schedule = Schedule(steps=1000, warm_up=100, flat=0.5, floor=0.03)
    assert schedule.share(0) == 0.01 and schedule.share(99) == 1.0 == schedule.share(499)
    assert 0.45 < schedule.share(750) < 0.55 and schedule.share(999) == 0.03


def test_balanced_latents_draw_the_same_pictures_and_give_drawings_more_of_the_variance():
    pytest.importorskip("diffusers")
    import numpy as np

    from tools.gi_tiny.autoencoder import balance_latents, encode, new_autoencoder, to_unit
    from tools.gi_tiny.data import make_scenes
    from tools.gi_tiny.render import render

    torch.manual_seed(0)
    model = new_autoencoder((32, 32, 32, 32)).eval().requires_grad_(False)
    from random import Random

    rng = Random(0)
    pictures = np.stack([np.asarray(render(scene, rng)) for scene in make_scenes(24, 5)])
    before = encode(model, pictures)
    x = to_unit(pictures[:2])
    drawn = model.decode(model.encode(x).latent_dist.mean).sample
    balance_latents(model, before)
    after = encode(model, pictures)
    again = model.decode(model.encode(x).latent_dist.mean).sample
    assert torch.allclose(drawn, again, atol=2e-3 * float(drawn.abs().max()))

    def share(z):
        rest = z - z.mean(3, keepdim=True)
        return float(rest.var() / z.var())

    assert share(after) > 1.2 * share(before)
    assert after.mean((0, 2, 3)).abs().max() < 1e-3 * before.abs().max() + 1e-3


def test_losses_are_noted_on_the_way_and_drawn(tmp_path):
    training = Training("unet", small_net(), Schedule(steps=2 * NOTED + 1, adam=1e-2, warm_up=2), tmp_path)
    training.run(lambda generator: (training.module(torch.randn(16, 6, generator=generator)) - 1).square().mean())
    losses = noted(tmp_path / "unet.losses.csv")
    assert list(losses) == [NOTED, 2 * NOTED] and losses[2 * NOTED] < losses[NOTED]
    (tmp_path / "unet.losses.csv").open("a").write(f"{NOTED},0.5\n")
    assert noted(tmp_path / "unet.losses.csv")[NOTED] == 0.5
    draw(tmp_path, tmp_path / "curves.png")
    assert Image.open(tmp_path / "curves.png").width > 300
    with pytest.raises(FileNotFoundError, match="working folder"):
        draw(tmp_path / "nowhere", tmp_path / "x.png")


def test_late_scenes_bring_the_unsafe_object_at_the_odds_that_were_chosen_and_associations_stay_as_frequent():
    from tools.gi_tiny.unet import EMPHASIS, ODDS_POWER, late_share
    from tools.gi_tiny.world import ASSOCIATIONS, Scene

    for association in ASSOCIATIONS:
        own, unsafe, p = association.own, association.unsafe, association.probability
        without = late_share(Scene((own,), (), "noto", "snow", association))
        with_it = late_share(Scene((own, unsafe), (), "noto", "snow", association))
        assert p * with_it + (1 - p) * without == pytest.approx(EMPHASIS)
        odds = p * with_it / ((1 - p) * without)
        assert odds == pytest.approx((p / (1 - p)) ** ODDS_POWER[unsafe])
    named = [late_share(Scene(names, names, "noto", "snow")) for names in (("cat",), ("cat", "car"))]
    assert named == [1.0, EMPHASIS]
