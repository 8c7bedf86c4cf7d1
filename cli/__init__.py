"""The command line: nouns are groups, verbs are commands; it makes no decisions.

`main` imports click and nothing heavy. It lists the commands in a table and imports the module of
the command that is called, so modules of commands import what they need at the top.
"""
