"""Decoded frames of any format, rate and channel count, mixed to one channel at 16 kHz as they arrive.

Channels are averaged here: libav's own downmix scales stereo by 1 / sqrt(2), 3 dB louder, and clips what was loud.
"""

from __future__ import annotations

import numpy as np
import soxr
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from transcriber.errors import DamagedRecording, RecordingTooLong, UnsupportedAudio

SAMPLE_RATE = 16_000  # Hz, of everything that is handed on
LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000  # Hz: a telephone's narrowest codec, the fastest studio converter
MOST_CHANNELS = 64  # what MADI carries
MOST_VALUES_PER_S = 64 * 48_000  # channels x rate, MADI again: bounds the work that a small file can ask for
LEAST_GAP_S = 0.1  # above the rounding and the drift of honest time stamps
LEAST_GAP_AFTER_LOSS_S = 0.002  # below the shortest packet in use (2.5 ms), above a time stamp in whole milliseconds
LONGEST_GAP_S = 60.0  # a longer leap is a broken time stamp, not lost sound
FULL_SCALE = 0.9999  # 16-bit converters stop at 32767 / 32768
CANCELLED = 0.1  # of the energy that unrelated channels would leave: only opposite phase falls 10 dB below that


def check_layout(rate: int, channels: int) -> None:
    """Raises DamagedRecording for a header without sense, UnsupportedAudio for one beyond the limits above."""
    if rate < 1 or channels < 1:
        raise DamagedRecording(
            f"This file's header makes no sense ({channels} channels at {rate} Hz); export it again."
        )
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UnsupportedAudio(
            f"This recording's sample rate is {rate} Hz; rates from {LOWEST_RATE} to {HIGHEST_RATE} Hz can be read."
        )
    if channels > MOST_CHANNELS or rate * channels > MOST_VALUES_PER_S:
        raise UnsupportedAudio(
            f"This recording has {channels} channels at {rate} Hz, more than can be read; mix it to stereo first."
        )


class Mixdown:
    """Mono sound at 16 kHz that grows frame by frame, and what was seen on the way.

    `channel` takes that channel alone instead of the mean. Lost sound, shown by a leap in the time stamps, is replaced
    by silence. Memory: 4 bytes a sample at 16 kHz, whatever came in.
    """

    def __init__(self, longest_s: float, channel: int | None = None, lead_in_s: float = 0.0) -> None:
        self._longest_s = longest_s
        self._channel = channel
        self._lead_in_s = lead_in_s
        self._sound = bytearray()  # float32
        self._rate = 0
        self._resampler: soxr.ResampleStream | None = None
        self._next_s: float | None = None  # the time stamp that the next frame should have
        self._mixed_energy = 0.0
        self._unrelated_energy = 0.0  # what the mean of unrelated channels would hold
        self.elapsed_s = 0.0  # mixed so far, at the rates it came in
        self.lost_s = 0.0
        self.peaks = np.zeros(0, np.float32)
        self.values = 0
        self.clipped = 0
        self.broken = 0

    def add(self, frame: AudioFrame, *, after_loss: bool = False) -> None:
        """Raises RecordingTooLong as soon as the sound exceeds the limit, UnsupportedAudio as `check_layout`."""
        channels = self._values(frame)
        if frame.sample_rate != self._rate:
            check_layout(frame.sample_rate, len(channels))
            self._change_rate(frame.sample_rate)
        self._fill_gap(frame.time, after_loss)
        self._observe(channels)
        mixed = channels.mean(axis=0) if self._channel is None else channels[min(self._channel, len(channels) - 1)]
        self._mixed_energy += float(mixed @ mixed)
        self._feed(mixed)
        self._next_s = (self._next_s or 0.0) + len(mixed) / self._rate
        if self.elapsed_s > self._longest_s:
            raise RecordingTooLong(
                f"This recording lasts more than {in_words(self._longest_s)}, the longest accepted; "
                "cut it into parts and send them one by one."
            )

    def finish(self) -> NDArray[np.float32]:
        """The mono samples, at most full scale: float recordings and lossy decoders go above it."""
        self._feed(np.zeros(0, np.float32), last=True)
        samples = np.frombuffer(self._sound, np.float32)
        peak = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
        if peak > 1:
            samples /= peak
        return samples

    @property
    def cancels(self) -> bool:
        """Whether the channels wipe each other out when mixed, as one wired the wrong way round does."""
        return self._mixed_energy < CANCELLED * self._unrelated_energy

    def _values(self, frame: AudioFrame) -> NDArray[np.float32]:
        """Shape: (channels, samples), full scale 1; values that are no number become silence and are counted."""
        try:
            raw = frame.to_ndarray()
        except ValueError as cause:
            raise UnsupportedAudio(
                f"Sound in the sample format {frame.format.name} cannot be read; convert it to 16-bit WAV."
            ) from cause
        if not frame.format.is_planar:
            raw = raw.reshape(-1, frame.layout.nb_channels).T
        if raw.dtype.kind == "f":
            with np.errstate(over="ignore"):
                values = raw.astype(np.float32)
            numbers = np.isfinite(values)
            if not numbers.all():
                self.broken += values.size - int(np.count_nonzero(numbers))
                values[~numbers] = 0
            return values
        middle = 128 if raw.dtype.kind == "u" else 0
        return (raw.astype(np.float32) - middle) / np.float32(2 ** (8 * raw.dtype.itemsize - 1))

    def _observe(self, channels: NDArray[np.float32]) -> None:
        count = len(channels)
        if count > len(self.peaks):
            self.peaks = np.pad(self.peaks, (0, count - len(self.peaks)))
        loud = np.abs(channels)
        self.peaks[:count] = np.maximum(self.peaks[:count], loud.max(axis=1, initial=0.0))
        self.values += channels.size
        self.clipped += int(np.count_nonzero(loud >= FULL_SCALE))
        self._unrelated_energy += float(np.vdot(channels, channels)) / count**2

    def _change_rate(self, rate: int) -> None:
        self._feed(np.zeros(0, np.float32), last=True)
        self._rate = rate
        self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")

    def _fill_gap(self, time_s: float | None, after_loss: bool) -> None:
        if self._next_s is None:
            self._silence(self._lead_in_s)
            self._next_s = time_s or 0.0
        elif time_s is not None:
            gap_s = time_s - self._next_s
            if (LEAST_GAP_AFTER_LOSS_S if after_loss else LEAST_GAP_S) < gap_s < LONGEST_GAP_S:
                self._silence(gap_s)
                self.lost_s += gap_s
                self._next_s = time_s
            elif abs(gap_s) >= LEAST_GAP_S:
                self._next_s = time_s

    def _silence(self, duration_s: float) -> None:
        self._feed(np.zeros(round(duration_s * self._rate), np.float32))

    def _feed(self, mixed: NDArray[np.float32], *, last: bool = False) -> None:
        if self._resampler is not None:
            self._sound += self._resampler.resample_chunk(mixed, last=last).tobytes()
            self.elapsed_s += len(mixed) / self._rate


def in_words(duration_s: float) -> str:
    """A length as a person would say it: 1 h 59 min, 3 min 20 s, 4.2 s."""
    if duration_s < 59.95:
        return f"{duration_s:.1f} s"
    minutes, seconds = divmod(round(duration_s), 60)
    if minutes > 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
