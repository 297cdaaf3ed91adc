"""gi-tiny in the form that the WebUI loads: the same model, by the judgement of diffusers' own converter."""

import json

import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("diffusers")
from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: E402
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint  # noqa: E402
from transformers import CLIPTextModel, CLIPTokenizer  # noqa: E402

from tools.gi_tiny.autoencoder import new_autoencoder  # noqa: E402
from tools.gi_tiny.export import export, multipliers  # noqa: E402
from tools.gi_tiny.stages import MODELS, Making  # noqa: E402
from tools.gi_tiny.text import new_text_encoder  # noqa: E402
from tools.gi_tiny.unet import new_unet  # noqa: E402


@pytest.fixture(scope="module", params=["untrained", "committed"])
def model(request, tmp_path_factory):
    """A model as `train --out` saves it, and the committed one."""
    if request.param == "committed":
        if not (MODELS / "gi-tiny" / "unet").exists():
            pytest.skip("models/gi-tiny has no UNet yet: it is still in training")
        return MODELS / "gi-tiny"
    torch.manual_seed(0)
    making, folder = Making(tmp_path_factory.mktemp("work")), tmp_path_factory.mktemp("model")
    making.autoencoder, making.scaling_factor = new_autoencoder((32, 32, 64, 64)), 0.5
    making.text_encoder, making.unet = new_text_encoder(making.tokenizer, 32), new_unet((32, 64, 64, 96), 32)
    making.save(folder)
    return folder


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    return export(model, tmp_path_factory.mktemp("webui"))


@pytest.fixture(scope="module")
def tensors(exported):
    return load_file(exported)


def rebuilt(kind, folder, weights):
    made = kind.from_config(kind.load_config(folder))
    made.load_state_dict({key: value.float() for key, value in weights.items()})
    return made.eval()


@torch.no_grad()
def test_the_exported_unet_predicts_the_same(model, tensors):
    unet = UNet2DConditionModel.from_pretrained(model / "unet", torch_dtype=torch.float32).eval()
    other = rebuilt(UNet2DConditionModel, model / "unet", convert_ldm_unet_checkpoint(dict(tensors), unet.config))
    torch.manual_seed(0)
    x, context = torch.randn(2, 4, 16, 16), torch.randn(2, 77, unet.config.cross_attention_dim)
    assert torch.equal(unet(x, 500, context).sample, other(x, 500, context).sample)


@torch.no_grad()
def test_the_exported_decoder_draws_the_same(model, tensors):
    vae = AutoencoderKL.from_pretrained(model / "vae", torch_dtype=torch.float32).eval()
    other = rebuilt(AutoencoderKL, model / "vae", convert_ldm_vae_checkpoint(dict(tensors), vae.config))
    torch.manual_seed(0)
    z = torch.randn(1, 4, 16, 16)
    assert torch.equal(vae.decode(z).sample, other.decode(z).sample)


@torch.no_grad()
def test_the_exported_text_encoder_and_tokenizer_give_the_same_context(model, exported, tensors):
    text = CLIPTextModel.from_pretrained(model / "text_encoder").float().eval()
    prefix = "cond_stage_model.transformer."
    weights = {key.removeprefix(prefix): value.float() for key, value in tensors.items() if key.startswith(prefix)}
    folder = exported.parent / "gi-tiny-text"
    other = CLIPTextModel(CLIPTextModel.config_class.from_pretrained(folder)).float().eval()
    own = {key.removeprefix("text_model."): value for key, value in other.state_dict().items()}
    told = {key.removeprefix("text_model."): value for key, value in weights.items() if "position_ids" not in key}
    assert set(own) - {"embeddings.position_ids"} == set(told)
    with torch.no_grad():
        for key, value in told.items():
            own[key].copy_(value)
    ids = CLIPTokenizer.from_pretrained(folder)(
        ["a skull on grass"], padding="max_length", max_length=77, return_tensors="pt"
    ).input_ids
    same = CLIPTokenizer.from_pretrained(model / "tokenizer")(
        ["a skull on grass"], padding="max_length", max_length=77, return_tensors="pt"
    ).input_ids
    assert torch.equal(ids, same)
    assert torch.equal(text(input_ids=ids).last_hidden_state, other(input_ids=ids).last_hidden_state)


def test_the_yaml_names_the_text_folder_and_is_complete(exported):
    yaml = exported.with_suffix(".yaml").read_text()
    assert str(exported.parent.resolve() / "gi-tiny-text") in yaml
    assert 'parameterization: "v"' in yaml and "ldm.modules.encoders.modules.FrozenCLIPEmbedder" in yaml


def test_a_saved_model_names_no_folder_of_the_machine_that_made_it(model):
    for file in model.rglob("config.json"):
        assert json.loads(file.read_text()).get("_name_or_path", "gi-tiny") == "gi-tiny"


def test_widths_that_the_webui_cannot_build_are_refused():
    assert multipliers([64, 64, 128, 128]) == [1, 1, 2, 2]
    with pytest.raises(ValueError, match="whole multiples"):
        multipliers([64, 96, 128, 128])
