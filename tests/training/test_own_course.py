"""Windows that a network in training takes to their levels itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from loki_core.diffusion.configs import preset
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.sampler import denoise
from loki_core.diffusion.schedule import NoiseSchedule, ddim
from loki_core.training.own_course import OwnCourse

CONFIG = preset("mini").schedule
SCHEDULE = NoiseSchedule(CONFIG)
SHAPE = (3, 2, 4, 8, 8)


def network(noisy: Tensor, times: Tensor) -> Tensor:
    """Something that depends on what it is shown and on the level."""
    return torch.tanh(1.5 * noisy) + times[..., None, None, None] / 1000


def latents(seed: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def at(*levels: int) -> Tensor:
    return torch.tensor(levels)[:, None].expand(-1, SHAPE[1])


@pytest.mark.parametrize(("level", "step"), [(749, 1), (499, 2), (249, 3)])
def test_a_window_stands_where_sampling_comes_to(level: int, step: int):
    noise, seen = latents(0), list[Tensor]()

    def predict(_: object, x: Tensor, time: int) -> Tensor:
        seen.append(x)
        return network(x, torch.full(x.shape[:1], time))

    denoise(noise[0], ddim(CONFIG), predict, Guidance(motion=1.0), steps=4, before_step=lambda _: None)
    course = OwnCourse(SCHEDULE, noise, torch.ones(3, dtype=torch.bool))
    taken = course(latents(1), at(level, level, level), lambda x, times, rows: network(x, times))
    torch.testing.assert_close(taken[0], seen[step], rtol=1e-4, atol=1e-4)


def test_windows_go_their_own_ways_and_those_not_taken_stay():
    noise, noisy, rows_seen = latents(0), latents(1), list[int]()

    def predict(x: Tensor, times: Tensor, rows: Tensor) -> Tensor:
        assert len(x) == len(times) == rows.sum()
        rows_seen.append(len(x))
        return network(x, times)

    course = OwnCourse(SCHEDULE, noise, torch.tensor([True, False, True]))
    together = course(noisy, at(120, 500, 830), predict)
    assert torch.equal(together[1], noisy[1]) and rows_seen == [1, 1, 1, 2]
    for index, level in ((0, 120), (2, 830)):
        alone = OwnCourse(SCHEDULE, noise, torch.arange(3) == index)(noisy, at(level, level, level), predict)
        torch.testing.assert_close(alone[index], together[index])


def test_a_window_at_the_last_level_is_noise_alone():
    course = OwnCourse(SCHEDULE, latents(0), torch.ones(3, dtype=torch.bool))
    assert torch.equal(course(latents(1), at(999, 999, 999), lambda x, times, rows: network(x, times)), latents(0))


def test_a_step_from_the_right_prediction_keeps_picture_and_noise_whatever_is_predicted():
    clean, noise = latents(2), latents(3)
    for name in ("mini", "sd21"):
        schedule = NoiseSchedule(preset(name).schedule)
        noisy, target = (make(clean, noise, at(700, 500, 300)) for make in (schedule.noisy, schedule.target))
        made = schedule.sampled(noisy, target, at(700, 500, 300), at(400, 200, 100))
        torch.testing.assert_close(made, schedule.noisy(clean, noise, at(400, 200, 100)), rtol=1e-4, atol=1e-4)
