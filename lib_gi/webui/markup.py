"""HTML of the tab's sections, in which nothing that a file or a user holds is taken for HTML."""

import base64
import html
from collections.abc import Sequence


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """A table under its columns' labels; without rows it says that there are none yet."""
    head = "".join(f'<th scope="col">{html.escape(label)}</th>' for label in columns)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    none = f'<tr><td colspan="{len(columns)}">none yet</td></tr>'
    told = f'<caption style="text-align: left; white-space: nowrap">{html.escape(caption)}</caption>' if caption else ""
    return f"<table>{told}<thead><tr>{head}</tr></thead><tbody>{body or none}</tbody></table>"


def data_url(kind: str, data: bytes) -> str:
    """The data themselves as an address, of this media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def download(text: str, name: str, kind: str, data: bytes) -> str:
    """A line with a link that saves data as a file of this name."""
    name = html.escape(name.encode("utf-8", "replace").decode())
    return f'<p><a href="{data_url(kind, data)}" download="{name}">{html.escape(text)}</a></p>'
