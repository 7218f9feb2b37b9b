from __future__ import annotations

import pickle
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.motion.npz import load_motion, save_motion
from tests.motion.tracks import random_motion


@pytest.fixture
def saved(tmp_path: Path, head: HeadModel) -> Path:
    save_motion(tmp_path / "m.npz", random_motion(head, 5))
    return tmp_path / "m.npz"


def rewrite(path: Path, **changes: np.ndarray | None) -> Path:
    """Replace arrays of a motion file, or drop those given as None."""
    with np.load(path) as archive:
        arrays = {**archive, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_motion_comes_back_as_it_was(saved: Path, head: HeadModel) -> None:
    original, loaded = random_motion(head, 5), load_motion(saved, head)
    for field in fields(original):
        before, after = getattr(original, field.name), getattr(loaded, field.name)
        if isinstance(before, torch.Tensor):
            torch.testing.assert_close(after, before, atol=0, rtol=0)
        else:
            assert after == before


def test_motion_without_camera_comes_back_without(tmp_path: Path, head: HeadModel) -> None:
    save_motion(tmp_path / "m.npz", replace(random_motion(head, 2), camera=None))
    assert load_motion(tmp_path / "m.npz", None).camera is None


def test_file_opens_without_pickle_and_holds_the_promised_arrays(saved: Path) -> None:
    with np.load(saved, allow_pickle=False) as archive:
        shapes = {name: archive[name].shape for name in archive.files}
    assert shapes == {
        "betas": (3,), "expression": (5, 8), "global_orient": (5, 3), "neck_pose": (5, 3), "jaw_pose": (5, 3),
        "eye_pose": (5, 2, 3), "translation": (5, 3), "confidence": (5,), "fps": (2,), "head": (2,), "camera": (5,),
    }  # fmt: skip


def test_another_head_is_refused_with_both_names_and_the_way_out(saved: Path, head: HeadModel) -> None:
    with pytest.raises(InputError, match=r"'other' \(f00d\), got one for 'tiny' .* convert .* named controls"):
        load_motion(saved, replace(head, name="other", hash="f00d"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expression": np.full((5, 8), np.nan)}, "'expression' holds numbers that are not finite"),
        ({"translation": np.full((5, 3), 1e300)}, "'translation' holds numbers that are not finite"),
        ({"neck_pose": np.zeros((4, 3))}, r"expected shape \(T=5, 3\) for 'neck_pose', got \(4, 3\)"),
        ({"eye_pose": np.zeros((5, 3))}, r"expected shape \(T=5, 2, 3\) for 'eye_pose'"),
        ({"jaw_pose": np.array([["a"] * 3] * 5)}, "expected numbers in 'jaw_pose'"),
        ({"betas": None, "fps": None}, "found no betas, fps"),
        ({"fps": np.array([30, 0])}, "positive frame rate"),
        ({"confidence": np.full(5, 7.0)}, "confidence from 0 to 1"),
        ({"camera": np.array([0.0, 1, 1, 1, 1])}, "positive focal length"),
    ],
)
def test_wrong_contents_are_refused_by_name(saved: Path, changes: dict[str, np.ndarray | None], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_motion(rewrite(saved, **changes), None)


def test_no_frames_are_refused(saved: Path) -> None:
    names = ("expression", "global_orient", "neck_pose", "jaw_pose", "eye_pose", "translation", "confidence")
    with np.load(saved) as archive:
        empty = {name: archive[name][:0] for name in names}
    with pytest.raises(InputError, match="expression"):
        load_motion(rewrite(saved, **empty), None)


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("ran"),))


def test_pickled_objects_are_refused_and_do_not_run(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved.parent)
    rewrite(saved, head=np.array([Bomb(), Bomb()], dtype=object))
    with pytest.raises(InputError, match="expected numbers in 'head', got object"):
        load_motion(saved, None)
    saved.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="damaged or foreign"):
        load_motion(saved, None)
    assert not Path("ran").exists()


def test_array_that_explodes_is_refused_before_it_is_unpacked(saved: Path) -> None:
    bomb = np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (40_000_000, 3), (0, 0))
    with np.load(saved) as archive:
        rest = {name: archive[name] for name in archive.files if name != "expression"}
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in rest.items():
            with file.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array)
        with file.open("expression.npy", "w") as member:
            np.lib.format.write_array_header_1_0(member, np.lib.format.header_data_from_array_1_0(bomb))
            member.write(bytes(1000))
    with pytest.raises(InputError, match="'expression' would take 457 MiB"):
        load_motion(saved, None)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_truncated_file_is_refused(saved: Path, kept: float) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[: int(kept if kept >= 1 else kept * len(data))])
    with pytest.raises(InputError, match="m.npz"):
        load_motion(saved, None)


def test_file_without_its_first_bytes_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[4:])
    with pytest.raises(InputError, match="m.npz: 'betas' is damaged"):
        load_motion(saved, None)


def test_failed_save_leaves_nothing_behind(tmp_path: Path, head: HeadModel) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        save_motion(tmp_path / "taken", random_motion(head, 2))
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]
