"""The user's own adapters: kept, brought along, deleted; nothing of others' is overwritten or left by half."""

import pytest
import torch
from test_adapters import saved
from test_session_adapter import some_adapter
from tiny_unet import UNet

from lib_gi import own_adapters
from lib_gi.adapter import Adapter
from lib_gi.adapters import OWN_MODEL, SAME_BUILD, Adapters
from lib_gi.errors import AdapterError
from lib_gi.own_adapters import OwnAdapters, checked_name, same


@pytest.fixture()
def own(tmp_path):
    return OwnAdapters(tmp_path / "data" / "adapters")


def files(own):
    return sorted(path.name for path in own.folder.iterdir())


def test_what_is_kept_can_be_chosen_under_its_name(own):
    adapter = some_adapter()
    adapter.about = {"model": "tiny"}
    assert own.keep("  my   first ", adapter) == "my first"
    listed = Adapters([own.folder]).named("my first")
    assert listed.about == {"model": "tiny"} and files(own) == ["my first.safetensors"]
    assert torch.equal(Adapter.load(listed.path).mean, adapter.mean)


def test_a_name_that_is_taken_is_refused_whatever_its_case_and_the_same_adapter_is_simply_there(own):
    own.keep("Mine", some_adapter())
    assert own.keep("mine", some_adapter()) == "Mine"
    with pytest.raises(AdapterError, match="'Mine' of your own already"):
        own.keep("mine", some_adapter(bias=-3.0))
    assert files(own) == ["Mine.safetensors"]


@pytest.mark.parametrize(
    "name", ["", " ", "none", "Auto", "a/b", "..", ".hidden", "a\\b", "a:b", "nul", "COM1.x", "a;b", "x" * 61, "a\x00"]
)
def test_what_cannot_be_a_files_name_everywhere_is_refused(own, name):
    with pytest.raises(AdapterError, match="choose another name"):
        own.keep(name, some_adapter())
    assert not own.folder.exists() and checked_name("Dalí 刀 (v1.5)") == "Dalí 刀 (v1.5)"


def test_a_file_is_taken_under_its_own_name_and_only_where_it_is_a_whole_adapter(own, tmp_path):
    file = saved(tmp_path / "downloads", "theirs")
    assert own.take(file) == own.take(file) == "theirs"
    assert (own.folder / "theirs.safetensors").read_bytes() == file.read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(file.read_bytes()[:-9])
    for broken in (cut, tmp_path / "missing.safetensors"):
        with pytest.raises(AdapterError):
            own.take(broken)
    assert files(own) == ["theirs.safetensors"]


def test_only_ones_own_are_deleted_and_a_second_time_is_told(own, tmp_path):
    bundled = saved(tmp_path / "bundled", "tiny")
    own.keep("mine", some_adapter())
    adapters = Adapters([bundled.parent, own.folder])
    mine = adapters.named("mine")
    own.delete(mine)
    assert adapters.names() == ["tiny"]
    with pytest.raises(AdapterError, match="cannot be deleted"):
        own.delete(mine)
    with pytest.raises(AdapterError, match="comes with the extension"):
        own.delete(adapters.named("tiny"))
    assert bundled.exists()


def test_a_disk_that_is_full_is_told_and_leaves_nothing(own, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own_adapters, "write_whole", full)
    with pytest.raises(AdapterError, match="No space left.*nothing was changed"):
        own.keep("mine", some_adapter())
    assert files(own) == []


def test_an_adapters_fit_to_a_model_is_its_own_its_build_or_a_reason(tmp_path):
    saved(tmp_path, "own")
    saved(tmp_path, "other", seed=1)
    saved(tmp_path, "foreign", layers=("a.attn2",) * 3)
    adapters = Adapters([tmp_path])
    fits = {listed.name: adapters.fit_of(listed, UNet()) for listed in adapters.look().adapters}
    assert fits["own"] == OWN_MODEL and fits["other"] == SAME_BUILD and "in other places" in fits["foreign"]
    gone = adapters.named("own")
    gone.path.unlink()
    assert "cannot be read" in adapters.fit_of(gone, UNet())


def test_files_with_their_metadata_in_another_order_hold_the_same():
    def file(header: str, rest: bytes = b"123") -> bytes:
        return len(header).to_bytes(8, "little") + header.encode() + rest

    one = file('{"__metadata__": {"a": "1", "b": "2"}, "x": {"data_offsets": [0, 3]}}')
    assert same(one, file('{"__metadata__": {"b": "2", "a": "1"}, "x": {"data_offsets": [0, 3]}}'))
    assert not same(one, file('{"__metadata__": {"a": "1", "b": "3"}, "x": {"data_offsets": [0, 3]}}'))
    assert not same(one, file('{"__metadata__": {"b": "2", "a": "1"}, "x": {"data_offsets": [0, 3]}}', b"124"))
    assert not same(one, one[:20]) and not same(b"", one)
