"""Consent, erasure, opt-outs, retention and the audit trail."""
