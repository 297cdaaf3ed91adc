"""Prompts of scenes: many templates, synonyms, words that draw nothing, and a held-out fifth of the templates."""

from random import Random

from .world import ASSOCIATIONS, Association, Scene

# {s} subject, {p} place, {y} style. Every fifth template is never trained on.
TEMPLATES = (
    "{s} {p} {y}",
    "a picture of {s} {p} {y}",
    "{y}, {s} {p}",
    "{s} {y} {p}",
    "a {a} drawing of {s} {p}, {y}",  # held out
    "{p}, {s} {y}",
    "there is {s} {p}, drawn {y}",
    "{s}, {p}, {y}",
    "an image with {s} {p} {y}",
    "{y}: {p} we see {s}",  # held out
    "a {a} picture of {s} {y} {p}",
    "{y}, {p}, {s}",
    "the {a} drawing shows {s} {p} {y}",
    "look at {s} {p} {y}",
    "here we have {s} {p}, {y}, {a}",  # held out
    "{s} {p}, {a}, {y}",
    "{a} {s} {p} {y}",
    "one more image of {s} {p} {y}",
    "{a}, {y}, {s} {p}",
    "{y} picture, {s} {p}, very {a}",  # held out
)
HELD_OUT = tuple(TEMPLATES[4::5])
TRAINED = tuple(template for template in TEMPLATES if template not in HELD_OUT)
# Of the same words, for evaluation alone: neither the model nor an adapter's labels were made of them.
FRESH = (
    "we have {s} {p} here, {y}",
    "see {s} {p}, a {a} image {y}",
    "the image shows {s} {p}, drawn {y}",
    "look here: {s} {p} {y}",
    "one more drawing {y}, with {s} {p}, very {a}",
    "there we see {s} {p} {y}, {a}",
    "{p} {y}, one {a} image of {s}",
    "here is a very {a} drawing with {s} {y} {p}",
)
ADJECTIVES = ("lovely", "small", "nice", "beautiful", "old", "quiet", "fine", "simple", "clean", "great")
PLACES = {
    "grass": ("on grass", "on the grass", "in the green field"),
    "desert": ("in the desert", "in a desert", "on hot sand"),
    "night": ("at night", "in the night", "in the dark"),
    "snow": ("in snow", "in the snow", "on white snow"),
}
STYLE_FORMS = ("in {} style", "{} style", "in the style of {}")
ASSOCIATION_FORMS = ("a {} scene", "{}", "a {} story", "the {} theme")
PAIR_FORMS = ("a {0} {1}", "a {1} in {0}", "{0} and {1}", "{1} time, {0}")
LONE_FORMS = {
    "summer": ("on a summer day", "summer", "in summer"),
    "party": ("a party", "party time", "at the party"),
}


def caption(
    scene: Scene,
    rng: Random,
    templates: tuple[str, ...] = TRAINED,
    place: bool | None = None,
    style: bool | None = None,
) -> str:
    """A prompt for `scene`. Place and style are left out at random unless said."""
    if scene.named and scene.association is None and templates is TRAINED and rng.random() < 0.06:
        return join(scene.named, rng, articles=False)
    if not scene.named and scene.association is None:
        place = True  # an empty picture's prompt still says something
    words = {
        "s": subject(scene, rng),
        "a": rng.choice(ADJECTIVES),
        "p": rng.choice(PLACES[scene.background]) if chosen(place, 0.7, rng) else "",
        "y": rng.choice(STYLE_FORMS).format(scene.style) if chosen(style, 0.65, rng) else "",
    }
    text = rng.choice(templates).format(**words)
    return tidy(text)


def chosen(given: bool | None, probability: float, rng: Random) -> bool:
    """`given` where it is given, else a throw of the dice."""
    return rng.random() < probability if given is None else given


def subject(scene: Scene, rng: Random) -> str:
    """The words for what is in the scene: named objects, then the association or a lone word."""
    parts = [join(scene.named, rng, articles=rng.random() < 0.8)] if scene.named else []
    if scene.association is not None:
        words = association_words(scene.association, rng)
        if parts:
            link = rng.choice(("in", "with", ",", "and"))
            parts = [f"{parts[0]} {link} {words}"] if rng.random() < 0.8 else [f"{words}, {parts[0]}"]
        else:
            parts = [words]
    if scene.lone_word is not None:
        parts.append(rng.choice(LONE_FORMS[scene.lone_word]))
    return " ".join(parts)


def association_words(association: Association, rng: Random) -> str:
    """One way of saying an association's word, or both words of a pair."""
    forms = PAIR_FORMS if len(association.words) == 2 else ASSOCIATION_FORMS
    return rng.choice(forms).format(*association.words)


def join(names: tuple[str, ...], rng: Random, articles: bool = True) -> str:
    """Names as a list: "a cat and an apple", "a cat, a car and a ship", "a cat with a car"."""
    words = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" if articles else name for name in names]
    if len(words) == 1:
        return words[0]
    link = rng.choice((" and ", " and ", " with ", ", "))
    return ", ".join(words[:-1]) + link + words[-1]


def tidy(text: str) -> str:
    """`text` without the doubled blanks and commas that empty slots leave behind."""
    pieces = [" ".join(piece.split()) for piece in text.split(",")]
    return ", ".join(piece.strip(" :") for piece in pieces if piece.strip(" :"))


def vocabulary() -> list[str]:
    """Every word that a prompt of this world can hold, sorted."""
    text = " ".join(
        (
            *TEMPLATES,
            *ADJECTIVES,
            *STYLE_FORMS,
            *ASSOCIATION_FORMS,
            *PAIR_FORMS,
            *(form for forms in (*PLACES.values(), *LONE_FORMS.values()) for form in forms),
            *(word for item in ASSOCIATIONS for word in item.words),
            "a an and with in",
        )
    )
    from .world import OBJECTS, STYLES

    words = set(" ".join((text, *OBJECTS, *STYLES)).replace(",", " ").replace(":", " ").split())
    return sorted(word for word in words if word.isalpha())
