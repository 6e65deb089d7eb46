"""The check of the tools' settings, for those who use no other plugin of cpkit's."""

from __future__ import annotations

from cherrypy.process.plugins import SimplePlugin

from cpkit._start import check_tools


class ConfigCheck(SimplePlugin):
    """End the start with one line if a setting of a tool of cpkit's cannot be used.

    ``ConfigCheck(cherrypy.engine).subscribe()``; the database plugin, the timing plugin and the
    dispatcher do the same by themselves. Checked are the global config, the sections of mounted
    applications, and the ``_cp_config`` of their controllers and page handlers.
    """

    def start(self) -> None:
        """Check the configuration."""
        check_tools(self.bus)

    # Before Daemonizer forks (65), while the exit code can still tell.
    start.priority = 60  # type: ignore[attr-defined]
