"""What people read: one self-contained HTML page made from the results of a run.

The way is *facts → dict → template*. Each section has a file that turns its block of the results
into plain facts, ``drawing`` turns numbers into coordinates, ``words`` turns them into text, and
the template ``report.html.j2`` only lays out what it is given.
"""

from landbridge.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
