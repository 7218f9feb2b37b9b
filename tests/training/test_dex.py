"""DeX-Portrait learns from synthetic people, at tiny size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from loki_core.data.samples import Batch, SyntheticConfig, SyntheticWindows, collate
from loki_core.data.vectors import face_numbers, vector_length
from loki_core.dex.configs import dex_without, motion_without
from loki_core.dex.looks import crop_faces, hide_features, pose_pictures
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.network import DexNetwork
from loki_core.dex.pipeline import DexPipeline
from loki_core.dex.saved import read_motion_network
from loki_core.dex.similarity import pose_matrix
from loki_core.dex.windows import DRIVERS, VIEWS, DrivenWindows
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.training.config import LossConfig, OptimizerConfig, TrainConfig
from loki_core.training.dex_losses import Chances, animator_loss, change_error, known_loss, motion_loss, pose_error
from loki_core.training.dex_runs import DEX_RUNS, DexRun, MotionRun, run_without
from loki_core.training.dex_trainers import DexTrainer, MotionTrainer
from loki_core.training.own_course import OwnCourse
from loki_core.training.step import Draws, draw_chances
from tests.dex.saved import assert_encoders_equal
from tests.dex.tiny import TINY, TINY_MOTION

HEAD = embedded_head()
DATA = SyntheticConfig(size=16, frames=5, clips=0.0, still=0.0)
TRAIN = TrainConfig(
    batch=2,
    precision="no",
    workers=0,
    data=DATA,
    optimizer=OptimizerConfig(rate=3e-3, warm_up=1),
    save_every=1000,
)
MOTION, ANIMATOR = MotionRun(TINY_MOTION, TRAIN, known=0), DexRun(TINY, replace(TRAIN, loss=LossConfig(pure=0.5)))


def motion_network() -> MotionNetwork:
    torch.manual_seed(5)
    return MotionNetwork(TINY_MOTION.to_dict())


def animator(folder: Path) -> DexTrainer:
    return DexTrainer(ANIMATOR, motion_network(), HEAD, folder)


@pytest.fixture(scope="module")
def batch() -> Batch:
    windows = DrivenWindows(HEAD, DATA, "views")
    return collate([windows[index] for index in range(4)])


def test_drivers_and_their_views_have_one_face_in_two_poses():
    moved = DrivenWindows(HEAD, DATA, "views")[0].coefficients
    for name in ("betas", "expression", "jaw_pose", "eye_pose"):
        assert torch.equal(getattr(moved, name)[DRIVERS], getattr(moved, name)[VIEWS])
    assert (moved.global_orient[DRIVERS] != moved.global_orient[VIEWS]).any(1).all()
    assert len(moved.expression[DRIVERS].unique(dim=0)) == 2


def test_the_last_two_drivers_have_two_faces_in_one_pose():
    sample = DrivenWindows(HEAD, replace(DATA, frames=7), "views")[0]
    for name in ("global_orient", "neck_pose", "translation"):
        pose = getattr(sample.coefficients, name)[DRIVERS]
        assert torch.equal(pose[1], pose[2]) and not torch.equal(pose[0], pose[1])
    assert len(sample.coefficients.expression[DRIVERS].unique(dim=0)) == 3
    torch.testing.assert_close(sample.places[DRIVERS][1], sample.places[DRIVERS][2])


def test_a_change_that_is_drawn_leaves_no_error_whatever_else_is_wrong():
    torch.manual_seed(0)
    wanted = torch.rand(2, 3, 3, 16, 16)
    assert change_error(wanted + torch.rand(2, 1, 3, 16, 16), wanted) < 1e-6


@pytest.mark.parametrize(("drawn", "error"), [(0.0, 1.0), (0.5, 0.25), (1.0, 0.0), (3.0, 4.0)])
def test_the_error_of_a_change_is_the_share_of_it_that_is_missing(drawn: float, error: float):
    torch.manual_seed(1)
    wanted = torch.rand(2, 2, 3, 16, 16)
    made = torch.stack([wanted[:, 0], wanted[:, 0] + drawn * (wanted[:, 1] - wanted[:, 0])], dim=1)
    assert change_error(made, wanted).item() == pytest.approx(error, abs=1e-5)


def test_a_change_that_a_sample_was_not_told_of_does_not_count():
    torch.manual_seed(2)
    wanted, made = torch.rand(2, 2, 2, 12, 8, 8)
    alone = change_error(made[1:], wanted[1:])
    torch.testing.assert_close(change_error(made, wanted, torch.tensor([False, True])), alone / 2)


def test_a_clip_is_that_of_any_window_behind_a_source_of_its_own():
    config = replace(DATA, frames=4, clips=1.0)
    driven, plain = (made[0].coefficients for made in (DrivenWindows(HEAD, config, "clip"), SyntheticWindows(HEAD, config)))
    assert torch.equal(driven.expression[1:], plain.expression[1:])
    assert torch.equal(driven.global_orient[1:-1], plain.global_orient[1:-1])
    assert torch.equal(driven.global_orient[-1], plain.global_orient[-2])  # the last two have one pose
    assert not torch.equal(driven.expression[0], plain.expression[0])


def test_windows_without_room_for_their_parts_are_refused():
    for frames in (3, 4, 6):
        with pytest.raises(ValueError, match=f"two or more pairs of driver and view, got {frames}"):
            DrivenWindows(HEAD, replace(DATA, frames=frames), "views")
    for frames in (1, 2):
        with pytest.raises(ValueError, match=f"two or more frames, got {frames}"):
            DrivenWindows(HEAD, replace(DATA, frames=frames), "clip")


def test_eyes_and_mouth_are_hidden_with_a_margin():
    focus = torch.zeros(1, 16, 16)
    focus[0, 8, 8] = 0.1
    hidden = hide_features(torch.ones(1, 3, 16, 16), focus)
    assert not hidden[..., 7:10, 7:10].any() and hidden.sum() == 3 * (256 - 9)


def test_training_the_encoders_lowers_the_loss(tmp_path: Path, batch: Batch):
    made = MotionTrainer(replace(MOTION, hint=0.0, change=0.0), HEAD, tmp_path)
    plain = torch.ones(4, 2, 1, 16, 16)
    before = motion_loss(made.network, TINY_MOTION, batch, plain).item()
    made.train(40)
    assert motion_loss(made.network, TINY_MOTION, batch, plain).item() < 0.85 * before
    read = read_motion_network(tmp_path / "weights")
    averaged = made.averaged().state_dict()
    assert all(torch.equal(value, averaged[name]) for name, value in read.state_dict().items())


def test_known_poses_and_faces_alone_are_learned_first(tmp_path: Path, batch: Batch):
    made = MotionTrainer(replace(MOTION, known=20), HEAD, tmp_path)
    begun = {name: value.clone() for name, value in made.network.state_dict().items()}
    before, posed = known_loss(made.network, TINY_MOTION, batch).item(), pose_loss(made, batch)
    made.train(20)
    assert known_loss(made.network, TINY_MOTION, batch).item() < 0.9 * before and pose_loss(made, batch) < 0.8 * posed
    changed = {name.split(".")[0] for name, value in made.network.state_dict().items() if not torch.equal(value, begun[name])}
    assert changed == {"pose", "expression", "readout"}
    made.train(21)
    changed = {name.split(".")[0] for name, value in made.network.state_dict().items() if not torch.equal(value, begun[name])}
    assert changed == {"pose", "appearance", "expression", "readout", "decoder"}


def pose_loss(made: MotionTrainer, batch: Batch) -> float:
    """Of all pictures."""
    with torch.no_grad():
        return pose_error(made.network.pose(pose_pictures_of(batch).flatten(0, 1)).unflatten(0, (4, 5)), batch.places).item()


def test_a_hint_is_how_far_poses_and_faces_are_from_the_known_ones(batch: Batch):
    network, plain = motion_network(), torch.ones(4, 2, 1, 16, 16)
    with torch.no_grad():
        hinted, alone = (motion_loss(network, TINY_MOTION, batch, plain, hint) for hint in (1.0, 0.0))
        pictures = batch.targets[:, VIEWS].float() / 127.5 - 1
        seen = crop_faces(TINY_MOTION.expression, pictures.flatten(0, 1), batch.places[:, VIEWS].flatten(0, 1))
        poses, faces, _ = network(pose_pictures_of(batch)[:, [0, 1, 3]], seen.unflatten(0, (4, 2)))
    known = pose_matrix(batch.places[:, [0, 1, 3]] - torch.tensor([0, 0, 0, 0, 0, -0.87]))
    coefficients = torch.cat([batch.vectors[:, VIEWS, :52], batch.vectors[:, VIEWS, 58:67]], dim=-1)
    spread = coefficients.flatten(0, 1).std(0, correction=0).clamp_min(0.1)
    wrong = (poses - known).abs().mean() + ((faces - coefficients) / spread).square().mean()
    torch.testing.assert_close(hinted - alone, wrong, atol=1e-5, rtol=1e-4)


def pose_pictures_of(batch: Batch) -> torch.Tensor:
    pictures = batch.targets.float() / 127.5 - 1
    return hide_features(pictures.flatten(0, 1), batch.focus.flatten(0, 1)).unflatten(0, batch.targets.shape[:2])


def test_a_resumed_run_of_the_encoders_ends_with_the_same_weights(tmp_path: Path):
    whole, halves, again = (MotionTrainer(MOTION, HEAD, tmp_path / name) for name in ("whole", "halves", "halves"))
    whole.train(2)
    halves.train(1)
    again.resume()
    again.train(2)
    expected, got = whole.network.state_dict(), again.network.state_dict()
    assert all(torch.equal(expected[name], got[name]) for name in expected)


def loss_on_four(
    made: DexTrainer,
    *,
    sketch: float = 0.0,
    change: float = 0.0,
    faced: bool = True,
    own: bool = False,
    loud: float = 0.0,
    levels: Sequence[int] = (180, 382, 655, 774),
) -> float:
    """Always the same windows and noise."""
    windows = DrivenWindows(HEAD, DATA, "clip")
    batch = collate([windows[index] for index in range(4)])
    noise = draw_chances(TINY, 4, 4, LossConfig(), seed=0, step=0).noise
    draws = Draws(noise, torch.tensor(levels)[:, None].expand(-1, 4), torch.zeros(4, dtype=torch.bool))
    chances, plain = Chances(torch.full((4,), faced), torch.full((4,), own)), torch.ones(4, 4, 1, 16, 16)
    run = replace(ANIMATOR, sketch=sketch, change=change, loud=loud)
    return animator_loss(made.network, run, made.schedule, batch, draws, chances, plain).item()


def test_training_the_animator_lowers_the_loss_and_leaves_the_encoders(tmp_path: Path):
    made = animator(tmp_path)
    before, drawn = loss_on_four(made), loss_on_four(made, sketch=1.0) - loss_on_four(made)
    made.train(16)
    assert loss_on_four(made) < 0.92 * before
    assert loss_on_four(made, sketch=1.0) - loss_on_four(made) < 0.95 * drawn
    read = DexPipeline.from_pretrained(tmp_path / "weights").network
    assert_encoders_equal(read.motion, motion_network())


def test_the_change_of_expression_counts_where_it_is_drawn_from_noise_alone_and_told(tmp_path: Path):
    made = animator(tmp_path)

    def added(level: int, faced: bool) -> float:
        levels = (level,) * 4
        return loss_on_four(made, change=1.0, levels=levels, faced=faced) - loss_on_four(made, levels=levels, faced=faced)

    assert added(600, True) == added(999, False) == 0
    assert added(999, True) == pytest.approx(1, abs=0.2)  # an untrained network predicts no change


def test_what_is_drawn_takes_the_place_of_the_truth_where_expression_is_told_and_levels_are_not_low(tmp_path: Path):
    made = animator(tmp_path)
    assert loss_on_four(made, own=True) != loss_on_four(made)
    assert loss_on_four(made, own=True, change=1.0) > loss_on_four(made, own=True)
    assert loss_on_four(made, own=True, faced=False) == loss_on_four(made, faced=False)
    seen: list[OwnCourse] = []
    made.network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[-1]))
    assert loss_on_four(made, own=True, levels=(50, 150, 500, 999)) > 0
    assert seen[0].taken.tolist() == [False, True, True, True]


def test_blocks_that_are_too_loud_count_for_the_frames_and_not_for_what_leads_to_them(tmp_path: Path):
    made = animator(tmp_path)
    assert loss_on_four(made, loud=1.0) == loss_on_four(made)
    with torch.no_grad():
        made.network.generation.mid_block.resnets[-1].conv2.bias.add_(1e6)
    added = [loss_on_four(made, loud=1.0, own=own) - loss_on_four(made, own=own) for own in (False, True)]
    assert added[0] > 1 and added[1] == pytest.approx(added[0], rel=1e-3)


def test_what_is_asked_of_frames_needs_a_network_that_says_something_of_them():
    schedule = replace(TINY.schedule, prediction="epsilon")
    with pytest.raises(ValueError, match="a network that predicts noise"):
        replace(ANIMATOR, network=replace(TINY, schedule=schedule))


def test_a_resumed_run_of_the_animator_ends_with_the_same_weights(tmp_path: Path):
    whole, halves, again = (animator(tmp_path / name) for name in ("whole", "halves", "halves"))
    whole.train(2)
    halves.train(1)
    again.resume()
    again.train(2)
    expected, got = whole.network.state_dict(), again.network.state_dict()
    assert all(torch.equal(expected[name], got[name]) for name in expected)


def test_an_animator_on_other_encoders_is_refused(tmp_path: Path):
    other = MotionNetwork({**TINY_MOTION.to_dict(), "name": "other"})
    with pytest.raises(ValueError, match="'tiny-motion' to begin with, got 'other'"):
        DexTrainer(ANIMATOR, other, HEAD, tmp_path)
    with pytest.raises(ValueError, match="'tiny' to begin with, got 'tiny-without-rays'"):
        DexTrainer(ANIMATOR, DexNetwork(dex_without(TINY, "rays").to_dict()), HEAD, tmp_path)
    with pytest.raises(ValueError, match="16 pixels"):
        DexTrainer(replace(ANIMATOR, train=TrainConfig()), motion_network(), HEAD, tmp_path)


def test_the_presets_fit_their_data():
    for run in DEX_RUNS.values():
        assert run.train.data.size == run.network.image_size
        motion = run.network if isinstance(run, MotionRun) else run.network.motion
        assert motion.expression.numbers == face_numbers(torch.zeros(vector_length(HEAD.expression_count))).shape[0]


def test_without_augmentation_pose_and_expression_are_read_from_the_driver_as_it_is(batch: Batch):
    network, plain, other = motion_network(), torch.ones(4, 2, 1, 16, 16), motion_without(TINY_MOTION)
    seen: list[torch.Tensor] = []
    network.register_forward_pre_hook(lambda module, inputs: seen.extend(inputs))
    motion_loss(network, other, batch, plain)
    masked, expressive, source = seen
    drivers, places = batch.targets[:, DRIVERS].float() / 127.5 - 1, batch.places[:, DRIVERS]
    assert torch.equal(masked[:, 0], source) and torch.equal(masked[:, 1:], drivers)
    torch.testing.assert_close(expressive[:, 0], crop_faces(TINY_MOTION.expression, drivers[:, 0], places[:, 0]))
    shown, focus = drivers[:, 0], batch.focus[:, DRIVERS][:, 0]
    assert not torch.equal(pose_pictures(TINY_MOTION, shown, focus), pose_pictures(other, shown, focus))


def test_a_run_without_a_part_is_of_the_same_size():
    for part in ("rays", "warping", "augmentation"):
        network = run_without(ANIMATOR, part).network
        assert network != TINY and network.name == f"tiny-without-{part}"
        assert {n: w.shape for n, w in DexNetwork(network.to_dict()).state_dict().items()} == {
            n: w.shape for n, w in DexNetwork(TINY.to_dict()).state_dict().items()
        }
    assert run_without(MOTION, "augmentation").network == motion_without(TINY_MOTION)
    with pytest.raises(InputError, match="got rays"):
        run_without(MOTION, "rays")


def test_an_animator_without_augmentation_needs_encoders_without_it(tmp_path: Path):
    with pytest.raises(
        ValueError, match="expected a network of 'tiny-motion-without-augmentation' to begin with, got 'tiny-motion'"
    ):
        DexTrainer(replace(ANIMATOR, network=dex_without(TINY, "augmentation")), motion_network(), HEAD, tmp_path)
