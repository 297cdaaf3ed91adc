"""One picture through AUTOMATIC1111's own txt2img, with our script and no other, and nothing saved.

The host's modules are imported when they are needed, so that this file can be imported without the host.
"""

from contextlib import closing
from copy import copy
from typing import Any

from PIL import Image

from lib_gi.errors import GrowthInhibitorError
from lib_gi.settings import Settings
from lib_gi.trial import Trial


def picture(title: str, trial: Trial, seed: int, settings: Settings) -> Image.Image | None:
    """A trial's picture of a seed under these settings; None where it was interrupted.

    title: of our script. The caller holds the host's queue. Raises what stops a generation.
    """
    from modules import processing, scripts, shared

    state = shared.state
    if state.job_count == -1:  # begun, and nobody has counted yet: each seed is drawn twice
        state.job_count = 2 * trial.count
    p = processing.StableDiffusionProcessingTxt2Img(
        sd_model=shared.sd_model,
        prompt=trial.prompt,
        negative_prompt=trial.negative,
        seed=seed,
        steps=trial.steps,
        cfg_scale=trial.cfg_scale,
        width=trial.width,
        height=trial.height,
        do_not_save_samples=True,
        do_not_save_grid=True,
    )
    with closing(p):
        p.scripts, p.script_args = alone(scripts.scripts_txt2img, title, settings.to_dict())
        images = finished(p)
    return images[0] if images else None


def finished(p: Any) -> list[Image.Image]:
    """The pictures of a generation of the host; none where it was interrupted. Raises what stops it."""
    from modules import processing, shared

    state = shared.state
    try:
        processed = processing.process_images(p)
    finally:
        shared.total_tqdm.clear()
    broken_off = state.interrupted or state.skipped or state.stopping_generation
    return [] if broken_off else processed.images


def alone(runner: Any, title: str, argument: dict[str, Any]) -> tuple[Any, list[Any]]:
    """A copy of the host's runner of scripts in which only the script of this title runs, and its arguments.

    Raises GrowthInhibitorError where the host has no such script.
    """
    script = next((s for s in getattr(runner, "alwayson_scripts", ()) if s.title() == title), None)
    if script is None:
        raise GrowthInhibitorError(
            f"the WebUI runs no script {title!r} in txt2img, so nothing would be inhibited; expected ours; look into"
            " the log for why it was not loaded"
        )
    runner = copy(runner)
    runner.alwayson_scripts, runner.callback_map = [script], {}  # the second is a cache of the first
    args = [0, *[None] * (script.args_to - 1)]  # the first: no other script is chosen
    args[script.args_from] = argument
    return runner, args
