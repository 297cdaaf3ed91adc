"""Pictures with their settings in them: the infotext, labelled pairs, PNG files."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from lib_gi.errors import SettingsError

LABEL_HEIGHT = 20


def parameters(prompt: str, negative: str, values: Mapping[str, object], ours: Mapping[str, str]) -> str:
    """A picture's parameters in the WebUI's form, which its page takes back. ours: those of growth inhibitors."""
    pairs = [f"{key}: {value}" for key, value in {**values, **ours}.items()]
    lines = [prompt, *([f"Negative prompt: {negative}"] if negative else []), ", ".join(pairs)]
    return "\n".join(lines)


def labelled(pictures: Sequence[Image.Image], labels: Sequence[str]) -> Image.Image:
    """The pictures side by side, each with its label above it."""
    width = sum(picture.width for picture in pictures)
    sheet = Image.new("RGB", (width, pictures[0].height + LABEL_HEIGHT), "white")
    draw, x = ImageDraw.Draw(sheet), 0
    for picture, label in zip(pictures, labels, strict=True):
        write(draw, (x + 4, 3), label, picture.width - 8)
        sheet.paste(picture, (x, LABEL_HEIGHT))
        x += picture.width
    return sheet


def write(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, width: int, size: int = 13) -> None:
    """Writes black text, cut where it is wider than `width` pixels; `at` is its left upper corner."""
    draw.text(at, fitted(text, width, draw, size), "black", font(size))


def fitted(text: str, width: int, draw: ImageDraw.ImageDraw, size: int = 13) -> str:
    """`text`, cut with an ellipsis where it is wider than `width` pixels."""
    face, ellipsis = font(size), "…"
    if not isinstance(face, ImageFont.FreeTypeFont):  # the old font, which has Western European letters only
        text, ellipsis = text.encode("latin-1", "replace").decode("latin-1"), "..."
    if draw.textlength(text, face) <= width:
        return text
    while text and draw.textlength(text + ellipsis, face) > width:
        text = text[:-1]
    return text + ellipsis


def font(size: int = 13) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Pillow's own font; before 10.1 it has one small size."""
    try:
        return ImageFont.load_default(size)
    except TypeError:
        return ImageFont.load_default()


def save_png(picture: Image.Image, file: Path, parameters: str) -> None:
    """Writes a PNG file that carries its parameters where the WebUI looks for them."""
    info = PngInfo()
    info.add_text("parameters", parameters)
    picture.save(file, "PNG", pnginfo=info)


def beside(file: Path, ending: str) -> Path:
    """A picture's companion: name.heatmap.png for name.png."""
    return file.with_name(f"{file.stem}.{ending}")


def output_files(out: Path, seeds: Sequence[int], endings: Sequence[str] = ()) -> list[Path]:
    """One writable file for each seed: `out` itself, or numbered by seed; made in `out` when it is a folder.

    endings: of the companions that each file will get. Raises SettingsError when nothing can be written there.
    """
    if out.suffix.lower() == ".png" and not out.is_dir():
        folder, stem = out.parent, out.stem
        files = [out] if len(seeds) == 1 else [folder / f"{stem}-{seed}.png" for seed in seeds]
    elif out.suffix and not out.is_dir():
        raise SettingsError(
            f"pictures are written as PNG, not {out.suffix}; expected a file name that ends in .png, or a"
            " folder; change --out"
        )
    else:
        folder = out
        files = [folder / f"{seed}.png" for seed in seeds]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"nothing can be written to {folder} ({error.strerror or error}); expected a folder that you may"
            " write to; choose another --out"
        ) from error
    written = [*files, *(beside(file, ending) for file in files for ending in endings)]
    taken = next((file for file in written if file.is_dir()), None)
    if taken is not None:
        raise SettingsError(f"{taken} is a folder; expected a file's name; choose another --out")
    return files
