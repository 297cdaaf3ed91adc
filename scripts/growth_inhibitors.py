"""The WebUI's script: hands what the host tells to lib_gi, and shows what lib_gi did."""

import logging
import weakref
from functools import partial
from pathlib import Path

from modules import call_queue, images, paths, script_callbacks, scripts, shared

from lib_gi import __version__, infotext
from lib_gi.adapters import BUNDLED, Adapters
from lib_gi.errors import GrowthInhibitorError
from lib_gi.hosts import webui_draw
from lib_gi.hosts.webui import ATTRIBUTE, Protection, Stop
from lib_gi.hosts.webui_model import Webui
from lib_gi.library import Library
from lib_gi.own_adapters import OwnAdapters
from lib_gi.own_concepts import OwnConcepts
from lib_gi.settings import Settings, format_strengths
from lib_gi.training.job import Job
from lib_gi.training.webui import in_turn
from lib_gi.webui import (
    accordion,
    arguments,
    axes,
    calibrating,
    growth,
    log,
    nested,
    options,
    report,
    request_check,
    routes,
    tab,
    tab_adapters,
    tab_calibrate,
    tab_concepts,
    tab_try,
)
from lib_gi.webui.detectors import Detectors

logger = logging.getLogger("growth_inhibitors")
GROWTH = "growth_inhibitors_growth"  # of the host's object of a generation
PREFIX = "growth_inhibitors"  # of every id in the page


class GrowthInhibitorsScript(scripts.Script):
    """One always-visible script in txt2img and img2img."""

    def title(self):
        """The name that API calls use, whatever its case."""
        return accordion.TITLE

    def show(self, is_img2img):
        """Shown at all times."""
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        """The accordion's components, in the order of the arguments of the methods below."""
        built = accordion.build(is_img2img, library.catalogue, PREFIX, forecast, page.initial(), adapters.names)
        self.infotext_fields, self.paste_field_names = built.infotext_fields, built.paste_field_names
        return built.components

    def setup(self, p, *args):
        """A generation is made ready; a script may go on to draw others instead, without telling ours."""
        running.ask(Webui().job, partial(stopping, partial(asked_for, args)))

    def process(self, p, *args):
        """A generation begins: settings are checked here; a mistake stops it at its first step."""
        finish(p)
        Protection.end_all()  # the host has no callback for a generation that failed
        job = Webui().job
        protection = stopping(lambda: nested.joined(asked_for(args, p), running.around(job, p)))
        running.begin(job, p, protection)
        setattr(p, ATTRIBUTE, protection)
        settings = Settings.disabled() if protection is None else protection.settings
        setattr(p, GROWTH, growth.Growth(settings.heatmap) if settings.heatmap else None)
        p.extra_generation_params = infotext.renewed(p.extra_generation_params, infotext.write(settings))

    def process_before_every_sampling(self, p, *args, **kwargs):
        """A sampling pass begins."""
        protection = protection_of(p)
        Protection.end_others(protection)  # what was drawn inside this generation without scripts told no end
        if protection is not None:
            protection.begin_sampling(p, hires=bool(getattr(p, "is_hr_pass", False)))

    def post_sample(self, p, ps, *args):
        """The latents of a batch are there: nothing stays installed, and what was done is said."""
        protection = protection_of(p)
        if protection is None:
            return
        protection.end_pass()
        if protection.refusal:
            ps.samples = Stop(protection.refusal)  # at the latest here: there may have been no step to stop in
            return
        if growth_of(p) is not None:
            growth_of(p).begin_batch(protection.take_recording())
        names = report.adapters_of(Webui(), adapters)
        try:
            text = f"{accordion.TITLE}: {report.done(protection, names)}"
            told = infotext.write(protection.settings) if protection.done or not protection.acts else {}
            told |= report.recorded(protection, names)
        finally:
            protection.done.clear()  # the next batch tells of its own
        p.extra_generation_params = infotext.renewed(p.extra_generation_params, told)
        logger.info(text)
        p.comment(text)

    def postprocess_image(self, p, pp, *args):
        """A picture of the batch is there, as it was sampled: not yet pasted into a larger one."""
        if growth_of(p) is None:
            return
        try:
            growth_of(p).see(p.batch_index, pp.image)
        except GrowthInhibitorError as error:
            p.comment(warned(f"no heat map: {error}"))

    def postprocess(self, p, processed, *args):
        """The generation is over."""
        seen = growth_of(p)
        finish(p)
        running.end(p)
        Protection.end_all()  # also of those that were drawn inside it without scripts
        if seen is not None:
            for problem in seen.hand_over(p, processed, shared.opts, page.heatmap_folder, images.save_image):
                processed.comments += warned(problem) + "\n"


def asked_for(args, p=None):
    """The protection that a form's values and a cell's axes ask for, and what is always kept out; None for neither."""
    catalogue = library.catalogue()
    asked = axes.overridden(arguments.settings_from(args, catalogue), p)
    policy = page.policy()
    settings = policy.enforced(asked)
    if not settings.enabled:
        return None
    for problem in catalogue.problems:
        logger.warning("%s", problem)
    return Protection(Webui(), settings, policy.concepts(settings, asked.free_text, catalogue), adapters)


def stopping(make):
    """The protection that `make` gives, or None; where it fails, one that stops the generation with its error."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - any: the host would swallow it, and draw on without protection
        logger.error("%s", error)
        return Protection.refused(Webui(), error)


def protection_of(p):
    """The protection of this generation, or None."""
    return getattr(p, ATTRIBUTE, None)


def growth_of(p):
    """What is shown of where concepts grew in this generation, or None."""
    return getattr(p, GROWTH, None)


def warned(text):
    """What the user should know, written into the log too."""
    text = f"{accordion.TITLE}: {text}"
    logger.warning("%s", text)
    return text


def finish(p):
    """Take out what a generation may have left."""
    setattr(p, GROWTH, None)
    protection = protection_of(p)
    if protection is not None:
        protection.end_sampling()
        setattr(p, ATTRIBUTE, None)


def forecast(settings: Settings | GrowthInhibitorError) -> str:
    """What the accordion's live line says of these settings, or of what is wrong with them.

    Raises what a generation would be stopped by: an adapter that is not there, a model that cannot be inhibited, a
    phrase that is too long for it.
    """
    if isinstance(settings, GrowthInhibitorError):
        return f"Will not generate: {settings}"
    try:
        policy = page.policy()
        acting = policy.enforced(settings)
    except GrowthInhibitorError as error:
        return f"Will not generate, because of what is always to be kept out: {error}"
    if not acting.enabled:
        return "Off: nothing is installed."
    host = Webui()
    checkpoint = host.checkpoint or "the checkpoint that will be loaded"
    catalogue = library.catalogue()
    concepts = policy.concepts(acting, settings.free_text, catalogue)
    report.check_fits(host, concepts, any(strength != 0 for strength in acting.acting.values()))
    by = report.comes_by(acting, host, adapters, concepts)
    always = "" if acting == settings else " Some of it always, whatever is chosen here."
    line = f"Will inhibit {format_strengths(acting.acting)} in {checkpoint}: {by}.{always}"
    return " ".join([line, *policy.told_of_anchors(acting, catalogue), *policy.told_of_words(only_slips=True)])


def checkpoint_file():
    """The file of the loaded checkpoint, or None."""
    weights = Webui().weights
    return Path(weights) if weights else None


def on_cfg_denoiser(params):
    """The denoiser is about to run the UNet."""
    generation = getattr(params.denoiser, "p", None) or params.denoiser
    protection = protection_of(generation)
    if protection is None or protection is running.around(Webui().job, generation):  # which a copy came with
        protection = stopping(lambda: unasked(generation))
        setattr(generation, ATTRIBUTE, protection)
        if protection is not None:
            weakref.finalize(generation, protection.end_sampling)
    if protection is not None:
        protection.begin_step(params)


def unasked(generation):
    """The protection of a generation that our script was not told of: of the one that it is drawn in, or as always."""
    Protection.end_all()  # of others nothing acts here
    around, policy = running.inherited(Webui().job, generation), page.policy()
    if around is not None:
        protection = nested.within(around)
    elif policy.required.enabled:
        concepts = policy.concepts(policy.required, False, library.catalogue())
        protection = Protection(Webui(), policy.required, concepts)
    else:
        return None
    names = format_strengths(protection.settings.acting)
    logger.info("%s act in a generation that came without them, too: %s", accordion.TITLE, names)
    return protection


def status():
    """What GET /growth-inhibitors/status answers."""
    host, found = Webui(), adapters.look()
    hooks = 0
    if host.checkpoint:
        parts = [part for name, m in host.unet().named_modules() if name.endswith("attn2") for part in m.modules()]
        hooks = sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in parts)
    return {
        "version": __version__,
        "checkpoint": host.checkpoint,
        "hooks_in_cross_attention": hooks,
        "adapters": [listed.name for listed in found.adapters],
        "problems": [*library.catalogue().problems, *found.problems, *page.doubts()],
    }


def on_app_started(demo, app):
    """The host's server is up."""
    request_check.add(app, accordion.TITLE)
    routes.add(app, status, routes.credentials_of(shared.cmd_opts.api_auth), library.catalogue)


def on_ui_tabs():
    """The host's page asks for further tabs."""
    draw, queued = partial(webui_draw.picture, accordion.TITLE), call_queue.wrap_gradio_gpu_call
    trying = tab_try.section(library.catalogue, adapters.names, draw, queued, shared.state.interrupt)
    listing = tab_adapters.section(adapters, own_adapters, lambda listed: report.fit_of(listed, Webui(), adapters))
    sections = [tab_concepts.section(library), trying, tab_calibrate.section(workshop), listing]
    return tab.build(sections, PREFIX)


# In the host's data folder, which neither an update nor the removal of the extension touches.
data = Path(paths.data_path) / "growth-inhibitors"
library = Library(OwnConcepts(data), checkpoint_file)
own_adapters = OwnAdapters(data / "adapters")
adapters = Adapters([BUNDLED, own_adapters.folder])
page = options.Page(shared.opts, shared.cmd_opts)
running = nested.Running()
job = Job(partial(in_turn, call_queue.wrap_gradio_gpu_call), shared.state.interrupt)
workshop = calibrating.Workshop(
    job,
    data,
    lambda: Webui(),  # whichever is loaded by then
    Detectors(data / "detectors"),
    library.catalogue,
    own_adapters,
    lambda: page.policy().required.concepts,
)
log.make_audible(shared.cmd_opts.loglevel)
page.warn()
script_callbacks.on_cfg_denoiser(on_cfg_denoiser)
script_callbacks.on_app_started(on_app_started)
script_callbacks.on_before_ui(lambda: axes.register_found(library.catalogue, adapters.names))
script_callbacks.on_ui_tabs(on_ui_tabs)
script_callbacks.on_ui_settings(lambda: page.add(shared.OptionInfo))
