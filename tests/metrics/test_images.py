from __future__ import annotations

import numpy as np
import pytest

from loki_core.metrics.images import psnr, squared_error, ssim

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(0, 200, (32, 40, 3), dtype=np.uint8)


@pytest.mark.parametrize("offset", [1, 10, 55])
def test_psnr_of_a_constant_offset_has_a_closed_form(offset: int) -> None:
    assert psnr(PICTURE + np.uint8(offset), PICTURE) == pytest.approx(20 * np.log10(255 / offset), abs=1e-4)


def test_equal_pictures_are_as_alike_as_can_be() -> None:
    assert psnr(PICTURE, PICTURE) == np.inf
    assert ssim(PICTURE, PICTURE) == pytest.approx(1)


def test_only_the_mask_counts() -> None:
    other = PICTURE.copy()
    other[:16] += 20
    mask = np.zeros((32, 40), dtype=bool)
    mask[:16] = True
    assert psnr(other, PICTURE, mask) == pytest.approx(20 * np.log10(255 / 20), abs=1e-4)
    assert psnr(other, PICTURE, ~mask) == np.inf
    assert np.isnan(squared_error(other, PICTURE, np.zeros((32, 40), dtype=bool)))


def test_ssim_of_flat_pictures_has_a_closed_form() -> None:
    """Without structure only the luminance term is left: (2 a b + C1) / (a² + b² + C1), C1 = (0.01 * 255)²."""
    a, b = 100.0, 150.0
    flat = [np.full((32, 32, 3), level, dtype=np.uint8) for level in (a, b)]
    c1 = (0.01 * 255) ** 2
    assert ssim(*flat) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1))


def test_noise_lowers_ssim_and_dark_pictures_do_not_wrap_around() -> None:
    noisy = np.clip(PICTURE + RANDOM.normal(0, 30, PICTURE.shape), 0, 255).astype(np.uint8)
    assert ssim(noisy, PICTURE) < 0.95
    assert squared_error(np.zeros_like(PICTURE), np.full_like(PICTURE, 255)) == 255**2


def test_pictures_of_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        psnr(PICTURE, PICTURE[:-1])
