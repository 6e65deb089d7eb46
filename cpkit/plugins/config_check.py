"""The check of the tools' settings, for those who use no other plugin of cpkit's."""

from __future__ import annotations

from cherrypy.process.plugins import SimplePlugin

from cpkit.config_check import check_at_start


class ConfigCheck(SimplePlugin):
    """End the start with one line if a setting of a tool of cpkit's cannot be used.

    ``ConfigCheck(cherrypy.engine).subscribe()``; the database plugin, the timing plugin and the
    dispatcher do the same by themselves. Checked are the global config, the sections of mounted
    applications, and the ``_cp_config`` of their controllers and page handlers.
    """

    def subscribe(self) -> None:
        """Listen to the start of the bus."""
        check_at_start(self.bus)
