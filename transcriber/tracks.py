"""One sound track of an audio or video file, decoded packet by packet.

libav judges a file by its content alone: it never sees the name, may use only the formats listed here, and may open
nothing else, so that a playlist dressed up as a recording cannot reach other files or the network. Damage does not stop
the decoding: what cannot be decoded becomes as much silence as the next time stamp shows to be missing, so that
everything after it stays where it was played.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from transcriber.errors import DamagedRecording, NoAudioTrack, NotAudio, RecordingTooLong, UnsupportedAudio
from transcriber.mixdown import LONGEST_GAP_S, Mixdown, check_layout, in_words

MOST_READ_ERRORS = 10  # in a row without a packet: Ogg is back in step after a few, WavPack never is
GUESSED_LENGTHS = ("aac", "ac3", "amr", "dts", "eac3", "loas")  # bare frames one after the other, no header
LONGEST_MP3_FRAME = 1441  # bytes, at 320 kbit/s and 32 kHz; a count of all frames stands in one before the first sound

LARGEST_KNOWN_WAV = 0x7FFF_0000  # bytes; SoX leaves 0x7fff_f..., FFmpeg 0xffff_ffff where it could not tell

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,ogg,tta,"
    "voc,w64,wav,wv"
)
# How recordings begin: tells a damaged one from a file that never was one.
SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (8, b"WAVE", "WAV"),
    (8, b"AIF", "AIFF"),
    (8, b"AVI ", "AVI"),
    (0, b"fLaC", "FLAC"),
    (0, b"OggS", "Ogg"),
    (0, b"caff", "CAF"),
    (0, b"ID3", "MP3"),
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
)

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Mono `samples` (float32, 16 kHz) and what was observed while they were decoded. Shares are 0..1.

    `peaks`: each channel's highest absolute value. `cancels`: the mean of the channels wipes them out. `damaged`:
    something in the middle could not be decoded, `lost_s` of sound. `missing_s`: sound that the header announces and
    the file does not hold although nothing in the middle is lost, so that it must have been cut off.
    """

    samples: NDArray[np.float32]
    peaks: tuple[float, ...]
    clipped_share: float
    broken_share: float
    damaged: bool
    lost_s: float
    missing_s: float
    cancels: bool


def track_indices(path: Path) -> list[int]:
    """The sound tracks, the one that a player would choose first. Raises NotAudio, DamagedRecording, NoAudioTrack."""
    with open_container(path) as container:
        tracks = container.streams.audio
        if not tracks:
            raise NoAudioTrack("This file holds no sound; choose the recording itself, or a video with sound.")
        chosen = container.streams.best("audio")
        return sorted(range(len(tracks)), key=lambda index: (tracks[index] is not chosen, index))


def read_track(
    path: Path, index: int, *, longest_s: float, channel: int | None = None, on_progress: Progress | None = None
) -> Track:
    """Decode one track as the mean of its channels, or one `channel` of it.

    Raises DamagedRecording where nothing can be decoded, UnsupportedAudio and RecordingTooLong: both before decoding
    where the header tells.
    """
    with open_container(path) as container:
        stream = container.streams.audio[index]
        _open_decoder(stream)
        announced_s = _announced_s(path, container, stream)
        if announced_s > longest_s and _packets_s(path, index, longest_s) > longest_s:
            raise RecordingTooLong(
                f"This recording lasts {in_words(announced_s)}; the longest accepted is {in_words(longest_s)}. "
                "Cut it into parts and send them one by one."
            )
        tell = (lambda mixed_s: on_progress(min(1.0, mixed_s / announced_s))) if on_progress and announced_s else None
        mixdown = Mixdown(longest_s, channel, _lead_in_s(container, stream), tell)
        after_loss = damaged = False
        for frames in _decoded(container, stream):
            after_loss = after_loss or frames is None
            for frame in frames or ():
                mixdown.add(frame, after_loss=after_loss)
                damaged = damaged or after_loss
                after_loss = False
        samples = mixdown.finish()
        guessed = _is_guess(path, index, container.format.name)
    if after_loss and not mixdown.values:
        raise DamagedRecording("None of the sound in this file can be decoded; copy or export it again.")
    values = max(1, mixdown.values)
    missing_s = 0.0 if guessed else max(0.0, announced_s - mixdown.elapsed_s)
    return Track(
        samples=samples,
        peaks=tuple(mixdown.peaks.tolist()),
        clipped_share=mixdown.clipped / values,
        broken_share=mixdown.broken / values,
        damaged=damaged or mixdown.lost_s > 0,
        lost_s=mixdown.lost_s + missing_s if damaged else mixdown.lost_s,
        missing_s=0.0 if damaged else missing_s,
        cancels=mixdown.cancels,
    )


class _Bytes:
    """A file as libav may see it: without a name, so that it is judged by content and not by extension.

    Impossible seeks, which damaged headers cause, are answered and not raised: PyAV prints what is raised from here.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read = file.read
        self.tell = file.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except OSError:
            return -1


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """Raises NotAudio, or DamagedRecording where the file begins like a recording but cannot be opened."""
    with path.open("rb") as file:
        try:
            container = av.open(
                _Bytes(file),
                mode="r",
                metadata_errors="replace",
                container_options={"format_whitelist": FORMATS, "protocol_whitelist": "none"},
            )
        except av.FFmpegError as cause:
            file.seek(0)
            raise _unopened(file.read(16)) from cause
        with container:
            yield container


def _unopened(head: bytes) -> NotAudio | DamagedRecording:
    if head[4:8] == b"ftyp":
        return DamagedRecording(
            "This recording was cut off before its index (the moov part) was written, so its sound cannot be found; "
            "copy or export it again."
        )
    for start, signature, name in SIGNATURES:
        if head[start : start + len(signature)] == signature:
            return DamagedRecording(f"This {name} file is damaged at its beginning; copy or export it again.")
    return NotAudio("This is not an audio or video file that can be read; choose a recording such as MP3, M4A or WAV.")


def _open_decoder(stream: AudioStream) -> None:
    codec = stream.codec_context
    if codec is None:
        raise UnsupportedAudio("No decoder is known for the sound in this file; convert it to MP3, M4A or WAV.")
    check_layout(stream.rate or 0, stream.channels)
    try:
        codec.open(strict=False)
    except av.FFmpegError as cause:
        raise UnsupportedAudio(
            f"The {codec.name} sound in this file cannot be decoded; convert it to MP3, M4A or WAV."
        ) from cause


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[list[AudioFrame] | None]:
    """The frames of each packet in turn; None where a packet could not be read or decoded."""
    read_errors = 0
    packets = container.demux(stream)
    while read_errors < MOST_READ_ERRORS:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError:
            read_errors += 1
            packets = container.demux(stream)
            yield None
            continue
        read_errors = 0
        try:
            yield stream.decode(packet)
        except av.FFmpegError:
            yield None


def _announced_s(path: Path, container: InputContainer, stream: AudioStream) -> float:
    """The length that the header promises, 0 where it promises none."""
    if stream.duration is None or stream.time_base is None:
        return (container.duration or 0) / av.time_base
    announced_s = float(stream.duration * stream.time_base)
    if container.format.name == "wav" and stream.bit_rate:
        announced_s += _wav_bytes_cut_off(path) * 8 / stream.bit_rate
    return announced_s


def _wav_bytes_cut_off(path: Path) -> int:
    """Bytes that a WAV's header counts and the file lacks; libav's length leaves them out."""
    with path.open("rb") as file:
        head = file.read(8)
    counted = int.from_bytes(head[4:], "little")
    # A program that writes to a pipe cannot know the size: it leaves 0 or the highest number.
    known = head[:4] == b"RIFF" and counted < LARGEST_KNOWN_WAV
    return max(0, counted + len(head) - path.stat().st_size) if known else 0


def _is_guess(path: Path, index: int, format_name: str) -> bool:
    """Whether libav computed the length from the file's size and the first bit rate it met, so that it means little."""
    if format_name != "mp3":
        return format_name in GUESSED_LENGTHS
    with open_container(path) as container:
        try:
            first_sound = next(container.demux(container.streams.audio[index])).pos or 0
        except av.FFmpegError:
            return True
    with path.open("rb") as file:
        file.seek(max(0, first_sound - LONGEST_MP3_FRAME))
        head = file.read(min(first_sound, LONGEST_MP3_FRAME))
    return not any(tag in head for tag in (b"Xing", b"Info", b"VBRI"))


def _packets_s(path: Path, index: int, enough_s: float) -> float:
    """Length of the track by its packets, not decoded; counting stops once it exceeds `enough_s`."""
    total_s = 0.0
    with open_container(path) as container:
        stream = container.streams.audio[index]
        try:
            for packet in container.demux(stream):
                total_s += float((packet.duration or 0) * packet.time_base)
                if total_s > enough_s:
                    break
        except av.FFmpegError:
            return total_s
    return total_s


def _lead_in_s(container: InputContainer, stream: AudioStream) -> float:
    """How much later than the picture the sound begins: a player shows that time, so the score has to keep it."""
    if stream.start_time is None or stream.time_base is None or container.start_time is None:
        return 0.0
    later_s = float(stream.start_time * stream.time_base) - container.start_time / av.time_base
    return later_s if 0 < later_s < LONGEST_GAP_S else 0.0
