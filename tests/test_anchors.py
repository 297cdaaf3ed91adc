"""A concept's anchor: what takes its place in contrast, and what is said where it cannot."""

import logging
from dataclasses import replace

import pytest
import test_webui_script
import torch
from tiny_pipelines import draw
from tiny_unet import EMPTY, GUIDED, HEADS, WIDTH, UNet, concept, inputs, plainly, run

from lib_gi import cli, growth_inhibitors, inhibitor
from lib_gi.adapter import Adapter, new_network
from lib_gi.concepts import Concept
from lib_gi.errors import ConceptError, ContextWidthError, SettingsError
from lib_gi.hosts.diffusers import context_of
from lib_gi.inhibitor import ANCHORED, TOWARDS
from lib_gi.rows import RowMap
from lib_gi.session import Session
from lib_gi.settings import Settings
from lib_gi.webui.policy import Policy

webui = test_webui_script.webui  # the fixture
ANCHOR = concept("anchor", seed=13).c_star  # another one than EMPTY


def anchored(**told):
    return replace(concept(**told), anchor=ANCHOR)


def attended(layer, q, context):
    K, V = (inhibitor.split_heads(to(context), HEADS) for to in (layer.to_k, layer.to_v))
    return (q @ K.mT / (WIDTH // HEADS) ** 0.5).softmax(-1) @ V


def seen_by(concepts, **told):
    """The layer in the middle, and its conditional rows' q, h and Z, each by heads, under these concepts."""
    unet, seen = UNet(), {}
    layer = unet.mid_block.attn2
    layer.to_q.register_forward_hook(lambda m, a, out: seen.update(q=out))
    layer.to_out[0].register_forward_pre_hook(lambda m, a: seen.update(h=a[0]))
    with Session(unet, concepts, weighting="contrast", empty=EMPTY, **told) as session:
        layer.to_out[0].register_forward_pre_hook(lambda m, a: seen.update(Z=a[0]))
        run(unet, session, GUIDED, *inputs())
    return layer, {key: inhibitor.split_heads(values, HEADS)[2:] for key, values in seen.items()}


def test_a_concept_is_set_against_anchor_and_empty_prompt_and_one_without_anchor_against_the_latter_alone():
    plain = concept("b", 4, 2.0, seed=6)
    layer, seen = seen_by([anchored(strength=0.9), plain])
    contexts = concept().c_star, ANCHOR, EMPTY, plain.c_star
    own, anchor, empty, other = (attended(layer, seen["q"], context) for context in contexts)
    rest = 0.9 * ANCHORED - TOWARDS
    assert rest > 0.1
    Z = seen["h"] - 0.9 * ANCHORED * own + TOWARDS * anchor + rest * empty - 2.0 * (other - empty)
    Z = Z * (seen["h"].norm(dim=-1, keepdim=True) / Z.norm(dim=-1, keepdim=True)).clamp(max=1)
    assert (Z - seen["h"]).abs().max() > 0.01
    torch.testing.assert_close(seen["Z"], Z, atol=1e-5, rtol=1e-4)


def test_an_anchor_that_is_to_be_kept_out_itself_is_refused_where_it_would_act():
    one, other = concept("one"), concept("other", seed=6)
    both = [replace(one, anchor=other.c_star), replace(other, anchor=one.c_star)]
    for concepts in (both, [both[0], other], [replace(one, anchor=one.c_star)]):
        with pytest.raises(SettingsError, match="anchor of one is .*, which is to be kept out itself"):
            Session(UNet(), concepts, weighting="contrast", empty=EMPTY)
        assert Session(UNet(), concepts, weighting="agreement").layer_names


def test_concepts_with_the_same_anchor_share_it_and_each_image_has_scales_of_its_own():
    two = [anchored(images=2), replace(concept("b", 2, 1.0, images=2, seed=6), anchor=ANCHOR)]
    two[0].w[1], two[1].w[1] = 0, 0
    unet, rows = UNet(), RowMap((1, 0, None, 1))
    before = plainly(unet)
    with Session(unet, two, weighting="contrast", empty=EMPTY) as session:
        after = run(unet, session, rows)
    assert [torch.equal(before[r], after[r]) for r in range(4)] == [True, False, True, True]
    assert session._injection._anchors.tolist() == [[0, 1]] * 2  # beside the empty prompt one context for both


def test_an_image_that_needs_more_than_another_gets_no_more_of_the_anchor():
    w = -torch.tensor([[0.4, 0.9, 1.6]])[..., None].expand(1, 3, 4)  # of three images
    concepts, empty, anchor = inhibitor.contrasted_w(w, [(1, 3)], torch.tensor([[0.0, 1.0]]))
    torch.testing.assert_close(concepts, w[0, :, 0] * ANCHORED)
    assert anchor[0] == pytest.approx(0.4 * ANCHORED) and anchor[1:].tolist() == [TOWARDS] * 2
    torch.testing.assert_close(empty, -concepts - anchor)


def test_what_is_taken_and_what_is_given_back_weigh_the_same_under_autocast_too():
    w, spans = -torch.tensor([1.6, 0.73, 0.4])[:, None, None].expand(3, 1, 4), [(1, 3), (1, 4), (1, 2)]
    anchors = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    with torch.autocast("cpu", torch.bfloat16):
        scales = inhibitor.contrasted_w(w, spans, anchors)
    assert scales.dtype == torch.float32 and abs(float(scales.sum())) < 1e-6
    anchored_by_nothing = inhibitor.contrasted_w(w, spans, torch.tensor([[1.0], [0.0], [0.0]]))
    torch.testing.assert_close(anchored_by_nothing[-1], -anchored_by_nothing[:-1].sum(0))
    long, short = 0.73 * ANCHORED, 0.4 * ANCHORED
    assert short < TOWARDS < long
    torch.testing.assert_close(scales[:, 0], torch.tensor([-1.6, -long, -short, 1.6 + long - TOWARDS, TOWARDS + short]))


def test_an_adapter_infers_the_scales_of_concepts_with_anchors(sd1):
    with growth_inhibitors(sd1, [Concept("mine", "purple gnome")], strength=0.0, record_features=True) as reading:
        draw(sd1)
    inputs_ = 2 * len(reading.layer_names)
    network = new_network(inputs_)
    torch.nn.init.constant_(network[-1].bias, -9.0)
    adapter = Adapter(reading.layer_names, "spread", network, torch.zeros(inputs_), torch.ones(inputs_), -1.0, -1.0)
    pictures = []
    for anchor in ("", "cat"):
        mine = Concept("mine", "purple gnome", anchor=anchor)
        with growth_inhibitors(sd1, [mine], adapter=adapter, weighting="contrast") as session:
            pictures.append(draw(sd1))
        assert (session.inferred["mine"] == -1.0).all()
    assert not torch.equal(*pictures)


@pytest.mark.parametrize("weighting", [name for name in inhibitor.WEIGHTINGS if name not in inhibitor.CONTRASTED])
def test_other_weightings_know_no_anchor_and_the_log_tells(weighting, caplog):
    results = []
    for one in (concept(), anchored()):
        unet = UNet()
        with caplog.at_level(logging.WARNING), Session(unet, [one], weighting=weighting) as session:
            results.append(run(unet, session, GUIDED))
    assert torch.equal(*results)
    assert [r.getMessage() for r in caplog.records if "anchor" in r.getMessage()] == [
        f"the anchor of a takes no part in {weighting}: contrast alone sets a concept against one"
    ]


def test_in_contrast_no_warning_is_given(caplog):
    with caplog.at_level(logging.WARNING):
        Session(UNet(), [anchored()], weighting="contrast", empty=EMPTY)
    assert not caplog.records


def test_an_anchor_of_another_encoder_is_refused():
    with pytest.raises(ContextWidthError, match="anchor of 'a' has a context of shape"):
        replace(concept(), anchor=ANCHOR[:, :9])


def test_a_pipelines_own_encoder_reads_the_anchor(sd1):
    with growth_inhibitors(sd1, [Concept("mine", "purple gnome", anchor="cat")], weighting="contrast") as session:
        swapped = draw(sd1)
    assert torch.equal(session.concepts[0].anchor, context_of(sd1, "cat"))
    with growth_inhibitors(sd1, [Concept("mine", "purple gnome")], weighting="contrast"):
        assert not torch.equal(draw(sd1), swapped)


def test_an_anchor_that_is_too_long_is_refused_before_anything_is_drawn(sd1):
    long = Concept("mine", "gnome", anchor="a " * 76)
    with pytest.raises(ConceptError, match="'the anchor of mine' has 76 tokens; expected at most 75"):
        with growth_inhibitors(sd1, [long], weighting="contrast"):
            pass


def test_the_pages_line_tells_of_an_anchor_that_takes_no_part(webui):
    webui.module.library.own.add(Concept("toon", "cartoon", "styles", "photograph"))
    for weighting, told in (("agreement", True), ("contrast", False)):
        line = webui.module.forecast(Settings(concepts=("toon",), strength=1.0, weighting=weighting))
        assert ("the anchor of toon takes no part in agreement" in line) == told


def test_the_pages_line_promises_nothing_of_an_adapter_that_is_not_known_yet(webui):
    webui.module.library.own.add(Concept("toon", "cartoon", "styles", "photograph"))
    webui.loaded.checkpoint = ""
    for weighting, told in (("auto", False), ("agreement", True)):
        line = webui.module.forecast(Settings(concepts=("toon",), adapter="auto", weighting=weighting))
        assert ("the anchor of toon takes no part" in line) == told


def test_an_anchor_takes_no_part_while_something_is_always_kept_out_and_the_line_says_so(webui):
    toon = Concept("toon", "cartoon", "styles", "nudity")
    webui.module.library.own.add(toon)
    asked = Settings(concepts=("toon",), strength=9.0)
    webui.shared.cmd_opts.growth_inhibitors_always = "nudity=6"
    assert "The anchor of toon takes no part while something is always kept out." in webui.module.forecast(asked)
    policy, catalogue = Policy.of("nudity=6"), webui.module.library.catalogue()
    found = {c.name: c.anchor for c in policy.concepts(policy.enforced(asked), False, catalogue)}
    assert found == {"toon": "", "nudity": ""}
    assert Policy.of("").concepts(asked, False, catalogue) == (toon,)
    assert Policy.of("toon=6").told_of_anchors(asked, catalogue) == []  # words of its own, which have no anchor


def test_the_pages_line_tells_of_an_anchor_that_is_too_long_for_the_model(webui, monkeypatch):
    def counted(concept):
        if len(concept.phrase) > 20:
            raise ConceptError(f"the phrase of {concept.name!r} has 76 tokens")

    monkeypatch.setattr(webui.loaded, "counted", counted)
    webui.module.library.own.add(Concept("toon", "cartoon", "styles", "photograph " * 20))
    with pytest.raises(ConceptError, match="'the anchor of toon' has 76"):
        webui.module.forecast(Settings(concepts=("toon",)))


def test_the_command_lists_anchors(tmp_path, capsys):
    file = tmp_path / "own.json"
    file.write_text('[{"name": "toon", "phrase": "cartoon", "category": "styles", "anchor": "photograph"}]')
    assert cli.main(["concepts", "--concept-file", str(file)]) in (None, 0)
    assert "toon  (cartoon)  -> photograph" in capsys.readouterr().out
