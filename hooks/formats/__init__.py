"""Reads turns from the files of other tools, and writes names back: JSON, RTTM, SRT, WebVTT."""
