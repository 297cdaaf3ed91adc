"""The X/Y/Z plot as the host draws it: one generation, copied shallowly for each cell, then given the cell's values."""

from copy import copy
from itertools import product
from types import SimpleNamespace

import pytest
import test_webui_script
import torch
from test_webui_axes import plot
from webui_fakes import Generation

from lib_gi.concepts import load_catalogue
from lib_gi.errors import SettingsError
from lib_gi.webui import axes

webui = test_webui_script.webui  # the fixture
MADE = {"concepts": ["nudity", "blood"], "strengths": {"blood": 6}}


@pytest.fixture()
def options():
    """The plot's axes by label, ours among them."""
    xyz = plot()
    axes.register(xyz, load_catalogue)
    return {option.label: option for option in xyz.axis_options}


def cells(webui, options, given, *chosen):
    """What is drawn in each cell, the last axis fastest; chosen: pairs of a label and the values as texts."""
    p = Generation(None)
    p.extra_generation_params = {}  # one for all cells, as the host's copies share it
    used = []
    for label, texts in chosen:
        option = options[axes.PREFIX + label]
        values = [option.type(text) for text in texts]
        option.confirm(p, values)
        used.append((option, values))
    drawn = []
    for values in product(*(values for _, values in used)):
        cell = copy(p)
        cell.sampler = SimpleNamespace()  # each generation makes its own
        for (option, all_values), value in zip(used, values):
            option.apply(cell, value, all_values)
        drawn.append(copy(webui.generate(given, p=cell)))
        drawn[-1].params = dict(drawn[-1].params)
    assert not hasattr(p, axes.ATTRIBUTE)
    return drawn


def same(cell, direct):
    return cell.params == direct.params and all(torch.equal(a, b) for a, b in zip(cell.drawn, direct.drawn))


@pytest.mark.parametrize(
    "label, texts, fields",
    [
        ("Strength", ("0", "7", "1"), [{"strength": s, "strengths": {}} for s in (0, 7, 1)]),
        ("Concepts", ("gun", "blood; gun"), [{"concepts": ["gun"], "strengths": {}}, {"concepts": ["blood", "gun"]}]),
        ("First step", ("2", "0"), [{"first_step": 2}, {"first_step": 0}]),
        ("Last step", ("0", "-1"), [{"last_step": 0}, {"last_step": None}]),
    ],
)
def test_each_cell_is_drawn_and_recorded_with_its_own_value_and_no_others(webui, options, label, texts, fields):
    drawn = cells(webui, options, MADE, (label, texts))
    assert len(drawn) == len(fields)
    for cell, changed in zip(drawn, fields):
        assert same(cell, webui.generate(MADE | changed))
    assert not same(drawn[0], drawn[1])


def test_with_three_axes_no_cell_has_anothers_values(webui, options):
    chosen = (("Concepts", ("blood", "gun; skull")), ("Strength", ("2", "5")), ("First step", ("0", "1")))
    made = cells(webui, options, MADE, *chosen)
    asked = product((["blood"], ["gun", "skull"]), (2, 5), (0, 1))
    for cell, (concepts, strength, first) in zip(made, asked):
        assert same(cell, webui.generate({"concepts": concepts, "strength": strength, "first_step": first}))


def test_after_a_plot_the_next_generation_has_nothing_of_it(webui, options):
    before = webui.generate(MADE)
    cells(webui, options, MADE, ("Strength", ("0", "9")))
    assert same(before, webui.generate(MADE)) and webui.generate().params == {}


def test_an_axis_of_a_plot_that_is_not_protected_stops_its_first_cell(webui, options):
    with pytest.raises(SettingsError, match="tick Growth Inhibitors"):
        cells(webui, options, {"enabled": False}, ("Strength", ("1", "2")))
