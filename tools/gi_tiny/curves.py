"""The curves of a training, drawn for the model card from the losses that `loop.Training` noted."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 (the backend has to be chosen first)

STAGES = {"autoencoder": "autoencoder", "text encoder": "text encoder", "unet": "UNet"}


def draw(work: Path, file: Path) -> None:
    """Writes a PNG with one panel per stage whose losses are in `work`; FileNotFoundError when there are none."""
    found = {title: work / f"{name}.losses.csv" for name, title in STAGES.items()}
    found = {title: path for title, path in found.items() if path.exists()}
    if not found:
        raise FileNotFoundError(f"no *.losses.csv in {work}; expected the working folder of a training")
    figure, panels = plt.subplots(1, len(found), figsize=(4 * len(found), 3), squeeze=False)
    for panel, (title, path) in zip(panels[0], found.items()):
        steps, losses = zip(*sorted(noted(path).items()))
        panel.plot(steps, losses, linewidth=1)
        panel.set_title(title)
        panel.set_xlabel("step")
        panel.set_yscale("log")
        panel.grid(alpha=0.25)
    panels[0][0].set_ylabel("loss, running mean")
    figure.tight_layout()
    figure.savefig(file, dpi=90, metadata={"Software": None})
    plt.close(figure)


def noted(path: Path) -> dict[int, float]:
    """The loss of each step; of a step that was taken again after a stop, the later one."""
    rows = (line.split(",") for line in path.read_text().splitlines())
    return {int(step): float(loss) for step, loss in rows}
