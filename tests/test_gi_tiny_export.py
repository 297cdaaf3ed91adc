"""gi-tiny in the form that the WebUI loads: the same model, by the judgement of diffusers' own converter."""

import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("diffusers")
from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: E402
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint  # noqa: E402
from transformers import CLIPTextModel, CLIPTokenizer  # noqa: E402

from tools.gi_tiny.export import export, multipliers  # noqa: E402
from tools.gi_tiny.stages import MODELS  # noqa: E402

MODEL = MODELS / "gi-tiny"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export(MODEL, tmp_path_factory.mktemp("webui"))


@pytest.fixture(scope="module")
def tensors(exported):
    return load_file(exported)


def rebuilt(kind, part, weights):
    model = kind.from_config(kind.load_config(MODEL / part))
    model.load_state_dict({key: value.float() for key, value in weights.items()})
    return model.eval()


@torch.no_grad()
def test_the_exported_unet_predicts_the_same(tensors):
    unet = UNet2DConditionModel.from_pretrained(MODEL / "unet", torch_dtype=torch.float32).eval()
    other = rebuilt(UNet2DConditionModel, "unet", convert_ldm_unet_checkpoint(dict(tensors), unet.config))
    torch.manual_seed(0)
    x, context = torch.randn(2, 4, 16, 16), torch.randn(2, 77, unet.config.cross_attention_dim)
    assert torch.equal(unet(x, 500, context).sample, other(x, 500, context).sample)


@torch.no_grad()
def test_the_exported_decoder_draws_the_same(tensors):
    vae = AutoencoderKL.from_pretrained(MODEL / "vae", torch_dtype=torch.float32).eval()
    other = rebuilt(AutoencoderKL, "vae", convert_ldm_vae_checkpoint(dict(tensors), vae.config))
    torch.manual_seed(0)
    z = torch.randn(1, 4, 16, 16)
    assert torch.equal(vae.decode(z).sample, other.decode(z).sample)


@torch.no_grad()
def test_the_exported_text_encoder_and_tokenizer_give_the_same_context(exported, tensors):
    text = CLIPTextModel.from_pretrained(MODEL / "text_encoder", torch_dtype=torch.float32).eval()
    prefix = "cond_stage_model.transformer."
    weights = {key.removeprefix(prefix): value.float() for key, value in tensors.items() if key.startswith(prefix)}
    folder = exported.parent / "gi-tiny-text"
    other = CLIPTextModel(CLIPTextModel.config_class.from_pretrained(folder)).eval()
    own = {key.removeprefix("text_model."): value for key, value in other.state_dict().items()}
    told = {key.removeprefix("text_model."): value for key, value in weights.items() if "position_ids" not in key}
    assert set(own) - {"embeddings.position_ids"} == set(told)
    with torch.no_grad():
        for key, value in told.items():
            own[key].copy_(value)
    ids = CLIPTokenizer.from_pretrained(folder)(
        ["a skull on grass"], padding="max_length", max_length=77, return_tensors="pt"
    ).input_ids
    same = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")(
        ["a skull on grass"], padding="max_length", max_length=77, return_tensors="pt"
    ).input_ids
    assert torch.equal(ids, same)
    assert torch.equal(text(input_ids=ids).last_hidden_state, other(input_ids=ids).last_hidden_state)


def test_the_yaml_names_the_text_folder_and_is_complete(exported):
    yaml = exported.with_suffix(".yaml").read_text()
    assert str(exported.parent.resolve() / "gi-tiny-text") in yaml
    assert 'parameterization: "v"' in yaml and "ldm.modules.encoders.modules.FrozenCLIPEmbedder" in yaml


def test_widths_that_the_webui_cannot_build_are_refused():
    assert multipliers([64, 64, 128, 128]) == [1, 1, 2, 2]
    with pytest.raises(ValueError, match="whole multiples"):
        multipliers([64, 96, 128, 128])
