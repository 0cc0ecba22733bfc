"""How much memory there is."""

import torch

from mrrecon.memory import available_memory


def test_there_is_some_and_not_more_than_the_machine_has() -> None:
    free = available_memory()
    assert free is None or 2**20 < free < 2**50
    assert available_memory(torch.device("cpu")) is not None


def test_devices_that_do_not_say_are_not_guessed() -> None:
    assert available_memory(torch.device("meta")) is None
