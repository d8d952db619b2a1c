"""The command against a demo shop."""

from tests.sync.conftest import run


def test_first_run(connected):
    one = connected()
    said = run("reconcile")
    assert (said.code, said.error) == (0, "")
    print(said.out)
    again = run("reconcile")
    print(again.out)
    assert "Nothing had drifted; no revision was taken." in again.out
