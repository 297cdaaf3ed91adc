"""Heat maps in the WebUI, from the script's settings to what the host shows and saves of a generation."""

from types import SimpleNamespace

import pytest
import test_webui_script
from PIL import Image
from test_webui_script_adapter import adapter_for
from tiny_unet import LatentUNet, hooks
from webui_fakes import Denoiser, Generation, Interrupted, sample

from lib_gi import heatmaps

webui = test_webui_script.webui  # the fixture
PICTURE = Image.new("RGB", (120, 80))
ASKED = {"concepts": ["nudity"], "heatmap": "M_star"}


class Processed:
    """What the host makes of a generation's results; masks and a grid lie among them, as it puts them."""

    def __init__(self, pictures, masks=False, grid=False):
        self.infotexts = [f"infotext {number}" for number in range(len(pictures))]
        self.images = [one for picture in pictures for one in ([picture, "mask"] if masks else [picture])]
        if grid:
            self.images.insert(0, "grid")
            self.infotexts.insert(0, "infotext of the grid")
        self.index_of_first_image, self.info, self.comments = int(grid), self.infotexts[0], ""


@pytest.fixture()
def generate(webui, monkeypatch):
    """Draws in the order of the host: batches of two, each in one pass; what comes of it, and what was saved."""
    webui.loaded.loaded = LatentUNet()
    webui.shared.opts.data.update(enable_pnginfo=True, samples_format="webp")

    def run(given, batches=1, script=0, interrupted_at=None, saves=True, save_image=None, size=(8, 12), **results):
        saved = []
        monkeypatch.setattr(webui.module.images, "save_image", save_image or (lambda *a, **k: saved.append((a, k))))
        wrap = Denoiser(webui.loaded, lambda told: [callback(told) for callback in webui.cfg_denoiser], parts=(1, 1))
        p = wrap.p = Generation(wrap)
        p.is_hr_pass, p.extra_generation_params, p.script_args = False, {}, (script, given)
        p.all_seeds = [10 + number for number in range(2 * batches)]
        p.all_prompts = [f"prompt {number}" for number in range(2 * batches)]
        p.comments, p.save_samples = [], lambda: saves
        p.comment = p.comments.append
        webui.call("process", p, given)
        pictures = []
        for _ in range(batches):
            wrap.step, wrap.interrupted_at = 0, interrupted_at
            webui.call("process_before_every_sampling", p, given)
            try:
                sample(wrap, size=size)
            except Interrupted:
                pass  # as the host does it: what there is is decoded
            webui.call("post_sample", p, SimpleNamespace(), given)
            for p.batch_index in (0, 1):
                pictures.append(PICTURE.copy())
                webui.call("postprocess_image", p, SimpleNamespace(image=pictures[-1]), given)
        processed = Processed(pictures, **results)
        webui.call("postprocess", p, processed, given)
        assert hooks(webui.loaded.loaded) == 0
        processed.saved, processed.pictures, processed.p = saved, pictures, p
        return processed

    return run


def test_each_picture_has_a_heat_map_and_a_curve_behind_all_pictures_with_its_own_infotext(generate):
    shown = generate(ASKED, batches=2)
    assert shown.images[:4] == shown.pictures and len(shown.images) == 4 + 2 * 4 == len(shown.infotexts)
    assert shown.infotexts[4:] == [f"infotext {number}" for number in (0, 0, 1, 1, 2, 2, 3, 3)]
    assert [sheet.info["parameters"] for sheet in shown.images[4:]] == shown.infotexts[4:]
    maps, curves = shown.images[4::2], shown.images[5::2]
    assert len({one.size for one in maps}) == len({one.size for one in curves}) == 1 and maps[0].size != curves[0].size
    assert len({one.tobytes() for one in maps}) == 2, "the images of a batch have maps of their own"
    assert shown.saved == [] and shown.comments == ""


def test_what_is_asked_for_is_drawn(generate, monkeypatch):
    kinds = []
    drawn = heatmaps.sheet
    monkeypatch.setattr(heatmaps, "sheet", lambda *given: kinds.append(given[3]) or drawn(*given))
    generate(ASKED | {"heatmap": "agreement"})
    assert kinds == ["agreement", "agreement"]


def test_unasked_or_disabled_nothing_is_drawn_and_the_results_are_as_they_were(generate, webui, monkeypatch):
    webui.set_in_the_page(growth_inhibitors_heatmap_folder="maps")
    monkeypatch.setattr(heatmaps, "sheet", lambda *given: pytest.fail("a heat map was drawn"))
    for given in ({"concepts": ["nudity"]}, ASKED | {"enabled": False}):
        shown = generate(given)
        assert shown.images == shown.pictures and len(shown.infotexts) == 2 and shown.saved == []


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("grid", [False, True])
def test_behind_a_grid_and_masks_the_infotext_of_each_is_still_told_by_its_index(generate, masks, grid):
    shown = generate(ASKED, masks=masks, grid=grid)
    assert len(shown.images) == len(shown.infotexts) == grid + (4 if masks else 2) + 4
    assert shown.infotexts[-4:] == ["infotext 0", "infotext 0", "infotext 1", "infotext 1"]


def test_without_infotexts_in_files_the_sheets_carry_none_either(generate, webui):
    webui.shared.opts.data["enable_pnginfo"] = False
    assert all("parameters" not in sheet.info for sheet in generate(ASKED).images[2:])


def test_in_the_named_folder_they_are_saved_as_the_host_saves_pictures(generate, webui):
    webui.set_in_the_page(growth_inhibitors_heatmap_folder="maps")
    shown = generate(ASKED, batches=2, grid=True)
    assert len(shown.saved) == 8
    for number, (at, (given, told)) in zip((0, 0, 1, 1, 2, 2, 3, 3), enumerate(shown.saved)):
        assert given == (shown.images[5 + at], "maps", "", 10 + number, f"prompt {number}", "webp")
        ending = "-curve" if at % 2 else "-heatmap"
        assert told == {"info": f"infotext {number}", "p": shown.p, "suffix": ending}


def test_nothing_is_saved_where_the_host_does_not_save_the_pictures(generate, webui):
    webui.set_in_the_page(growth_inhibitors_heatmap_folder="maps")
    shown = generate(ASKED, saves=False)
    assert shown.saved == [] and len(shown.images) == 6


def test_a_folder_that_cannot_be_written_to_is_told_and_the_sheets_are_shown(generate, webui):
    def full(*given, **told):
        raise OSError(28, "No space left on device")

    webui.set_in_the_page(growth_inhibitors_heatmap_folder="maps")
    shown = generate(ASKED, save_image=full)
    assert len(shown.images) == 6 and "maps (No space left on device)" in shown.comments


def test_to_a_script_that_puts_pictures_together_no_sheet_is_given_but_it_is_saved(generate, webui):
    shown = generate(ASKED, script=3)
    assert shown.images == shown.pictures and "set Script to None" in shown.comments
    webui.set_in_the_page(growth_inhibitors_heatmap_folder="maps")
    shown = generate(ASKED, script=3)
    assert shown.images == shown.pictures and len(shown.saved) == 4


@pytest.mark.parametrize("step, sheets", [(0, 0), (1, 4)])
def test_after_an_interrupt_the_steps_that_there_were_are_shown(generate, step, sheets):
    shown = generate(ASKED, interrupted_at=step)
    assert len(shown.images) == 2 + sheets and shown.comments == ""


def test_layers_that_are_merged_or_tiled_are_told_and_the_picture_is_there(generate, webui):
    class Merging(LatentUNet):
        def forward(self, x, context):
            return x + super().forward(x[:, :, :-1], context).sum()

    webui.loaded.loaded = Merging()
    shown = generate(ASKED, size=(7, 11))
    assert shown.images == shown.pictures
    assert "no heat map: a layer's" in shown.p.comments[-1]


def test_the_infotext_is_that_of_a_picture_without_heat_maps(generate):
    plain = {"concepts": ["nudity"]}
    assert generate(ASKED).p.extra_generation_params == generate(plain).p.extra_generation_params


def test_with_an_adapter_they_are_shown_too_and_the_infotext_tells_what_it_inferred(generate, webui, tmp_path):
    adapter_for(tmp_path, webui.loaded.loaded)
    shown = generate(ASKED | {"adapter": "auto"})
    assert len(shown.images) == 2 + 4 and shown.comments == ""
    assert shown.p.extra_generation_params["Growth Inhibitors inferred"].startswith("nudity=")


def test_the_form_asks_for_them_as_a_call_does(webui):
    values = dict(zip(webui.module.arguments.FIELDS, webui.defaults)) | {"enabled": True, "free_text": "nudity"}
    read = [
        webui.module.arguments.settings_from(list((values | more).values()), webui.module.library.catalogue()).heatmap
        for more in ({}, {"heatmap": "M_star"})
    ]
    assert read == [None, "M_star"]
