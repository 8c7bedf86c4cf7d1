"""NIST's formats: CTM (words), STM (turns with text) and UEM (what is scored)."""
