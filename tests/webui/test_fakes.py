"""The unit tests' fakes have the shape of what they stand for, as this host's own Python tells it."""

import inspect
from types import SimpleNamespace

import pytest
from cells import GI, PROMPT


@pytest.fixture(scope="module")
def shapes(server):
    """What the companion tells from inside the host, after a step was sampled."""
    server.draw(GI, prompt=f"{PROMPT} AND a cat", batch_size=2, steps=2)
    return server.ask("/companion/shapes")


def test_the_scripts_methods_have_the_signatures_of_the_hosts_class(shapes):
    assert {"title", "show", "ui", "process", "process_before_every_sampling", "post_sample", "postprocess"} <= set(
        shapes["script"]
    )
    for name, (ours, theirs) in shapes["script"].items():
        assert ours == theirs, name


def test_the_fake_host_calls_the_scripts_methods_as_the_hosts_runner_does(shapes):
    from test_webui_script import WebUI

    calls = []
    fake = object.__new__(WebUI)
    fake.script = type("Script", (), {n: lambda self, *a, **k: None for n in shapes["runner"]})()
    fake.defaults, fake.cfg_denoiser, fake.loaded = [], [], SimpleNamespace()
    fake.call = lambda method, p, *args, **more: calls.append((method, len(args), sorted(more)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("test_webui_script.sample", lambda denoiser: [])
        fake.generate()
    assert calls == [
        ("process", 0, []),
        ("process_before_every_sampling", 0, ["c", "noise", "uc", "x"]),
        ("post_sample", 1, []),
        ("postprocess", 1, []),
    ]
    assert shapes["runner"] == {
        "process": "(self, p)",
        "process_before_every_sampling": "(self, p, **kwargs)",
        "post_sample": "(self, p, ps)",
        "postprocess": "(self, p, processed)",
    }


def test_the_fake_denoiser_has_what_the_hosts_has(shapes):
    from webui_fakes import Denoiser

    seen = shapes["seen"]
    fake = Denoiser(None, None, parts=(2, 2), steps=2)
    assert "Module" in seen["denoiser classes"] and "CFGDenoiser" in seen["denoiser classes"]
    for name in ("step", "steps", "total_steps"):
        assert seen["denoiser"][name] == type(getattr(fake, name)).__name__ == "int"
    assert seen["parts"] == [len(parts) for parts in fake.sampler.sampler_extra_args["cond"].batch]


def test_the_fake_params_have_fields_of_the_hosts(shapes):
    from webui_fakes import Denoiser, sample

    told = []
    fake = Denoiser(type("Host", (), {"loaded": staticmethod(lambda x, context: x)}), told.append, steps=1)
    sample(fake)
    (params,) = told
    assert set(vars(params)) <= set(shapes["CFGDenoiserParams"]) == set(shapes["seen"]["params"])


def test_the_callbacks_and_modules_that_the_fakes_replace_are_there(shapes):
    assert set(shapes["callbacks"].values()) == {"(callback, *, name=None)"}
    assert "module" in shapes["scripts_data"] and all(shapes["options"])


def test_the_fake_axis_option_takes_what_the_hosts_takes(shapes):
    from test_webui_axes import AxisOption

    assert list(inspect.signature(AxisOption).parameters) == shapes["AxisOption"]


def test_the_fake_options_take_what_the_hosts_take(shapes):
    from webui_fakes import OptionInfo, Options

    assert set(inspect.signature(OptionInfo).parameters) <= set(shapes["OptionInfo"])
    assert {name: str(inspect.signature(getattr(Options, name))) for name in shapes["Options"]} == shapes["Options"]


def test_the_fake_gradio_takes_nothing_that_the_hosts_gradio_lacks(shapes):
    import fake_gradio

    gradio = fake_gradio.module()
    for name, theirs in shapes["gradio"].items():
        assert set(inspect.signature(getattr(gradio, name)).parameters) <= set(theirs), name
    change = [name for name in inspect.signature(gradio.Textbox.change).parameters if name != "self"]
    assert set(change) <= set(shapes["change"])
    accordion, checkbox = shapes["InputAccordion"]
    assert "kwargs" in accordion and {"label", "elem_id"} <= set(checkbox)
