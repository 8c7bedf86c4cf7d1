"""The command line: nouns are groups, verbs are commands; it decides nothing.

What `main` imports imports click and its neighbours only; store, hooks and rich are imported inside
the functions that use them, so that help comes at once.
"""
