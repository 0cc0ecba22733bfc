from ignite.engine import Engine
from monai.engines.utils import IterationEvents

from mrrecon.handlers import Stages


def said(capsys, *batches, quiet=False):
    def step(engine, batch):
        if "refused" not in batch:
            engine.fire_event(IterationEvents.INNER_ITERATION_STARTED)
            stages.tile()
            engine.fire_event(IterationEvents.FORWARD_COMPLETED)
            engine.fire_event(IterationEvents.INNER_ITERATION_COMPLETED)

    stages = Stages([{"image": f"/in/{i}.nii"} for i in range(len(batches))], quiet=quiet)
    engine = Engine(step)
    engine.register_events(*IterationEvents)
    stages.attach(engine)
    engine.run(batches)
    return capsys.readouterr().err


def test_each_scan_has_a_line_of_its_stages(capsys):
    lines = said(capsys, {"image": 0}, {"image": 1}).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("2/2 1.nii: reading, encoding, decoding., measuring, saving, ")


def test_a_refused_scan_says_so(capsys):
    assert said(capsys, {"refused": ["no scan"]}).startswith("1/1 0.nii: reading, refused, ")


def test_quiet_says_nothing(capsys):
    assert said(capsys, {"image": 0}, quiet=True) == ""
