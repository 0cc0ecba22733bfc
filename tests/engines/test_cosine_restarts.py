import math

import pytest
import torch

from mrrecon.engines import CosineRestarts


def formula(step: int, first: float, t_mul: float, m_mul: float, alpha: float) -> float:
    """The closed form of TensorFlow's CosineDecayRestarts, for t_mul > 1."""
    done = step / first
    i = math.floor(math.log(1 - done * (1 - t_mul)) / math.log(t_mul) + 1e-12)
    done = (done - (1 - t_mul**i) / (1 - t_mul)) / t_mul**i
    return (1 - alpha) * 0.5 * m_mul**i * (1 + math.cos(math.pi * done)) + alpha


@pytest.mark.parametrize("step", [0, 1, 3240, 6479, 6480, 6481, 14_579, 14_580, 50_000, 1_000_000])
def test_the_papers_schedule_follows_the_closed_form(step: int) -> None:
    paper = {"first": 6480, "t_mul": 1.25, "m_mul": 0.95, "alpha": 1e-7}
    assert CosineRestarts()(step) == pytest.approx(formula(step, **paper), rel=1e-6, abs=1e-9)


def test_cycles_of_one_length_begin_at_its_multiples() -> None:
    factor = CosineRestarts(first=10, t_mul=1, m_mul=0.5, alpha=0)
    assert [factor(10 * cycle) for cycle in range(4)] == [1, 0.5, 0.25, 0.125]


def test_the_floor_is_never_crossed() -> None:
    factor = CosineRestarts(first=100, t_mul=1.5, m_mul=0.9, alpha=0.01)
    assert min(factor(step) for step in range(2000)) >= 0.01


def test_a_warm_up_rises_in_equal_steps() -> None:
    factor = CosineRestarts(first=10**9, warmup=4)
    assert [round(factor(step), 6) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_a_scheduler_resumes_with_the_same_step_size() -> None:
    def made() -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
        optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.1)
        return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, CosineRestarts(first=7))

    optimizer, scheduler = made()
    for _ in range(10):
        optimizer.step()
        scheduler.step()
    other_optimizer, other = made()
    other_optimizer.load_state_dict(optimizer.state_dict())
    other.load_state_dict(scheduler.state_dict())
    other_optimizer.step()
    other.step()
    assert other.get_last_lr() == [0.1 * CosineRestarts(first=7)(11)]


@pytest.mark.parametrize(
    "wrong", [{"first": 0}, {"t_mul": 0.5}, {"m_mul": 0}, {"m_mul": 1.1}, {"alpha": -1}, {"warmup": -1}]
)
def test_an_argument_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CosineRestarts(**wrong)
