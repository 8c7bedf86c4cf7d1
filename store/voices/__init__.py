"""Unknown voices: linked across recordings, named, and the acts that can be undone."""
