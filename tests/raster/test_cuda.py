"""The same kernels on CUDA: that they compile is seen anywhere, what they draw only with a GPU."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
import warp as wp

from loki_core.head.model import HeadModel
from loki_core.raster import kernels
from loki_core.raster.camera import Camera, CropBox
from loki_core.raster.driver_map import driver_map


@pytest.mark.parametrize("dtype", [wp.float16, wp.float32])
def test_the_kernels_compile_for_cuda(tmp_path: Path, dtype: type) -> None:
    for module in (kernels, kernels.encoder(1, dtype).module):
        compiled = wp.compile_aot_module(module, arch=80, module_dir=tmp_path, use_ptx=True)
        assert all(path.stat().st_size > 10_000 for path in compiled)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA: compares its pictures with the CPU's")
def test_cuda_draws_the_cpu_s_map(tiny_head: HeadModel) -> None:
    on_gpu = {field.name: getattr(tiny_head, field.name) for field in fields(tiny_head)}
    on_gpu = {name: value.cuda() if isinstance(value, torch.Tensor) else value for name, value in on_gpu.items()}
    params = replace(tiny_head.neutral((2,)), translation=torch.tensor([[0, 0, -0.6], [0.02, 0, -0.5]]))
    moved = replace(params, **{field.name: getattr(params, field.name).cuda() for field in fields(params)})
    camera, crop = Camera(focal=300, cx=64, cy=64, width=128, height=128), CropBox(64, 64, 60)
    here = driver_map(tiny_head, params, camera, crop, size=(60, 50))
    there = driver_map(replace(tiny_head, **on_gpu), moved, camera, crop, size=(60, 50))
    assert (here.mask != there.mask.cpu()).float().mean() < 1e-3  # positions may round to another 1/256 pixel
    both = here.mask & there.mask.cpu()
    for index in range(2):
        torch.testing.assert_close(here.map[index][:, both[index]], there.map[index].cpu()[:, both[index]], atol=2e-3, rtol=0)
