"""Audio files: what a file is, and the waveforms of its spans, decoded in one pass over them.

WAV, FLAC and their like are sought in to the sample, mp3 and AAC in mp4 block by block (`blocks`);
everything else is decoded from its start.

The time axis of a file is that of its own samples, counted from the first one that is decoded:
encoder delay is removed as FFmpeg removes it, start offsets and gaps between timestamps are not
filled. A file with several audio streams is heard by the one that FFmpeg calls the best; video is
never decoded. The decoder is chosen by content, never by the file's name.
"""
