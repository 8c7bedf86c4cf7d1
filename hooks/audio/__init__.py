"""Audio files: open one once, see what it is, and cut the waveforms of spans from it in one pass.

WAV, FLAC and similar formats are read with sample-exact seeks, mp3 and AAC in mp4 block by block
(`blocks`), and everything else is decoded from its start.

Time is counted in samples from the first decoded one. Encoder delay is removed as FFmpeg removes
it; start offsets and gaps between timestamps are not filled. If a file has several audio streams,
the one that FFmpeg considers the best is used. Video is never decoded. The content chooses the
decoder, never the file's name.
"""
