{
    const TABS = ["txt2img", "img2img"];
    const PLACES = { sections: "seen", txt2img_fields: "txt2img_asked", img2img_fields: "img2img_asked" };
    const find = (rest) => gradioApp().querySelector(`#growth_inhibitors_${rest}`);
    const press = (rest) => find(rest)?.click();

    // gradio 3.41 makes every component of a page while it loads, in sight or not, and would take a tenth of a second for
    // ours. It asks a block what lies in it each time it goes through the page, which it does for every answer: so these
    // blocks say "nothing" until they are open. What lies in them is sent and filled in all the same.
    const withheld = {};
    const config = window.gradio_config;
    for (const component of config?.version?.startsWith("3.41.") ? config.components ?? [] : []) {
        const place = Object.keys(PLACES).find((rest) => component.props.elem_id === `growth_inhibitors_${rest}`);
        if (!place) continue;
        let children;
        withheld[place] = true;
        Object.defineProperty(component, "children", {
            get: () => (withheld[place] && children ? [] : children),
            set: (all) => { children = all; },
        });
    }

    // gradio names a slider's range but not the number beside it, and the host's own checkbox in an accordion has no name:
    // a screen reader would call both by nothing. Each is named by the text that sighted users see, whatever its language.
    const ours = '[id^="growth_inhibitors_"]';
    const name = (field, text) => {
        text.id = text.id || `${field.closest(ours).id}_text`;
        field.setAttribute("aria-labelledby", text.id);
    };
    const nameAll = () => {
        for (const number of gradioApp().querySelectorAll(`${ours}.gradio-slider input[type="number"]`)) {
            name(number, number.closest(".gradio-slider").querySelector("label > span"));
        }
        for (const box of gradioApp().querySelectorAll(`${ours} .label-wrap input[type="checkbox"]`)) {
            name(box, box.parentElement);
        }
    };

    // The host translates what boxes show while they are empty once, as the page is loaded; texts it follows by itself.
    const translateAll = () => {
        if (!hasLocalization()) return;
        for (const box of gradioApp().querySelectorAll(`${ours} [placeholder]`)) {
            box.placeholder = getTranslation(box.placeholder) ?? box.placeholder;
        }
    };

    // What is shown is asked for when its place is first open, in sight or not, and not while the page loads: gradio goes
    // through all of the page's components anew for each answer.
    const whenOpen = (place, ask) => {
        if (!place) return;
        const look = (changes) => {
            if (!changes.some((change) => change.isIntersecting)) return;
            watch.disconnect();
            ask();
        };
        const watch = new IntersectionObserver(look, { rootMargin: "1000000px" });
        watch.observe(place);
    };
    onUiLoaded(() => {
        nameAll();
        for (const [rest, button] of Object.entries(PLACES)) {
            const place = find(rest);
            whenOpen(place, () => {
                withheld[rest] = false;
                new MutationObserver(() => { nameAll(); translateAll(); }).observe(place, { childList: true });
                press(button);
            });
        }
    });

    // The form's line follows the form. gradio drops a change that comes while the last one is being told: so once more when
    // typing or sliding ends. Listened to here and not by an event of each field, since the host's first answer to a page
    // goes through the inputs of all events, and each would have the whole form.
    const formOf = new Map();
    for (const { id, type, props } of config?.components ?? []) {
        const tab = TABS.find((tab) => props.elem_id?.startsWith(`growth_inhibitors_${tab}_`));
        if (tab && type !== "html") formOf.set(id, tab);  // the line itself is none of its fields
    }
    onUiLoaded(() => gradioApp().addEventListener("gradio", ({ detail: { id, event } }) => {
        if (formOf.has(id) && ["change", "blur", "release"].includes(event)) press(`${formOf.get(id)}_asked`);
    }));

    // The accordion's line names the loaded checkpoint. The host tells of a change of its settings once it has acted on it.
    let checkpoint;
    onOptionsChanged(() => {
        const before = checkpoint;
        checkpoint = opts.sd_model_checkpoint;
        if (before !== undefined && before !== checkpoint) TABS.forEach((tab) => press(`${tab}_asked`));
    });
}
