"""gi-tiny's tokenizer: CLIP's byte-pair encoding, cut to its first merges and those that the world's words need.

Any text still encodes (every byte is a token), rare words just take more tokens. The merges are OpenAI
CLIP's (MIT licence, `bpe_simple_vocab_16e6.txt.gz`, which PyPI's clip-anytorch also carries).
"""

import gzip
import json
from pathlib import Path

from .captions import vocabulary

KEPT = 4000
ALL_MERGES = 49152 - 256 - 2
START, END = "<|startoftext|>", "<|endoftext|>"


def make_tokenizer(source: Path, out: Path) -> None:
    """Writes vocab.json, merges.txt and their configuration into `out` from CLIP's full list of merges."""
    lines = gzip.decompress(source.read_bytes()).decode().split("\n")[1 : ALL_MERGES + 1]
    rank = {tuple(line.split()): index for index, line in enumerate(lines)}
    needed = {index for word in vocabulary() for index in merges_of(word, rank)}
    kept = [line for index, line in enumerate(lines) if index < KEPT or index in needed]
    characters = byte_characters()
    tokens = characters + [c + "</w>" for c in characters] + ["".join(line.split()) for line in kept] + [START, END]
    out.mkdir(parents=True, exist_ok=True)
    (out / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}, ensure_ascii=False))
    (out / "merges.txt").write_text("#version: 0.2\n" + "\n".join(kept) + "\n")
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    (out / "special_tokens_map.json").write_text(json.dumps(special, indent=1))
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": 77,
        "do_lower_case": True,
        "add_prefix_space": False,
        "errors": "replace",
        **special,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=1))


def merges_of(word: str, rank: dict[tuple[str, str], int]) -> list[int]:
    """Ranks of the merges that full CLIP applies to `word`."""
    parts, used = [*word[:-1], word[-1] + "</w>"], []
    while len(parts) > 1:
        best, place = min((rank.get(pair, ALL_MERGES), i) for i, pair in enumerate(zip(parts, parts[1:])))
        if best == ALL_MERGES:
            break
        used.append(best)
        parts[place : place + 2] = ["".join(parts[place : place + 2])]
    return used


def byte_characters() -> list[str]:
    """The 256 printable stand-ins of byte-level BPE, in CLIP's order: printable bytes first, then the rest."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(rest))]
