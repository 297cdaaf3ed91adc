"""A gradio that only records: components take the parameters that 3.41.2 and 4.40 both have, and no others."""

import importlib
import sys
from contextlib import contextmanager
from functools import partial
from types import ModuleType, SimpleNamespace

# Of lib_gi.webui, in the order in which they need each other.
MODULES = ("accordion", "options", "tab", "tab_adapters", "tab_calibrate", "tab_concepts", "tab_try")


def module():
    """A fresh fake of the gradio package; `made` lists its components and blocks, `open_blocks` those being filled."""
    gr = ModuleType("gradio")
    gr.made, gr.open_blocks, gr.warned, gr.__version__ = [], [], [], "3.41.2"

    class Block:
        def __init__(self, elem_id):
            self.elem_id, self.inside = elem_id, list(gr.open_blocks)
            gr.made.append(self)

    class Opened(Block):
        def __enter__(self):
            gr.open_blocks.append(self)
            return self

        def __exit__(self, *error):
            gr.open_blocks.remove(self)

    def listener(name):
        def listen(self, fn, inputs, outputs, show_progress, queue, api_name):
            assert show_progress in ("full", "minimal", "hidden")
            self.__dict__.setdefault(name + "_events", []).append((fn, inputs, outputs))
            return SimpleNamespace(then=partial(then, self))

        def then(self, fn, inputs, outputs, queue, api_name, _js):
            self.__dict__.setdefault(name + "_then", []).append((fn, inputs, outputs, _js))

        return listen

    class Component(Block):
        def __init__(self, value, label, info, elem_id):
            super().__init__(elem_id)
            self.value, self.label, self.info = value, label, info

        change = listener("change")

    class Checkbox(Component):
        def __init__(self, value=False, *, label=None, info=None, elem_id=None):
            super().__init__(value, label, info, elem_id)

    class Slider(Component):
        def __init__(self, minimum, maximum, value, *, step, label=None, info=None, elem_id=None):
            assert minimum <= value <= maximum
            self.minimum, self.maximum, self.step = minimum, maximum, step
            super().__init__(value, label, info, elem_id)

        release = listener("release")

    class Textbox(Component):
        def __init__(self, value="", *, lines=1, max_lines=20, placeholder=None, label=None, info=None, elem_id=None):
            assert isinstance(value, str)
            self.placeholder = placeholder
            super().__init__(value, label, info, elem_id)

        blur = listener("blur")

    class Number(Component):
        def __init__(self, value=None, *, precision=None, label=None, info=None, elem_id=None):
            self.precision = precision
            super().__init__(value, label, info, elem_id)

    class Radio(Component):
        def __init__(self, choices, *, value=None, label=None, info=None, elem_id=None):
            assert value in choices
            self.choices = choices
            super().__init__(value, label, info, elem_id)

    class Dropdown(Component):
        # allow_custom_value is missing on purpose: 3.41.2 refuses it together with multiselect. So are choices that
        # are no texts: it shows a pair of label and value as the pair's repr.
        def __init__(self, choices, *, value=None, multiselect=None, label=None, info=None, elem_id=None):
            assert all(isinstance(choice, str) for choice in choices)
            self.choices, self.multiselect = choices, multiselect
            super().__init__(value, label, info, elem_id)

        focus, blur, input = listener("focus"), listener("blur"), listener("input")

    class Button(Block):
        def __init__(self, value, *, visible=True, elem_id=None):
            super().__init__(elem_id)
            self.value, self.visible = value, visible

        click = listener("click")

    class UploadButton(Block):
        def __init__(self, label, *, file_types=None, elem_id=None):
            super().__init__(elem_id)
            self.label, self.file_types = label, file_types

        upload = listener("upload")

    class State:
        def __init__(self, value=None):
            self.value = value

    class Gallery(Block):
        def __init__(self, value=None, *, label=None, columns=2, elem_id=None):
            super().__init__(elem_id)
            self.value, self.label, self.columns = value, label, columns

    class HTML(Block):
        def __init__(self, value="", *, elem_id=None):
            super().__init__(elem_id)
            assert isinstance(value, str)  # a function would be asked at each load of the page, and hold it up
            self.value = value

    class Accordion(Opened):
        def __init__(self, label, *, open=True, elem_id=None):
            super().__init__(elem_id)
            self.label, self.open = label, open

    class Row(Opened):
        def __init__(self, *, elem_id=None, equal_height=True):
            super().__init__(elem_id)

    class Column(Opened):
        def __init__(self, *, elem_id=None):
            super().__init__(elem_id)

    class Tabs(Opened):
        def __init__(self, *, elem_id=None):
            super().__init__(elem_id)

    class TabItem(Opened):
        def __init__(self, label, *, elem_id=None):
            super().__init__(elem_id)
            self.label = label

    class Blocks(Opened):
        def __init__(self, *, analytics_enabled=None):
            super().__init__("")

    def update(**changes):
        return {"__type__": "update", **changes}

    gr.Checkbox, gr.Slider, gr.Textbox, gr.Radio = Checkbox, Slider, Textbox, Radio
    gr.Number, gr.Gallery = Number, Gallery
    gr.Dropdown, gr.HTML, gr.Accordion = Dropdown, HTML, Accordion
    gr.Button, gr.UploadButton, gr.State = Button, UploadButton, State
    gr.Row, gr.Column, gr.Tabs, gr.TabItem, gr.Blocks, gr.update = Row, Column, Tabs, TabItem, Blocks, update
    gr.Warning = gr.warned.append
    return gr


def input_accordion(gr):
    """The host's InputAccordion as gradio 4 hosts have it: a function that returns an open or closed checkbox."""

    class InputAccordionImpl(gr.Checkbox):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            self.accordion = SimpleNamespace()  # the one that is seen; this is a hidden checkbox

        def __enter__(self):
            gr.open_blocks.append(self)
            return self

        def __exit__(self, *error):
            gr.open_blocks.remove(self)

    def InputAccordion(value=None, **more):
        return InputAccordionImpl(value, **more)

    return InputAccordion


@contextmanager
def installed(monkeypatch, with_input_accordion):
    """The accordion module, freshly imported with a fake gradio like the tab's modules, and that gradio."""
    gr = module()
    ui_components = ModuleType("modules.ui_components")
    if with_input_accordion:
        ui_components.InputAccordion = input_accordion(gr)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "gradio", gr)
        patch.setitem(sys.modules, "modules", ModuleType("modules"))
        patch.setitem(sys.modules, "modules.ui_components", ui_components)
        names = [f"lib_gi.webui.{name}" for name in MODULES]
        for name in names:
            patch.delitem(sys.modules, name, raising=False)
        yield [importlib.import_module(name) for name in names][0], gr
        for name in names:
            sys.modules.pop(name, None)
