"""The drawings: one committed PNG sheet per style, and how such a sheet was made.

`sheet(style)` needs only Pillow. `make_sheets` reads the emoji sets' npm packages
(`@iconify-json/noto`, `@iconify-json/fluent-emoji-flat`) and needs cairosvg; it was run once.
"""

import io
import json
from functools import lru_cache
from pathlib import Path

from PIL import Image

from .world import OBJECTS, STYLES

SIZE = 128
COLUMNS = 5
FOLDER = Path(__file__).parent / "drawings"
SETS = {"noto": "noto", "fluent": "fluent-emoji-flat"}
ICONS = {
    "kitchen knife": "kitchen-knife",
    "bomb": "bomb",
    "skull": "skull",
    "beer": "beer-mug",
    "glass of red wine": "wine-glass",
    "kitchen pot": "pot-of-food",
    "helicopter": "helicopter",
    "ship": "sailboat",
    "guitar": "guitar",
    "balloon": "balloon",
    "cat": "cat-face",
    "apple": "red-apple",
    "car": "automobile",
}


@lru_cache
def drawing(style: str, name: str) -> Image.Image:
    """The RGBA drawing of `name` in `style`, 128 x 128."""
    row, column = divmod(OBJECTS.index(name), COLUMNS)
    box = (column * SIZE, row * SIZE, (column + 1) * SIZE, (row + 1) * SIZE)
    return sheet(style).crop(box)


@lru_cache
def sheet(style: str) -> Image.Image:
    """The whole RGBA sheet of one style, objects in the order of `world.OBJECTS`."""
    with Image.open(FOLDER / f"{style}.png") as image:
        return image.convert("RGBA")


def make_sheets(packages: Path) -> None:
    """Writes both sheets from the unpacked npm packages in `packages` (its `@iconify-json` folder)."""
    import cairosvg

    rows = -(-len(OBJECTS) // COLUMNS)
    for style in STYLES:
        data = json.loads((packages / SETS[style] / "icons.json").read_text())
        out = Image.new("RGBA", (COLUMNS * SIZE, rows * SIZE))
        for index, name in enumerate(OBJECTS):
            icon = data["icons"][ICONS[name]]
            width, height = (
                icon.get("width", data.get("width", 16)),
                icon.get("height", data.get("height", 16)),
            )
            svg = (
                '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
                f'viewBox="0 0 {width} {height}">{icon["body"]}</svg>'
            )
            png = cairosvg.svg2png(svg.encode(), output_width=SIZE, output_height=SIZE)
            row, column = divmod(index, COLUMNS)
            out.paste(Image.open(io.BytesIO(png)), (column * SIZE, row * SIZE))
        out.save(FOLDER / f"{style}.png", optimize=True)
