"""Axes of the X/Y/Z plot: there once, checked before anything is drawn, and one cell's value is no other's."""

import math
import sys
from copy import copy
from types import ModuleType, SimpleNamespace

import pytest

from lib_gi.concepts import Catalogue, Concept
from lib_gi.errors import GrowthInhibitorError, SettingsError, StepRangeError
from lib_gi.settings import Settings
from lib_gi.webui import axes

CATALOGUE = Catalogue([Concept(name, name, "things") for name in ("nudity", "blood", "dog")])
MADE = Settings(concepts=("nudity", "blood"), strengths={"Blood": 6}, first_step=2)


class AxisOption:
    """The host's class, by its signature."""

    def __init__(self, label, type, apply, format_value=None, confirm=None, cost=0.0, choices=None, prepare=None):
        self.label, self.type, self.apply, self.confirm, self.choices = label, type, apply, confirm, choices


def plot():
    """A loaded xyz_grid with one axis of its own."""
    module = ModuleType("xyz_grid.py")
    module.AxisOption, module.axis_options = AxisOption, [AxisOption("Seed", int, None)]
    return module


def registered():
    """Our axes by the last part of their label."""
    xyz = plot()
    axes.register(xyz, lambda: CATALOGUE, lambda: ["tiny"])
    return {option.label.removeprefix("[Growth Inhibitors] "): option for option in xyz.axis_options[1:]}


def cell(**chosen):
    """The p of a cell with a value of each of these axes, as the plot makes it."""
    p = copy(SimpleNamespace())
    for label, text in chosen.items():
        option = registered()[label.replace("_", " ")]
        values = [option.type(text)]
        option.confirm(p, values)
        option.apply(p, values[0], values)
    return p


def test_the_axes_are_added_once_after_the_plots_own():
    xyz = plot()
    axes.register(xyz, lambda: CATALOGUE)
    axes.register(xyz, lambda: CATALOGUE)
    names = ["Strength", "Concepts", "Weighting", "First step", "Last step", "Adapter"]
    assert [option.label for option in xyz.axis_options] == ["Seed", *(f"[Growth Inhibitors] {n}" for n in names)]


def test_the_loaded_plot_is_found_among_the_scripts():
    other, xyz = ModuleType("other.py"), plot()
    scripts = SimpleNamespace(scripts_data=[SimpleNamespace(module=other), SimpleNamespace(module=xyz)])
    assert axes.xyz_module(scripts) is xyz
    scripts.scripts_data.pop()
    assert axes.xyz_module(scripts) is None


def test_the_hosts_before_ui_callback_adds_the_axes_where_there_is_a_plot(monkeypatch):
    modules, xyz = ModuleType("modules"), plot()
    modules.scripts = SimpleNamespace(scripts_data=[])
    monkeypatch.setitem(sys.modules, "modules", modules)
    axes.register_found()
    modules.scripts.scripts_data.append(SimpleNamespace(module=xyz))
    axes.register_found()
    assert len(xyz.axis_options) == 7 and "nudity" in xyz.axis_options[2].choices()


@pytest.mark.parametrize(
    "chosen, changed",
    [
        ({"Strength": "7"}, {"strength": 7.0, "strengths": {}}),
        ({"Concepts": "BLOOD; dog"}, {"concepts": ("blood", "dog")}),
        ({"Concepts": "dog"}, {"concepts": ("dog",), "strengths": {}}),
        ({"Concepts": "dog", "Strength": "2"}, {"concepts": ("dog",), "strengths": {}, "strength": 2.0}),
        ({"Strength": "2", "Concepts": "blood"}, {"concepts": ("blood",), "strengths": {}, "strength": 2.0}),
        ({"Weighting": " plain"}, {"weighting": "plain"}),
        ({"First_step": "5"}, {"first_step": 5}),
        ({"Last_step": "9"}, {"last_step": 9}),
        ({"Adapter": " Auto"}, {"adapter": "auto"}),
        ({"Adapter": "tiny"}, {"adapter": "tiny"}),
        ({"Adapter": "tiny", "Strength": "2"}, {"adapter": "tiny", "strength": 2.0, "strengths": {}}),
        ({"Last_step": "-1"}, {"last_step": None}),
    ],
)
def test_a_cell_is_drawn_with_its_axes_values_and_otherwise_as_set(chosen, changed):
    assert axes.overridden(MADE, cell(**chosen)) == Settings(**MADE.to_dict() | changed)


def test_an_axis_of_strengths_is_not_left_without_effect_by_an_adapter():
    inferring = Settings(concepts=("nudity", "blood"), adapter="auto")
    drawn = axes.overridden(inferring, cell(Strength="7"))
    assert set(drawn.acting.values()) == {7.0}


def test_a_generation_without_axes_keeps_its_settings():
    assert axes.overridden(MADE, SimpleNamespace()) is MADE
    assert axes.overridden(Settings.disabled(), SimpleNamespace()) == Settings.disabled()


def test_one_cells_value_is_not_anothers():
    options = registered()
    first = cell(Strength="1")
    second = copy(first)
    options["Strength"].apply(second, 2.0, [1.0, 2.0])
    options["First step"].apply(second, 5, [5])
    assert axes.overridden(MADE, first).strength == 1 and axes.overridden(MADE, first).first_step == 2
    assert axes.overridden(MADE, second).strength == 2 and axes.overridden(MADE, second).first_step == 5


@pytest.mark.parametrize(
    "label, value",
    [
        ("Strength", -1.0),
        ("Strength", math.nan),
        ("Concepts", "nudty"),
        ("Concepts", ""),
        ("Concepts", "dog; Dog"),
        ("Weighting", "agreemnt"),
        ("First step", -1),
        ("Last step", -2),
        ("Adapter", "tinny"),
        ("Adapter", ""),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_before_any_cell_is_drawn(label, value):
    option = registered()[label]
    with pytest.raises(GrowthInhibitorError, match="[Ee]xpected"):
        option.confirm(SimpleNamespace(), [option.type(value)])


def test_good_values_are_confirmed_and_the_choices_are_among_them():
    options = registered()
    for label in ("Concepts", "Weighting", "Adapter"):
        options[label].confirm(SimpleNamespace(), options[label].choices())
    options["Strength"].confirm(SimpleNamespace(), [0.0, 4.0, 20.0])
    assert options["Concepts"].choices() == ["nudity", "blood", "dog"]


def test_an_axis_while_disabled_is_an_error_and_not_a_grid_of_equal_pictures():
    with pytest.raises(SettingsError, match="tick Growth Inhibitors"):
        axes.overridden(Settings.disabled(), cell(Strength="3"))


def test_a_concept_that_was_added_after_the_axes_can_be_drawn():
    xyz, concepts = plot(), []
    axes.register(xyz, lambda: Catalogue(concepts))
    option = xyz.axis_options[2]
    concepts.append(Concept("clown", "red nose", "circus"))
    option.confirm(SimpleNamespace(), option.choices())
    assert option.choices() == ["clown"]


def test_values_that_do_not_fit_together_are_refused():
    with pytest.raises(StepRangeError, match="first_step 2"):
        axes.overridden(MADE, cell(Last_step="1"))
