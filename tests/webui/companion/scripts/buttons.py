"""Part of the companion: calls what the page's buttons call and the API does not offer, as the page does it."""

import base64
import inspect
import io
import json
import uuid
from types import SimpleNamespace

from fastapi import Body, HTTPException
from modules import call_queue, img2img, script_callbacks, scripts, txt2img

BATCH = 5  # the number of img2img's tab
TXT2IMG = {
    "prompt_styles": [],
    "n_iter": 1,
    "batch_size": 1,
    "cfg_scale": 4,
    "height": 128,
    "width": 128,
    "denoising_strength": 0.6,
    "hr_scale": 1.5,
    "hr_upscaler": "Latent",
    "hr_second_pass_steps": 0,
    "hr_resize_x": 0,
    "hr_resize_y": 0,
    "hr_checkpoint_name": "Use same checkpoint",
    "hr_sampler_name": "Use same sampler",
    "hr_scheduler": "Use same scheduler",
    "hr_prompt": "",
    "hr_negative_prompt": "",
    "negative_prompt": "",
    "override_settings_texts": [],
}
IMG2IMG = {
    "mode": BATCH,
    "negative_prompt": "",
    "prompt_styles": [],
    "mask_blur": 4,
    "inpainting_fill": 0,
    "n_iter": 1,
    "batch_size": 1,
    "cfg_scale": 4,
    "image_cfg_scale": 1.5,
    "denoising_strength": 0.75,
    "selected_scale_tab": 0,
    "height": 128,
    "width": 128,
    "scale_by": 1,
    "resize_mode": 0,
    "inpaint_full_res": False,
    "inpaint_full_res_padding": 32,
    "inpainting_mask_invert": 0,
    "img2img_batch_inpaint_mask_dir": "",
    "override_settings_texts": [],
    "img2img_batch_use_png_info": False,
    "img2img_batch_source_type": "from dir",
}


def upscale(picture: str = Body(), infotext: str = Body(), fields: dict = Body(), forms: dict = Body()) -> dict:  # noqa: B008
    """The button below the gallery that draws a picture's second pass; picture: PNG in base 64."""
    gallery = ["data:image/png;base64," + picture], 0, json.dumps({"infotexts": [infotext]})
    form = values(txt2img.txt2img_create_processing, TXT2IMG | fields)
    return pressed(txt2img.txt2img_upscale, *gallery, *form, *scripts_values(scripts.scripts_txt2img, forms))


def batch(fields: dict = Body(), forms: dict = Body()) -> dict:  # noqa: B008
    """The button Generate of img2img, where its tab Batch is open."""
    form = values(img2img.img2img, IMG2IMG | fields)
    return pressed(img2img.img2img, *form, *scripts_values(scripts.scripts_img2img, forms))


def values(function, fields: dict) -> list:
    """The fields in the order in which the function takes them, after the task and the request; None for others."""
    taken = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    return [fields.get(name) for name in taken[2:]]


def scripts_values(runner, forms: dict) -> list:
    """What the page sends for its scripts: what their components hold at first, and by script the values of `forms`."""
    sent = [getattr(component, "value", None) for component in runner.inputs]
    sent[0] = 0  # no script is chosen
    for script in runner.scripts:
        given = forms.get(script.title(), [])
        sent[script.args_from : script.args_from + len(given)] = given
    return sent


def pressed(function, *args) -> dict:
    """The pictures and infotexts that the page would show; its error is one of the route."""
    run = call_queue.wrap_gradio_gpu_call(function, extra_outputs=[None, "", ""])
    images, info, _, said = run(f"task({uuid.uuid4().hex})", SimpleNamespace(username=None), *args)
    if images is None:
        raise HTTPException(500, said)
    return {"images": [encoded(image) for image in images], "infotexts": json.loads(info)["infotexts"]}


def encoded(image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def add_routes(demo, app):
    app.add_api_route("/companion/upscale", upscale, methods=["POST"])
    app.add_api_route("/companion/batch", batch, methods=["POST"])


script_callbacks.on_app_started(add_routes)
