"""The three steps dressed for one kind of data each.

A kit reads its trade's files, makes rows and labels of them, and hands these to the steps and to
the evidence; it has no learning of its own that another kit could use.
"""
