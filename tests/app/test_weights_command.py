"""`launch.py weights`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from app.cli import build_parser
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.lia_x.generator import Generator, LiaXConfig
from tests.dex.saved import save_tiny_dex
from tests.diffusion.tiny import save_tiny


def weights(*options: str, model: str = "lia-x") -> int:
    arguments = build_parser().parse_args(["weights", model, *options])
    return int(arguments.run(arguments))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def test_without_a_checkpoint_it_says_where_one_goes_and_how(folder: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(InputError, match="found none; download it and run"):
        weights()
    shown = capsys.readouterr().out
    assert str(folder) in shown and "no commercial use" in shown


def test_a_checked_file_is_put_in_its_place_and_found_again(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    torch.save(Generator(LiaXConfig(scale=1 / 64, motion_dim=5, size=32)).state_dict(), tmp_path / "download.pt")
    assert weights("--put", str(tmp_path / "download.pt")) == 0
    assert weights() == 0
    assert (folder / "lia-x.pt").read_bytes() == (tmp_path / "download.pt").read_bytes()
    assert capsys.readouterr().out.count("5 directions, 32x32") == 2


def test_a_wrong_file_is_refused_by_name_and_not_put(folder: Path, tmp_path: Path):
    torch.save({"gen": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="other.pt"):
        weights("--put", str(tmp_path / "other.pt"))
    assert not folder.exists()


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "trained", "mini")


def test_a_trained_network_is_put_in_its_place_and_found_again(folder: Path, trained: Path, capsys: pytest.CaptureFixture[str]):
    for _ in range(2):  # the second takes the place of the first
        assert weights("--put", str(trained), model="loki") == 0
    assert weights(model="loki") == 0
    shown = capsys.readouterr().out
    assert str(folder / "loki" / "mini") in shown and "are yours" in shown and "'mini' of this head, 16x16, 4 frames" in shown
    assert sorted(p.name for p in (folder / "loki").iterdir()) == ["mini"]


def test_a_folder_that_is_no_network_is_refused_and_not_put(folder: Path, trained: Path):
    cut = trained / "network" / "diffusion_pytorch_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-64])
    with pytest.raises(InputError, match="damaged or foreign"):
        weights("--put", str(trained), model="loki")
    with pytest.raises(InputError, match=r"expected model_index.json"):
        weights("--put", str(trained.parent), model="loki")
    assert not folder.exists()


@pytest.fixture
def dex(tmp_path: Path) -> Path:
    return save_tiny_dex(tmp_path / "trained", embedded_head())


def test_dex_weights_are_put_in_their_place_with_their_mapping(folder: Path, dex: Path, capsys: pytest.CaptureFixture[str]):
    assert weights("--put", str(dex), model="dex") == 0
    assert weights(model="dex") == 0
    shown = capsys.readouterr().out
    assert str(folder / "dex" / "mini") in shown and "'tiny', 16x16, 4 frames at once; with a mapping" in shown
    shutil.rmtree(folder / "dex" / "mini" / "mapping")
    assert weights(model="dex") == 0
    assert "no mapping of coefficients" in capsys.readouterr().out


def test_a_broken_mapping_is_refused_and_not_put(folder: Path, dex: Path):
    (dex / "mapping" / "mapping.safetensors").unlink()
    with pytest.raises(InputError, match=r"expected mapping.safetensors"):
        weights("--put", str(dex), model="dex")
    assert not folder.exists()


def test_lokis_weights_are_refused_for_dex(folder: Path, trained: Path):
    with pytest.raises(InputError, match="expected a DexPipeline, got LokiPipeline"):
        weights("--put", str(trained), model="dex")
