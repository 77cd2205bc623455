"""What a file of video or a photograph keeps of a picture."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np

from pipeline.frames import Image


def through_jpeg(picture: Image, quality: int) -> Image:
    """N x M x 3 uint8, RGB, as it comes back from a JPEG with 4:2:0 colour."""
    _, packed = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR_RGB))


def through_h264(pictures: list[Image], crf: int) -> Image:
    """The last of some consecutive pictures, N x M x 3 uint8 with even sides, as it comes back from an H.264 clip.

    Args:
        pictures: What the clip shows; all but the first are predicted from the one before.
        crf: The encoder's constant rate factor; 18 can hardly be told from the source, 34 is ugly.
    """
    import av  # a machine that only trains may lack it; then `video_share` has to be 0

    height, width = pictures[0].shape[:2]
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuv420p", Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": str(crf), "threads": "1"}
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    packets = []
    for index, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, "rgb24")
        frame.pts = index
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    frames = [frame for packet in (*packets, None) for frame in decoder.decode(packet)]
    return np.asarray(frames[-1].to_ndarray(format="rgb24"), np.uint8)
