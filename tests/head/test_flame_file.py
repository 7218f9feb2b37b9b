from __future__ import annotations

import io
import os
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from smplx.lbs import batch_rodrigues, vertices2joints

from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.head.flame_file import head_from_flame, load_flame
from loki_core.head.model import PART_NAMES, HeadModel, pose_vertices
from loki_core.head.mouth_cavity import cavity_vertices
from tests.head.flame_files import flame_like, python2_pickle, tiny_flame, write_flame_pickle


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return tiny_flame()


def flame_topology() -> dict[str, np.ndarray]:
    """The egg with loose vertices up to FLAME's 5,023, its lip vertex in place."""
    small = tiny_flame(directions=6)
    missing = 5023 - len(small["v_template"])
    arrays = {
        k: np.pad(small[k], ((0, missing), *[(0, 0)] * (small[k].ndim - 1)), mode="edge")
        for k in ("shapedirs", "posedirs", "weights")
    }
    arrays |= {
        "f": small["f"],
        "kintree_table": small["kintree_table"],
        "J_regressor": np.pad(small["J_regressor"], ((0, 0), (0, missing))),
    }
    arrays["v_template"] = np.pad(small["v_template"], ((0, missing), (0, 0)), mode="edge")
    arrays["v_template"][3533] = [0, -0.03, 0.1]
    return arrays


def same(head: HeadModel, other: HeadModel) -> bool:
    return head.id == other.id and torch.equal(head.template, other.template)


def test_pickles_with_chumpy_and_sparse_parts_load_like_the_plain_arrays(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    plain = head_from_flame(arrays)
    file = {**arrays, "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"]), "bs_style": "lbs", "bs_type": "lrotmin"}
    for protocol in (0, 2, 4):
        path = write_flame_pickle(tmp_path / "m.pkl", file, protocol=protocol, chumpy=("v_template", "shapedirs", "weights"))
        assert same(load_flame(path), plain)
    (tmp_path / "python2.pkl").write_bytes(
        python2_pickle({k: v.astype("<f8") if v.dtype.kind == "f" else v.astype("<i8") for k, v in arrays.items()})
    )
    assert same(load_flame(tmp_path / "python2.pkl"), plain)


def test_npz_loads_like_the_pickle(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez_compressed(tmp_path / "m.npz", **arrays)
    assert same(load_flame(tmp_path / "m.npz"), head_from_flame(arrays))


def test_counts_come_from_the_file_or_from_whoever_knows(arrays: dict[str, np.ndarray]) -> None:
    head = head_from_flame(arrays)
    assert (head.shape_count, head.expression_count) == (300, 100)
    assert (head.shape_names[0], head.expression_names[-1]) == ("beta000", "psi099")
    assert torch.equal(head.expression_basis, torch.from_numpy(arrays["shapedirs"][..., 300:]).float())
    fewer = tiny_flame(directions=150)
    with pytest.raises(InputError, match="got 150; say how many"):
        head_from_flame(fewer)
    assert head_from_flame(fewer, shape_count=100).expression_count == 50
    with pytest.raises(InputError, match="shape_count from 0 to 149"):
        head_from_flame(fewer, shape_count=150)


def test_evaluation_is_the_skinning_written_out_slowly(arrays: dict[str, np.ndarray]) -> None:
    head = head_from_flame(arrays)
    generator = torch.Generator().manual_seed(0)
    params = replace(
        head.neutral(),
        betas=torch.randn(300, generator=generator),
        expression=torch.randn(100, generator=generator),
        global_orient=torch.randn(3, generator=generator) * 0.3,
        neck_pose=torch.randn(3, generator=generator) * 0.3,
        jaw_pose=torch.randn(3, generator=generator) * 0.3,
        eye_pose=torch.randn(2, 3, generator=generator) * 0.3,
        translation=torch.randn(3, generator=generator),
    )
    torch.testing.assert_close(pose_vertices(head, params), _slow_skinning(arrays, params), atol=1e-5, rtol=0)


def _slow_skinning(arrays: dict[str, np.ndarray], params: Any) -> torch.Tensor:
    """Li et al. 2017 (FLAME), eq. 2 to 5, on the file's own layout."""
    t = {k: torch.from_numpy(v.astype(np.float64)) for k, v in arrays.items()}
    coefficients = torch.cat([params.betas, params.expression]).double()
    shaped = t["v_template"] + t["shapedirs"] @ coefficients
    pose = torch.stack([params.global_orient, params.neck_pose, params.jaw_pose, *params.eye_pose]).double()
    rotations = batch_rodrigues(pose)
    joints = vertices2joints(t["J_regressor"], shaped[None])[0]
    shaped = shaped + t["posedirs"] @ (rotations[1:] - torch.eye(3, dtype=torch.float64)).flatten()
    transforms: list[torch.Tensor] = []
    for joint, parent in enumerate((-1, 0, 1, 1, 1)):
        local = torch.eye(4, dtype=torch.float64)
        local[:3, :3] = rotations[joint]
        local[:3, 3] = joints[joint] - rotations[joint] @ joints[joint]  # turn about the joint
        transforms.append(local if parent < 0 else transforms[parent] @ local)
    moved = torch.einsum(
        "vj,jab,vb->va", t["weights"], torch.stack(transforms), torch.nn.functional.pad(shaped, (0, 1), value=1.0)
    )
    return (moved[:, :3] + params.translation).float()


def test_mirror_is_its_own_inverse_and_finds_the_other_side(arrays: dict[str, np.ndarray]) -> None:
    head = head_from_flame(arrays)
    assert torch.equal(head.mirror[head.mirror], torch.arange(len(head.mirror)))
    flipped = head.template[head.mirror] * torch.tensor([-1.0, 1, 1])
    torch.testing.assert_close(flipped, head.template, atol=1e-6, rtol=0)
    for name in ("eye", "lids", "brow", "cheek", "ear"):
        assert torch.equal(head.vertex_masks[f"{name}_left"][head.mirror], head.vertex_masks[f"{name}_right"])


def test_regions_of_a_real_face_lie_where_the_embedded_head_knows_them() -> None:
    embedded = embedded_head()
    head = head_from_flame(flame_like(embedded))
    assert set(head.vertex_masks) == set(embedded.vertex_masks)
    keep = ~(embedded.vertex_masks["mouth_cavity"] | embedded.vertex_masks["teeth"])
    for name, least in {
        "eye_left": 1.0,
        "lips": 0.75,
        "brow_right": 0.6,
        "cheek_left": 0.5,
        "neck": 0.6,
        "jaw": 0.7,
        "face": 0.8,
    }.items():
        found, known = head.vertex_masks[name], embedded.vertex_masks[name][keep]
        assert (found & known).sum() >= least * (found | known).sum(), name
    for name in ("lids_left", "ear_right", "nose", "scalp"):  # drawn wider or narrower there
        assert (head.vertex_masks[name] & embedded.vertex_masks[name][keep]).any()
    parts = head.face_part.bincount(minlength=len(PART_NAMES))
    assert parts[PART_NAMES.index("eye_left")] > 0
    assert parts[PART_NAMES.index("lips")] > 0


def test_a_head_whose_jaw_moves_by_expression_alone_needs_the_topology_of_flame() -> None:
    with pytest.raises(InputError, match="to find the mouth by"):
        head_from_flame(flame_like(embedded_head(), jaw=False))
    arrays = flame_topology()
    arrays["weights"][:, 1] += arrays["weights"][:, 2]
    arrays["weights"][:, 2] = 0
    head = head_from_flame(arrays, shape_count=4)
    assert head.vertex_masks["lips"].any()
    assert head.vertex_masks["jaw"].any()


def test_mouth_cavity_is_the_sheet_of_loki_and_follows_the_shape() -> None:
    arrays = flame_topology()
    head, bare = head_from_flame(arrays, shape_count=4), head_from_flame(arrays, shape_count=4, mouth_cavity=False)
    assert (len(head.template), len(bare.template)) == (5223, 5023)
    assert len(head.faces) - len(bare.faces) == 340
    assert head.id != bare.id
    inside = head.vertex_masks["mouth_cavity"]
    assert torch.equal(inside.nonzero()[:, 0], torch.arange(5023, 5223))
    assert torch.equal(head.face_part == PART_NAMES.index("mouth_cavity"), inside[head.faces].all(1))
    shaped = replace(head.neutral(), betas=torch.tensor([1.0, -2.0, 0.5, 0.0]))
    vertices = pose_vertices(head, shaped).double().numpy()
    jaw = head.joint_regressor[2].double().numpy() @ vertices
    np.testing.assert_allclose(vertices[5023:], cavity_vertices(vertices[3533], jaw), atol=1e-4)
    opened = replace(shaped, jaw_pose=torch.tensor([0.4, 0, 0]), expression=torch.ones(2))
    torch.testing.assert_close(pose_vertices(head, opened)[inside], pose_vertices(head, shaped)[inside], atol=1e-5, rtol=0)


def test_mouth_cavity_is_hollow_towards_the_lips() -> None:
    head = head_from_flame(flame_topology(), shape_count=4)
    sheet = head.template[head.faces[head.face_part == PART_NAMES.index("mouth_cavity")]]
    normals = torch.linalg.cross(sheet[:, 1] - sheet[:, 0], sheet[:, 2] - sheet[:, 0])
    lip, jaw = head.template[3533], head.joint_regressor[2] @ head.template
    centre = jaw + 0.75 * (lip - jaw) - 0.005 * (lip - jaw) / torch.linalg.vector_norm(lip - jaw)
    assert ((normals * (centre - sheet.mean(1))).sum(-1) > 0).all()
    radius = torch.linalg.vector_norm(head.template[5023:] - centre, dim=-1)
    torch.testing.assert_close(
        radius, torch.full_like(radius, 0.25 * torch.linalg.vector_norm(lip - jaw).item()), atol=1e-6, rtol=0
    )
    assert ((head.template[5023:] - centre) @ (lip - jaw) < 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"posedirs": None}, "found no posedirs"),
        ({"v_template": np.zeros((7, 3))}, "'shapedirs' of shape"),
        ({"v_template": np.zeros(())}, "'v_template' of shape"),
        ({"weights": np.ones((4, 24))}, "'weights' of shape"),
        ({"shapedirs": lambda a: a * np.nan}, "finite numbers in 'shapedirs'"),
        ({"f": lambda a: a + 10_000}, "faces 'f' that index"),
        ({"f": lambda a: a[:0]}, "faces 'f' that index"),
        ({"kintree_table": np.array([[-1, 0, 1, 2, 3], range(5)])}, "parents"),
        ({"weights": lambda a: a * 2}, "sum to 1"),
        ({"v_template": lambda a: a * 1000}, "in metres"),
        ({"v_template": lambda a: a * [-1, 1, 1]}, r"\+x left"),
        ({"v_template": lambda a: a[:, [0, 2, 1]] * [1, 1, -1]}, "forward"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_words(
    tmp_path: Path, arrays: dict[str, np.ndarray], change: dict[str, Any], message: str
) -> None:
    ((key, new),) = change.items()
    broken = {**arrays, key: new(arrays[key]) if callable(new) else new}
    path = write_flame_pickle(tmp_path / "broken.pkl", {k: v for k, v in broken.items() if v is not None})
    with pytest.raises(InputError, match=f"^broken.pkl: .*{message}"):
        load_flame(path)


def test_a_file_that_would_run_code_is_refused_by_name_and_does_not(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    path = write_flame_pickle(tmp_path / "evil.pkl", {**arrays, "bs_style": Payload()})
    with pytest.raises(InputError, match=r"^evil\.pkl: .*'posix\.system'; nothing was run"):
        load_flame(path)
    np.savez(tmp_path / "evil.npz", **{**arrays, "J_regressor": np.array([Payload()], object)})
    with pytest.raises(InputError, match=r"^evil\.npz: .*'J_regressor', got Python objects"):
        load_flame(tmp_path / "evil.npz")
    assert not (tmp_path / "ran").exists()


def test_damaged_and_foreign_files_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "m.npz", **tiny_flame(directions=5))
    whole = (tmp_path / "m.npz").read_bytes()
    cases = {
        "empty.pkl": b"",
        "cut.npz": whole[:-2000],
        "text.pkl": b"hello",
        "bent.npz": whole[:5000] + b"x" * 3000 + whole[8000:],
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=f"^{name}: "):
            load_flame(tmp_path / name)
    with pytest.raises(InputError, match=r"flame\.is\.tue\.mpg\.de"):
        load_flame(tmp_path / "absent.pkl")
    (tmp_path / "smpl.pkl").write_bytes(pickle.dumps({"v_template": arrays["v_template"]}))
    with pytest.raises(InputError, match="found no shapedirs"):
        load_flame(tmp_path / "smpl.pkl")


def test_an_array_that_claims_more_than_it_holds_takes_no_memory(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 3)})
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr("v_template.npy", header.getvalue())
    with pytest.raises(InputError, match="claims 24000000000000 bytes"):
        load_flame(tmp_path / "bomb.npz")
