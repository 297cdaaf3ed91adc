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

// The accordion's line names the loaded checkpoint. The host tells of a change of its settings once it has acted on it,
// and the form makes its line anew whenever the typing into this box has ended.
{
    let checkpoint;
    onOptionsChanged(() => {
        const before = checkpoint;
        checkpoint = opts.sd_model_checkpoint;
        if (before === undefined || before === checkpoint) return;
        for (const tab of ["txt2img", "img2img"]) {
            const box = gradioApp().querySelector(`#growth_inhibitors_${tab}_free_text :is(textarea, input)`);
            if (box) box.dispatchEvent(new Event("blur"));
        }
    });
}
