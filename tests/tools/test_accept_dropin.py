"""CherryPy's own test of its accept tool passes unchanged with cpkit's in its place."""

import os
import subprocess
import sys

import portend

RUN = """if True:
    import sys

    import cherrypy
    import pytest
    from cherrypy.test import helper, test_misc_tools

    from cpkit.tools import AcceptTool

    port, log = int(sys.argv[1]), sys.argv[2]
    server = helper.LocalWSGISupervisor
    helper.CPWebCase.available_servers = {"wsgi": lambda **kw: server(**{**kw, "port": port})}
    test_misc_tools.logfile = log
    cherrypy.tools.accept = AcceptTool()
    names = [f"{test_misc_tools.__file__}::{name}" for name in sys.argv[3:]]
    sys.exit(pytest.main(["-v", "-p", "no:cacheprovider", "-c", log + ".ini", *names]))
"""


def test_cherrypys_accept_and_autovary_tests_pass_unchanged(tmp_path):
    log = str(tmp_path / "log")
    (tmp_path / "log.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    port = portend.find_available_local_port()
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(port), log, "AcceptTest", "AutoVaryTest"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={**os.environ, "WEBTEST_INTERACTIVE": "False"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "AcceptTest::test_Accept_Tool PASSED" in done.stdout
    assert "AcceptTest::test_accept_selection PASSED" in done.stdout
