"""Nothing here is for the ordinary test run: ``run.py`` runs it."""

collect_ignore_glob = ["*.py"]
