"""Part of the companion: tells with which contexts the last step was sampled: the concepts' and the prompt's."""

import hashlib

from modules import script_callbacks

last = {}


def on_cfg_denoiser(params):
    """Keep what this step is sampled with."""
    protection = getattr(params.denoiser.p, "growth_inhibitors", None)
    session = getattr(protection, "_session", None)
    concepts = session.concepts if session is not None else ()
    last["prompt"] = described(params.text_cond)
    last["concepts"] = {concept.name: described(concept.c_star) for concept in concepts}


def described(context) -> dict:
    """Of a context (1, tokens, width): a digest of all of it, and the vector after the start of the text."""
    context = context.detach().float().cpu().contiguous()
    digest = hashlib.sha256(f"{tuple(context.shape)}".encode() + context.numpy().tobytes())
    return {"digest": digest.hexdigest(), "vector": context[0, 1].tolist()}


def contexts() -> dict:
    """The prompt's context, and the concepts' by name; empty where nothing was sampled yet."""
    return last


script_callbacks.on_cfg_denoiser(on_cfg_denoiser)
script_callbacks.on_app_started(lambda demo, app: app.add_api_route("/companion/contexts", contexts, methods=["GET"]))
