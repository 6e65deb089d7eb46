"""One browser, three processes on one PostgreSQL: they are one application to it."""

import contextlib
import signal

from tests.demo.processes import Process


def test_a_browsers_session_moves_between_processes_and_outlives_one(chromium, postgres, tmp_path):
    with contextlib.ExitStack() as stack:
        servers = [Process.demo(postgres.url, tmp_path) for _ in range(3)]
        for server in servers:
            stack.push(server)
        for server in servers:
            server.wait()
        # NOTE: cookies know no ports, so to a browser these are one host behind a balancer.
        context = stack.enter_context(contextlib.closing(chromium.new_context()))
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{servers[0].port}/ajax")
        page.get_by_role("button", name="Generate", exact=True).click()
        page.get_by_text("Generated.").wait_for()
        string = page.get_by_label("Your string").input_value()

        assert servers[0].end(signal.SIGKILL) == -signal.SIGKILL
        for server in servers[1:]:
            page.goto(f"http://127.0.0.1:{server.port}/ajax")
            assert page.get_by_label("Your string").input_value() == string


def test_the_application_tells_that_the_database_is_away(chromium, postgres, tmp_path):
    with Process.demo(postgres.url, tmp_path) as server:
        postgres.stop()
        try:
            page = chromium.new_page()
            page.goto(f"http://127.0.0.1:{server.port}/app")
            page.locator("#browse ~ [role=alert]").filter(has_text="503: ").wait_for()
            page.get_by_role("heading", name="Percentiles by route").wait_for()
            page.close()
        finally:
            postgres.start()
