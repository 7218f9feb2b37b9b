"""LIA-X checkpoints: the right one loads, every other is refused by name."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from loki_core.errors import InputError
from loki_core.lia_x.checkpoint import load_generator
from loki_core.lia_x.generator import Generator, LiaXConfig

TINY = LiaXConfig(scale=1 / 64, motion_dim=5, size=32)


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return Generator(TINY).state_dict()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_checkpoint_tells_its_own_configuration_and_loads(tmp_path: Path, state: dict[str, torch.Tensor], suffix: str) -> None:
    path = tmp_path / f"lia-x{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    loaded = load_generator(path)
    assert loaded.config == TINY
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, state[name]), name


def test_missing_unknown_and_misshapen_entries_are_named(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    del state["dec.conv1.activate.bias"]
    state["dec.conv9.bias"] = torch.zeros(3)
    state["enc.enc_r2t.0.bias"] = torch.zeros(7)
    torch.save(state, tmp_path / "odd.pt")
    with pytest.raises(
        InputError, match=r"dec.conv1.activate.bias is missing; dec.conv9.bias is not known; enc.enc_r2t.0.bias has shape \(7,\)"
    ):
        load_generator(tmp_path / "odd.pt")


def test_values_that_are_not_finite_are_named(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    state["dec.rgb2.bias"][0] = torch.nan
    torch.save(state, tmp_path / "nan.pt")
    with pytest.raises(InputError, match="dec.rgb2.bias holds"):
        load_generator(tmp_path / "nan.pt")


@pytest.mark.parametrize("content", [{"gen": {}}, [1, 2], {"weights": torch.zeros(2)}])
def test_other_torch_files_are_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"expected a LIA-X checkpoint.*other.pt"):
        load_generator(tmp_path / "other.pt")


def test_truncated_and_empty_files_are_refused(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    whole = tmp_path / "whole.pt"
    torch.save(state, whole)
    for length in (0, 100, whole.stat().st_size // 2):
        part = tmp_path / f"part{length}.pt"
        part.write_bytes(whole.read_bytes()[:length])
        with pytest.raises(InputError, match=f"part{length}.pt"):
            load_generator(part)


class _Runs:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("legacy", [False, True])
def test_checkpoint_with_code_in_it_is_refused_and_does_not_run(tmp_path: Path, legacy: bool) -> None:
    mark, path = tmp_path / "ran", tmp_path / "evil.pt"
    if legacy:
        path.write_bytes(pickle.dumps(_Runs(mark)))
    else:
        torch.save({"dec.direction.weight": _Runs(mark)}, path)
    with pytest.raises(InputError, match="evil.pt"):
        load_generator(path)
    assert not mark.exists()
