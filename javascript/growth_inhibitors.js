{
    const TABS = ["txt2img", "img2img"];
    const find = (rest) => gradioApp().querySelector(`#growth_inhibitors_${rest}`);

    // The form makes its line anew whenever the typing into this box has ended.
    const makeLine = (tab) => {
        const box = find(`${tab}_free_text :is(textarea, input)`);
        if (box) box.dispatchEvent(new Event("blur"));
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
        for (const tab of TABS) whenOpen(find(`${tab}_line`), () => makeLine(tab));
        whenOpen(find("sections"), () => find("seen").click());
    });

    // The accordion's line names the loaded checkpoint. The host tells of a change of its settings once it has acted on it.
    let checkpoint;
    onOptionsChanged(() => {
        const before = checkpoint;
        checkpoint = opts.sd_model_checkpoint;
        if (before !== undefined && before !== checkpoint) TABS.forEach(makeLine);
    });
}

// gradio names a slider's range but not the number beside it, and the host's own checkbox in an accordion has no name:
// a screen reader would call both by nothing. Each is named by the text that sighted users see, whatever its language.
onUiLoaded(() => {
    const ours = '[id^="growth_inhibitors_"]';
    const name = (field, text) => {
        text.id = text.id || `${field.closest(ours).id}_text`;
        field.setAttribute("aria-labelledby", text.id);
    };
    for (const number of gradioApp().querySelectorAll(`${ours}.gradio-slider input[type="number"]`)) {
        name(number, number.closest(".gradio-slider").querySelector("label > span"));
    }
    for (const box of gradioApp().querySelectorAll(`${ours} .label-wrap input[type="checkbox"]`)) {
        name(box, box.parentElement);
    }
});
