"""Recordings made for tests: a tone, a few piano-like notes, and every kind of file that is not what it says."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

Sound = NDArray[np.float32]  # shape (channels, samples), full scale 1


def tone(frequency: float, duration_s: float, rate: int = 44_100, amplitude: float = 0.5, channels: int = 1) -> Sound:
    times = np.arange(round(duration_s * rate)) / rate
    return np.tile((amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.float32), (channels, 1))


def pulse(at_s: float, duration_s: float, rate: int, channels: int = 1) -> Sound:
    """A raised-cosine pulse, 2 ms wide, whose middle is at `at_s`."""
    from_middle = np.arange(round(duration_s * rate)) / rate - at_s
    inside = np.abs(from_middle) < 0.001
    return np.tile(
        np.where(inside, 0.25 + 0.25 * np.cos(np.pi * from_middle / 0.001), 0).astype(np.float32), (channels, 1)
    )


def piano_like(notes: list[tuple[float, float, int]], rate: int = 44_100) -> Sound:
    """Struck strings by addition: (onset s, offset s, pitch) each as ten decaying partials. Shape: (1, samples)."""
    sound = np.zeros(round((max(offset for _, offset, _ in notes) + 1.0) * rate))
    for onset, offset, pitch in notes:
        times = np.arange(len(sound) - round(onset * rate)) / rate
        fundamental = 440 * 2 ** ((pitch - 69) / 12)
        held = np.where(times < offset - onset, 1.0, np.exp(-(times - (offset - onset)) / 0.06))
        for partial in range(1, 11):
            # A string is stiff: its partials are a little wide, the high ones weaker and quicker to fade.
            frequency = partial * fundamental * np.sqrt(1 + 0.0004 * partial**2)
            if frequency < 0.45 * rate:
                decay = np.exp(-times * (0.8 + 0.5 * partial))
                sound[-len(times) :] += 0.7 ** (partial - 1) * decay * held * np.sin(2 * np.pi * frequency * times)
    result: Sound = (0.5 * sound / np.abs(sound).max()).astype(np.float32)[None]
    return result


def encode(
    path: Path,
    sound: Sound,
    codec: str,
    rate: int,
    codec_options: Mapping[str, str] = MappingProxyType({}),
    container_options: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write `sound` with one of libav's encoders; the container follows from the suffix."""
    layout = {1: "mono", 2: "stereo", 8: "7.1"}[len(sound)]
    with av.open(str(path), "w", options=dict(container_options)) as container:
        stream = container.add_stream(codec, rate=rate, options=dict(codec_options), layout=layout)
        assert isinstance(stream, AudioStream)
        to_codec = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=rate)
        frames: list[av.AudioFrame | None] = []
        for start in range(0, sound.shape[1], 4096):
            block = np.ascontiguousarray(sound[:, start : start + 4096].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
            frame.sample_rate, frame.pts = rate, start
            frames += to_codec.resample(frame)
        for converted in [*frames, *to_codec.resample(None), None]:
            for packet in stream.encode(converted):
                container.mux(packet)
    return path


def wav(sound: Sound, rate: int = 44_100, sample_format: str = "<i2", **header: int) -> bytes:
    """A WAV file's bytes; `header` overrides what its fields say: channels, rate, data_bytes."""
    kind = np.dtype(sample_format)
    scale = {"u": 127.5, "i": 2.0 ** (8 * kind.itemsize - 1) - 1, "f": 1.0}[kind.kind]
    values = sound.T * scale + (128 if kind.kind == "u" else 0)
    data = (values if kind.kind == "f" else np.round(values)).astype(kind).tobytes()
    channels, rate = header.get("channels", len(sound)), header.get("rate", rate)
    claimed = header.get("data_bytes", len(data))
    frame_bytes = channels * kind.itemsize
    tag = 3 if kind.kind == "f" else 1
    fields = (tag, channels, rate, rate * frame_bytes & 0xFFFFFFFF, frame_bytes & 0xFFFF, 8 * kind.itemsize)
    out = io.BytesIO()
    out.write(b"RIFF" + struct.pack("<I", min(claimed + 36, 0xFFFFFFFF)) + b"WAVE")
    out.write(b"fmt " + struct.pack("<IHHIIHH", 16, *fields))
    out.write(b"data" + struct.pack("<I", claimed) + data)
    return out.getvalue()


def video(path: Path, sound: Sound | None, rate: int = 48_000, sound_starts_s: float = 0.0) -> Path:
    """An MP4 of a grey picture, with `sound` from `sound_starts_s` on, or without any."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height = 64, 48
        track = None if sound is None else container.add_stream("aac", rate=rate, layout="mono")
        for index in range(20):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8), format="rgb24")
            picture.pts = index
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode(None))
        if track is not None and sound is not None:
            for start in range(0, sound.shape[1], 1024):
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(sound[:, start : start + 1024]), format="fltp", layout="mono"
                )
                frame.sample_rate, frame.pts = rate, start + round(sound_starts_s * rate)
                container.mux(track.encode(frame))
            container.mux(track.encode(None))
    return path


def silent_flac(path: Path, duration_s: float, rate: int = 44_100) -> Path:
    """Hours of digital silence in a few kilobytes, whose header tells no length."""
    return encode(path, np.zeros((1, round(duration_s * rate)), np.float32), "flac", rate)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
