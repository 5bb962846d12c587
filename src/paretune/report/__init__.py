"""What a person sees of a study: a table in the terminal, JSON, and a page that works offline."""

from paretune.report.console.terminal import results_summary
from paretune.report.html.page import PageSources, render_page, write_page
from paretune.report.machine import results_json

__all__ = ["PageSources", "render_page", "results_json", "results_summary", "write_page"]
