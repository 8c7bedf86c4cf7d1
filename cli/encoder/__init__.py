"""``pgvoice encoder``: the models, and switching a library to another one."""
