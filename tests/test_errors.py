import logging
import sys

import pytest

from mrrecon.errors import decisive_error, explain_errors, sentence


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.delenv("MRRECON_TRACEBACK", raising=False)
    logger = logging.getLogger("ignite.engine.engine")
    level = logger.level
    logger.setLevel(logging.NOTSET)
    yield
    logger.setLevel(level)


def raised(*errors):
    """The last error, caused by the one before it, and so on. The first keeps the cause that it has."""
    cause = None
    for error in errors:
        try:
            raise error from cause or error.__cause__
        except type(error) as caught:
            cause = caught
    return cause


def raised_by_the_package(error, cause):
    code = compile("def fail(error, cause):\n    raise error from cause", "there.py", "exec")
    names = {"__name__": "mrrecon.somewhere"}
    exec(code, names)
    try:
        names["fail"](error, cause)
    except type(error) as caught:
        return caught


def printed(error, capsys):
    explain_errors()
    sys.excepthook(type(error), error, error.__traceback__)
    return capsys.readouterr().err


def test_the_first_cause_decides_among_errors_of_other_packages():
    error = raised(ValueError("no such scan"), RuntimeError("applying transform"), RuntimeError("evaluating"))
    assert str(decisive_error(error)) == "no such scan"


def test_a_sentence_of_this_package_is_not_passed_over_for_its_cause():
    ours = raised_by_the_package(ValueError("list.json is no list"), raised(KeyError("x")))
    assert decisive_error(raised(ours, RuntimeError("evaluating"))) is ours


def test_what_was_suppressed_stays_so():
    error = raised(KeyError("x"), RuntimeError("plain words"))
    error.__cause__ = None
    error.__suppress_context__ = True
    assert decisive_error(error) is error


def test_a_sentence_is_one_line():
    assert sentence(ValueError("first\n  second\n")) == "first"
    assert sentence(MemoryError()) == "MemoryError"
    assert sentence(KeyError("shape")) == "'shape' is not there"


def test_the_text_that_monai_makes_of_a_reader_s_error_is_undone():
    text = (
        "LoadImage cannot find a suitable reader for file: /in/a.nii.\n  Please\n  at\nzlib.error: no image"
    )
    assert sentence(RuntimeError(text)) == "/in/a.nii cannot be read as an image: no image"


def test_the_text_that_monai_makes_of_a_writer_s_error_is_undone():
    text = (
        "SaveImage cannot find a suitable writer for /out/a.nii.\n  Please\n at\nOSError: [Errno 28] No space"
    )
    assert sentence(RuntimeError(text)) == "/out/a.nii cannot be written: [Errno 28] No space"


def test_an_error_that_ends_the_program_prints_its_sentence_alone(capsys):
    assert (
        printed(raised(ValueError("no such scan"), RuntimeError("evaluating")), capsys)
        == "\nerror: no such scan\n"
    )


def test_the_keyboard_is_no_error(capsys):
    assert printed(raised(KeyboardInterrupt()), capsys).startswith("\nstopped by the keyboard")


def test_the_traceback_is_there_where_asked_for(capsys, monkeypatch):
    monkeypatch.setenv("MRRECON_TRACEBACK", "1")
    said = printed(raised(ValueError("no such scan")), capsys)
    assert said.startswith("Traceback")
    assert said.endswith("\nerror: no such scan\n")


def test_ignite_does_not_say_it_as_well():
    logger = logging.getLogger("ignite.engine.engine.CompressionEvaluator")
    explain_errors()
    assert not logger.isEnabledFor(logging.ERROR)
