"""What tells one finished model's files from another's."""

import hashlib
from pathlib import Path


def fingerprint(path: Path) -> str:
    """Ten hexadecimal digits that change with a file's contents, or a folder's files but for card and pictures.

    Kept pictures are filed under it: another way of counting would orphan them. Raises FileNotFoundError where there
    is no file.
    """
    files = [path]
    if not path.is_file():
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix not in (".md", ".png"))
    if not files:
        raise FileNotFoundError(f"there is no model at {path}; expected a file or a folder with weights")
    digest = hashlib.sha256()
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        digest.update(f"{name} {file.stat().st_size} ".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]
