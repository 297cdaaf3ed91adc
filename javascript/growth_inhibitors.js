{
    const TABS = ["txt2img", "img2img"];
    const PLACES = { sections: "seen", txt2img_fields: "txt2img_asked", img2img_fields: "img2img_asked" };
    const idOf = (rest) => `growth_inhibitors_${rest}`;
    const find = (rest) => gradioApp().querySelector(`#${idOf(rest)}`);
    const press = (rest) => find(rest)?.click();

    const components = (window.gradio_config?.components ?? []).filter(({ props }) => typeof props?.elem_id === "string");
    const isOurs = ({ props }, ...rests) => rests.some((rest) => props.elem_id === idOf(rest));

    // gradio 3.41 makes every component of a page while it loads, in sight or not, and would take a tenth of a second for
    // ours. It asks a block what lies in it each time it goes through the page, which it does for every answer: so these
    // blocks say "nothing" until they are open. What lies in them is sent and filled in all the same. A form that begins
    // open is left alone: nothing should jump.
    const withheld = {};
    const beginsOpen = (tab) => components.some((one) => one.props.open && isOurs(one, `${tab}_enabled`, `${tab}_accordion`));
    for (const component of String(window.gradio_config?.version).startsWith("3.41.") ? components : []) {
        const place = Object.keys(PLACES).find((rest) => isOurs(component, rest));
        if (!place || beginsOpen(place.split("_")[0])) continue;
        let children;
        withheld[place] = true;
        Object.defineProperty(component, "children", {
            get: () => (withheld[place] && children ? [] : children),
            set: (all) => { children = all; },
        });
    }
    const make = (rest) => {
        const place = find(rest);
        if (!withheld[rest] || !place?.getClientRects().length) return;
        withheld[rest] = false;
        new MutationObserver(() => { nameAll(); translateAll(); }).observe(place, { childList: true });
    };

    // gradio drops what is asked while an answer is under way, so it is asked once more when that has come. The button's
    // event calls growthInhibitorsTold then. It is the one event of the whole form: the host's first answer to a page goes
    // through the inputs of all events.
    const asking = {}, again = {};
    const ask = (tab) => {
        const place = `${tab}_fields`;
        make(place);
        again[tab] = asking[tab];
        if (asking[tab] || !find(PLACES[place])) return;
        asking[tab] = true;
        press(PLACES[place]);
    };
    window.growthInhibitorsTold = (tab) => {
        asking[tab] = false;
        if (again[tab]) ask(tab);
    };
    const formOf = new Map();
    for (const { id, type, props } of components) {
        const tab = TABS.find((tab) => props.elem_id.startsWith(idOf(`${tab}_`)));
        if (tab && type !== "html") formOf.set(id, tab);  // the line itself is none of its fields
    }
    onUiLoaded(() => gradioApp().addEventListener("gradio", ({ detail: { id, event } }) => {
        if (formOf.has(id) && event === "change") ask(formOf.get(id));
    }));

    // What is shown is asked for when its place is first open, in sight or not, and not while the page loads: gradio goes
    // through all of the page's components anew for each answer.
    const whenOpen = (rest, show) => {
        const place = find(rest);
        if (!place) return;
        const look = (changes) => {
            if (!changes.some((change) => change.isIntersecting)) return;
            watch.disconnect();
            make(rest);
            show();
        };
        const watch = new IntersectionObserver(look, { rootMargin: "1000000px" });
        watch.observe(place);
    };
    onUiLoaded(() => {
        for (const tab of TABS) whenOpen(`${tab}_fields`, () => ask(tab));
        whenOpen("sections", () => press(PLACES.sections));
    });

    // The accordion's line names the loaded checkpoint. The host tells of a change of its settings once it has acted on it.
    let checkpoint;
    onOptionsChanged(() => {
        const before = checkpoint;
        checkpoint = opts.sd_model_checkpoint;
        if (before !== undefined && before !== checkpoint) TABS.forEach(ask);
    });

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
    onUiLoaded(nameAll);

    // The host translates what boxes show while they are empty once, as the page is loaded; texts it follows by itself.
    const translateAll = () => {
        if (!hasLocalization()) return;
        for (const box of gradioApp().querySelectorAll(`${ours} [placeholder]`)) {
            box.placeholder = getTranslation(box.placeholder) ?? box.placeholder;
        }
    };
}
