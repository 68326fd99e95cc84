"""Decoded frames of any format, rate and channel count, mixed to one channel at 16 kHz as they arrive.

Channels are averaged here: libav's own downmix scales stereo by 1 / sqrt(2), 3 dB louder, and clips what was loud.
"""

from __future__ import annotations

from collections.abc import Callable

import av
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
BLOCK_S = 0.25  # mixed at once: frames of 20 ms one by one take three times as long
PACKED = "flt"  # libav's name for interleaved float32
LOUDEST = 2.0**16  # 16-bit integers kept as floats reach half of that; anything above is no sound
LEVEL_QUANTILE = 0.999  # of all samples: above it are peaks and damage, not the level
LEVEL_STRIDE = 7  # every seventh sample tells the level of a long recording as well
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
    by silence. `on_mixed` is told the seconds so far after every block. Memory: 4 bytes a sample at 16 kHz, whatever
    came in, and one block.
    """

    def __init__(
        self,
        longest_s: float,
        channel: int | None = None,
        lead_in_s: float = 0.0,
        on_mixed: Callable[[float], None] | None = None,
    ) -> None:
        self._longest_s = longest_s
        self._channel = channel
        self._lead_in_s = lead_in_s
        self._on_mixed = on_mixed
        self._next_s: float | None = None  # the time stamp that the next frame should have
        self._form: tuple[int, str, str] | None = None  # rate, layout and sample format of the frames at hand
        self._rate = 0
        self._packer = av.AudioResampler(format=PACKED)
        self._resampler: soxr.ResampleStream | None = None
        self._block: list[NDArray[np.float32]] = []  # shape (samples, channels) each
        self._sound = bytearray()  # float32
        self._mixed_energy = 0.0
        self._unrelated_energy = 0.0  # what the mean of unrelated channels would hold
        self.elapsed_s = 0.0  # mixed so far, at the rates it came in
        self.lost_s = 0.0
        self.peaks = np.zeros(0, np.float32)  # of each channel
        self.values = 0
        self.clipped = 0
        self.broken = 0

    def add(self, frame: AudioFrame, *, after_loss: bool = False) -> None:
        """Raises RecordingTooLong as soon as the sound exceeds the limit, and as `check_layout`."""
        form = (frame.sample_rate, frame.layout.name, frame.format.name)
        if form != self._form:
            self._change_form(*form, frame.layout.nb_channels)
        self._fill_gap(frame.time, after_loss)
        self._next_s = (self._next_s or 0.0) + frame.samples / self._rate
        # By way of libav: PyAV reads past the end of a frame of eight or more planes.
        for packed in self._packer.resample(frame):
            values = packed.to_ndarray().reshape(-1, packed.layout.nb_channels)
            self._block.append(values.astype(np.float32, copy=False))
        if sum(map(len, self._block)) >= BLOCK_S * self._rate:
            self._mix()

    def finish(self) -> NDArray[np.float32]:
        """The mono samples within full scale.

        Recordings in floats may be louder throughout and are brought down; the odd sample above full scale, from a
        lossy decoder or from damage, is clipped as any player does.
        """
        self._mix()
        self._feed(np.zeros(0, np.float32), last=True)
        samples = np.frombuffer(self._sound, np.float32)
        if max(samples.max(initial=0.0), -samples.min(initial=0.0)) > 1:
            level = float(np.quantile(np.abs(samples[::LEVEL_STRIDE]), LEVEL_QUANTILE))
            np.clip(samples / max(1.0, level), -1, 1, out=samples)
        return samples

    @property
    def cancels(self) -> bool:
        """Whether the channels wipe each other out when mixed, as one wired the wrong way round does."""
        return self._mixed_energy < CANCELLED * self._unrelated_energy

    def _change_form(self, rate: int, layout: str, sample_format: str, channels: int) -> None:
        check_layout(rate, channels)
        self._mix()
        self._packer = av.AudioResampler(format=PACKED)
        if rate != self._rate:
            self._feed(np.zeros(0, np.float32), last=True)
            self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        self._rate = rate
        self._form = (rate, layout, sample_format)

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
        self._mix()
        self._feed(np.zeros(round(duration_s * self._rate), np.float32))

    def _mix(self) -> None:
        if not self._block:
            return
        values = np.concatenate(self._block)
        self._block.clear()
        sound = np.abs(values) <= LOUDEST  # false for NaN too
        if not sound.all():
            self.broken += values.size - int(np.count_nonzero(sound))
            values[~sound] = 0
        channels = values.shape[1]
        weights = np.full(channels, 1 / channels, np.float32)
        if self._channel is not None:
            weights = np.eye(channels, dtype=np.float32)[min(self._channel, channels - 1)]
        mixed = values @ weights
        self._observe(values, mixed)
        self._feed(mixed)

    def _observe(self, values: NDArray[np.float32], mixed: NDArray[np.float32]) -> None:
        channels = values.shape[1]
        self.peaks = np.pad(self.peaks, (0, max(0, channels - len(self.peaks))))
        loudness = np.abs(values)
        self.peaks[:channels] = np.maximum(self.peaks[:channels], loudness.max(axis=0))
        self.values += values.size
        self.clipped += int(np.count_nonzero(loudness >= FULL_SCALE))
        self._mixed_energy += float(mixed @ mixed)
        self._unrelated_energy += float(np.vdot(values, values)) / channels**2

    def _feed(self, mixed: NDArray[np.float32], *, last: bool = False) -> None:
        if self._resampler is None:
            return
        self._sound += self._resampler.resample_chunk(mixed, last=last).tobytes()
        self.elapsed_s += len(mixed) / self._rate
        if self._on_mixed is not None:
            self._on_mixed(self.elapsed_s)
        if self.elapsed_s > self._longest_s:
            raise RecordingTooLong(
                f"This recording lasts more than {in_words(self._longest_s)}, the longest accepted; "
                "cut it into parts and send them one by one."
            )


def in_words(duration_s: float) -> str:
    """A length as a person would say it: 1 h 59 min, 3 min 20 s, 4.2 s."""
    if duration_s < 59.95:
        return f"{duration_s:.1f} s"
    minutes, seconds = divmod(round(duration_s), 60)
    if minutes > 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
