"""A segmenter for recordings with a channel per person, as telephone systems make them."""

from __future__ import annotations

from pgvoice.hooks import RegisterSegmenter, Segmenter, SegmenterUnavailable, hookimpl


@hookimpl
def register_segmenters(register: RegisterSegmenter) -> None:
    register("channels", _channels, summary="a person per channel, by loudness; no model")


def _channels(source: str | None, _device: str | None) -> Segmenter:
    from pgvoice_channels.segmenter import ChannelSegmenter

    if source is not None:
        raise SegmenterUnavailable(f"channels takes no source (got {source!r})")
    return ChannelSegmenter()
