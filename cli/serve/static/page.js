// Keys, sound, and pages without reloading; everything works without it, too.
