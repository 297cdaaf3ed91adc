"""`growth_inhibitors` on a CUDA device: half precision, and weights that are there in a call only."""

import pytest
import tiny_pipelines
import torch
from tiny_pipelines import KNIFE, draw, hooks

from lib_gi import growth_inhibitors

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device"),
]


@pytest.fixture(params=["sd1", "sd2", "sdxl"])
def made(request, tokenizer_folder):
    """Makes the same pipeline each time: weights are seeded."""
    return lambda: getattr(tiny_pipelines, request.param)(tokenizer_folder)


@pytest.fixture()
def pipe(made):
    return made()


def check_promises(pipe):
    """The picture that is drawn in the context, as fp32 on the CPU, once it is known to be inhibited and undone."""
    before = draw(pipe)
    with growth_inhibitors(pipe, **KNIFE) as session:
        inhibited = draw(pipe)
        assert session.calls == 3 and set(session.hits.values()) == {3}
    assert inhibited.device.type == "cuda" and torch.isfinite(inhibited).all()
    assert not torch.allclose(inhibited, before, atol=1e-2)
    assert hooks(pipe.unet) == 0
    torch.testing.assert_close(draw(pipe), before, atol=1e-2, rtol=1e-2)  # kernels there may differ from run to run
    return inhibited.float().cpu()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_every_precision_is_inhibited_and_stays_what_it_is(pipe, dtype):
    pipe.to("cuda", dtype)
    check_promises(pipe)
    assert draw(pipe).dtype == dtype


def test_w_zero_with_hooks_in_place_leaves_the_picture(pipe):
    pipe.to("cuda", torch.float16)
    before = draw(pipe)
    with growth_inhibitors(pipe, ["knife"], strength=0, record_features=True) as session:
        assert session.armed
        torch.testing.assert_close(draw(pipe), before, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("way", ["enable_model_cpu_offload", "enable_sequential_cpu_offload"])
def test_offloading_gives_the_picture_of_a_pipeline_that_stays_on_the_device(pipe, made, way):
    expected = check_promises(made().to("cuda"))
    getattr(pipe, way)()
    assert pipe.unet.device.type != "cuda"
    torch.testing.assert_close(check_promises(pipe), expected, atol=1e-2, rtol=1e-2)
