"""What is asked of a page in its own language."""

# The outputs of a generation are faded while it runs. The same text may come out twice: so it is no text that is
# waited for.
WATCH = """id => {
    const log = document.getElementById(id);
    let busy = false;
    window.ended = false;
    new MutationObserver((changes, observer) => {
        const now = log.querySelector('.pending') !== null;
        if (busy && !now) { window.ended = true; observer.disconnect(); }
        busy = now;
    }).observe(log, {attributes: true, attributeFilter: ['class'], subtree: true});
}"""
# WCAG's ratio of the luminance of a text and of what is behind it.
CONTRAST = """element => {
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) => [r, g, b].reduce(
        (sum, value, i) => sum + [0.2126, 0.7152, 0.0722][i] * linear(value / 255), 0);
    let behind = element;
    while (behind.parentElement && numbers(getComputedStyle(behind).backgroundColor)[3] === 0)
        behind = behind.parentElement;
    const [low, high] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor]
        .map(colour => luminance(numbers(colour)) + 0.05).sort((a, b) => a - b);
    return high / low;
}"""

# An input's name is its label's text, or what its aria attributes tell; a button's is its text too.
UNNAMED = """prefix => [...document.querySelectorAll(`[id^="${prefix}"]`)].flatMap(part =>
    [...part.querySelectorAll('input:not([type=file]), textarea, button')]
        .filter(field => field.offsetParent !== null && ![
            ...[...(field.labels || [])].map(label => label.innerText), field.getAttribute('aria-label'),
            (document.getElementById(field.getAttribute('aria-labelledby')) || {}).innerText, field.title,
            field.tagName === 'BUTTON' ? field.innerText : '',
        ].some(text => (text || '').trim()))
        .map(() => part.id))"""

# Run before a page's own scripts: what moved while nobody touched it, and whether a part of ours was among it.
SHIFTS = """() => {
    window.shifts = [];
    const ours = node => node && (node.closest ? node : node.parentElement).closest('[id^="growth_inhibitors_"]');
    new PerformanceObserver(list => {
        for (const entry of list.getEntries())
            window.shifts.push({value: entry.value, ours: entry.sources.some(source => ours(source.node))});
    }).observe({type: 'layout-shift', buffered: true});
}"""
OUR_SHIFT = "() => window.shifts.filter(shift => shift.ours).reduce((sum, shift) => sum + shift.value, 0)"
PUSH = """id => {
    const block = document.createElement('div');
    block.style.height = '200px';
    document.getElementById(id).before(block);
}"""

# The texts of our parts, also of those that are not to be seen now, and what empty boxes say.
TEXTS = """() => [...document.querySelectorAll('[id*="growth_inhibitors_"]')].flatMap(part => [
    ...[...part.querySelectorAll('*')].flatMap(one => [...one.childNodes])
        .filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.textContent),
    ...[...part.querySelectorAll('[placeholder]')].map(box => box.placeholder),
].map(text => text.trim()).filter(text => text))"""
