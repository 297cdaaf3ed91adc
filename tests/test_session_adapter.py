"""A session whose scales an adapter infers: read in one more call, then used from the first step on."""

from dataclasses import replace

import pytest
import torch
from tiny_unet import EMPTY, GUIDED, LatentUNet, UNet, concept, inputs, latents

from lib_gi import reading
from lib_gi.adapter import Adapter, new_network
from lib_gi.encoded import EncodedConcept
from lib_gi.errors import AdapterError, NeverHitError, NonFiniteError, SettingsError, UnsupportedModelError
from lib_gi.fingerprint import fingerprint
from lib_gi.inhibitor import WEIGHTINGS
from lib_gi.recording import Recording
from lib_gi.rows import RowMap
from lib_gi.session import Session

LAYERS = ("down_blocks.0.attn2", "mid_block.attn2", "up_blocks.0.attn2")


def some_adapter(layers=LAYERS, bias=-2.0, gain=1.0) -> Adapter:
    torch.manual_seed(4)
    network = new_network(2 * len(layers))
    network[-1].bias.data.fill_(bias)
    network[-1].weight.data.mul_(gain)
    deviation = torch.full((6,), 0.01 if gain else 1.0)  # what differs little, or lies within its reach
    return Adapter(tuple(layers), "both", network, torch.zeros(6), deviation, -9.0, 0.0)


def inferred(**kwargs) -> EncodedConcept:
    fixed = concept(**kwargs)
    return EncodedConcept(fixed.name, fixed.c_star, fixed.s, fixed.e, None)


@pytest.fixture
def unet():
    return UNet()


def calls_of(unet):
    """A list that grows with each run of the UNet, also those that the UNet's own hooks do not see."""
    calls = []
    unet.mid_block.register_forward_hook(lambda *_: calls.append(1))
    return calls


def run(unet, session, steps=2, rows=GUIDED, x=None):
    """The outputs of a pass of this many steps."""
    x = inputs(len(rows)) if x is None else x
    session.begin_pass(steps)
    out = []
    for step in range(steps):
        session.begin_step(step, rows)
        out.append(unet(*x))
        session.end_call()
    return out


def read(unet, concepts, rows=GUIDED):
    """What the layers see in a call without inhibitors."""
    with Session(unet, concepts, record_features=True) as session:
        session.set_w([torch.zeros(1, c.e - c.s) for c in concepts])
        run(unet, session, 1, rows)
        return session.features()


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_first_step_already_has_the_scales_of_its_own_image_and_token(unet, weighting):
    adapter = some_adapter()
    features = read(unet, [concept()])["a"]
    w = adapter.w(features)
    assert len(set(w.flatten().tolist())) == 4  # two images, two tokens
    with Session(unet, [concept(images=2)], weighting=weighting, empty=EMPTY) as session:
        session.set_w([w])
        expected = run(unet, session)
    calls = calls_of(unet)
    with Session(unet, [inferred()], weighting=weighting, empty=EMPTY, adapter=adapter) as session:
        got = run(unet, session)
        assert len(calls) == 3
        again = run(unet, session)
        assert len(calls) == 6
    for a, b, c in zip(expected, got, again):
        torch.testing.assert_close(a, b)  # the adapter reads images one by one, which rounds otherwise
        assert torch.equal(b, c)
    assert not torch.equal(got[0], unet(*inputs()))


def test_where_nothing_grows_the_picture_is_the_unprotected_one_bit_for_bit(unet):
    plain = unet(*inputs())
    with Session(unet, [inferred()], adapter=some_adapter(bias=5.0, gain=0.0)) as session:
        for out in run(unet, session):
            assert torch.equal(out, plain)


def test_a_doubtful_answer_acts_for_a_concept_alone_that_was_not_learnt_from(unet):
    adapter = some_adapter(bias=0.5, gain=0.0)  # it tells of nothing, and is not sure
    adapter.about |= {"concepts": ["a", "b"], "known": ["b"], "doubt": 0.8}
    adapter.highest = -0.4
    both = [inferred(name="a"), inferred(name="b", tokens=3, seed=8)]
    with Session(unet, both, adapter=adapter) as session:
        run(unet, session)
    assert set(session.inferred["a"].flatten().tolist()) == {float(torch.tensor(-0.4))}
    assert not session.inferred["b"].any()


@pytest.mark.parametrize("order", [(0, 1, None, None), (None, 0, 1, None), (1, None, None, 0)])
def test_calls_of_some_rows_at_a_time_give_what_one_call_gives(unet, order):
    x, context = inputs()
    rows = RowMap(order)
    with Session(unet, [inferred()], adapter=some_adapter()) as session:
        session.begin_step(0, rows)
        together = unet(x, context)
        session.end_call()
    calls = calls_of(unet)
    with Session(unet, [inferred()], adapter=some_adapter()) as session:
        for step in range(2):
            session.begin_step(step, rows)
            apart = torch.cat([unet(x[i : i + 1], context[i : i + 1]) for i in range(4)])
            session.end_call()
            torch.testing.assert_close(apart, together)
    assert len(calls) == 4 + 2 + 4  # a reading for each conditional row


def test_given_and_inferred_scales_go_together(unet):
    adapter, names = some_adapter(), ("a", "b")
    both = [inferred(name="a"), concept(name="b", tokens=3, strength=2.0, seed=8)]
    features = read(unet, [concept(name="a"), both[1]])
    with Session(unet, [concept(name="a", images=2), both[1]]) as session:
        session.set_w([adapter.w(features["a"]), torch.full((2, 3), -2.0)])
        expected = run(unet, session)
    with Session(unet, both, adapter=adapter) as session:
        got = run(unet, session)
    assert tuple(features) == names
    for a, b in zip(expected, got):
        torch.testing.assert_close(a, b)


def test_a_first_step_that_comes_later_still_reads_the_first(unet):
    with Session(unet, [inferred()], adapter=some_adapter()) as session:
        whole = run(unet, session, 3)
    plain = unet(*inputs())
    with Session(unet, [inferred()], adapter=some_adapter(), first_step=1) as session:
        late = run(unet, session, 3)
    assert torch.equal(late[0], plain) and torch.equal(late[1], whole[1])


def test_recorded_features_are_those_of_the_steps_without_the_reading(unet):
    with Session(unet, [inferred()], adapter=some_adapter(), record_features=True) as session:
        run(unet, session, 2)
        assert session.features()["a"].M_star.shape == (2, 3, 2, 2)


def test_a_recording_has_the_steps_without_the_reading_and_the_scales_that_were_inferred():
    adapter, into, x = some_adapter(), Recording(), (latents(), inputs()[1])
    with Session(LatentUNet(), [inferred()], adapter=adapter, recording=into) as session:
        run(session.unet, session, 2, x=x)
    for image in (0, 1):
        curve = into.passes[0].curve(0, image)
        assert curve.steps == [0, 1] and curve.w[0] == curve.w[1] < 0
        assert [calls for _, calls in into.passes[0].maps(0, image, "M_star")] == [4]


def test_nothing_stays_installed_whatever_happens_in_the_reading(unet):
    before = unet(*inputs())
    broken = some_adapter()
    broken.mean[0] = float("nan")
    broken.network[0].weight.data.fill_(float("nan"))

    def fails(*_):
        raise RuntimeError("no memory")

    with pytest.raises(SettingsError, match="not finite"):
        with Session(unet, [inferred()], adapter=broken) as session:
            run(unet, session)
    handle = unet.mid_block.register_forward_pre_hook(fails)
    with pytest.raises(RuntimeError, match="no memory"):
        with Session(unet, [inferred()], adapter=some_adapter()) as session:
            run(unet, session)
    handle.remove()
    assert not unet._forward_pre_hooks and torch.equal(unet(*inputs()), before)


def test_an_adapter_that_tells_of_nothing_where_it_knows_nothing_is_refused(unet, caplog):
    before, given = unet(*inputs()), concept(name="given")
    lost = some_adapter(bias=5.0, gain=0.0)
    lost.deviation = torch.full((6,), 1e-3)  # so all that is read lies far from its mean
    with pytest.raises(AdapterError, match=f"cannot tell whether {inferred().name} grows"):
        with Session(unet, [given, inferred()], adapter=lost) as session:
            run(unet, session)
    assert not unet._forward_pre_hooks and torch.equal(unet(*inputs()), before)
    acts = some_adapter(bias=-5.0, gain=0.0)
    acts.deviation = lost.deviation
    with Session(unet, [inferred()], adapter=acts) as session:  # it acts, so nothing is left in its place
        run(unet, session)
    assert session.inferred[inferred().name].min() == -5
    own = replace(lost, about={"fingerprint": fingerprint(unet)})
    with pytest.raises(AdapterError, match="cannot tell"):  # by no strength
        with Session(unet, [inferred()], adapter=own) as session:
            run(unet, session)
    own.highest = -1.0  # on the model that it learnt from it acts
    with Session(unet, [inferred()], adapter=own) as session:
        run(unet, session)
    assert bool((session.inferred[inferred().name] == own.highest).all()) and own.highest < 0
    assert f"what the adapter reads of {inferred().name} lies far beyond" in caplog.text
    with pytest.raises(AdapterError, match="cannot tell"):  # and on no other
        with Session(unet, [inferred()], adapter=replace(own, about={"fingerprint": "0" * 16})) as session:
            run(unet, session)
    own.deviation = torch.ones(6)  # near enough to be believed
    caplog.clear()
    with Session(unet, [inferred()], adapter=own) as session:
        run(unet, session)
    assert not session.inferred[inferred().name].any() and not caplog.text


def test_an_adapter_is_told_to_be_of_the_model_once_for_all_images_and_not_where_that_cannot_be_told(unet, monkeypatch):
    lost = some_adapter(bias=5.0, gain=0.0)
    lost.deviation, lost.highest, lost.about = torch.full((6,), 1e-3), -1.0, {"fingerprint": "own"}
    asked = []
    monkeypatch.setattr(reading, "fingerprint_of", lambda layers: asked.append(len(layers)) or "own")
    with Session(unet, [inferred()], adapter=lost) as session:
        run(unet, session)
    assert session.inferred[inferred().name].shape[0] == 2 and asked == [3]

    def offloaded(layers):
        raise UnsupportedModelError("the weights are not in memory")

    monkeypatch.setattr(reading, "fingerprint_of", offloaded)
    with pytest.raises(AdapterError, match="cannot tell"):
        with Session(unet, [inferred()], adapter=lost) as session:
            run(unet, session)


def test_an_output_that_is_not_finite_stops_the_generation_where_what_was_inferred_acts_in_its_first_step(unet):
    def first_output(bias, first_step):
        with Session(unet, [inferred()], adapter=some_adapter(bias=bias, gain=0.0), first_step=first_step) as session:
            session.begin_pass(2)
            session.begin_step(0, GUIDED)
            session.end_call(unet(*inputs()) / 0)

    with pytest.raises(NonFiniteError, match="in step 0"):
        first_output(bias=-2.0, first_step=0)
    first_output(bias=-2.0, first_step=1)  # what has not acted yet is not to blame, nor what is inferred to be 0
    first_output(bias=5.0, first_step=0)


def test_a_call_before_which_nothing_could_be_read_is_refused(unet):
    with pytest.raises(NeverHitError, match="the adapter had read nothing"):
        with Session(unet, [inferred()], adapter=some_adapter()) as session:
            session.begin_step(0, GUIDED)
            unet.forward(*inputs())  # as what calls it around its hooks would


def test_a_missing_or_foreign_adapter_is_refused_before_anything_runs(unet):
    with pytest.raises(SettingsError, match="there is no adapter"):
        Session(unet, [inferred()])
    foreign = some_adapter()
    foreign.layers = LAYERS[:2]
    with pytest.raises(AdapterError, match="does not belong"):
        Session(unet, [inferred()], adapter=foreign)
    other = some_adapter()
    other.about = {"weighting": "plain"}  # the session's is agreement
    with pytest.raises(AdapterError, match="weighting"):
        Session(unet, [inferred()], adapter=other)
    assert Session(unet, [concept()], adapter=foreign)  # not needed, so not asked
