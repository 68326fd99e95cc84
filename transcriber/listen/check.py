"""Is this a recording that can be trusted? One sentence for each reason why not; never a refusal.

Only where hardly anything that the network answers is sure, and no tuning can be made out either, nothing is
trustworthy: speech, wind and machines leave such answers, and a page of them would be wrong from end to end.

Thresholds were set between clean recordings (8 excerpts of concert pianos, 570 openings of 1.7 s) and bad ones:
those excerpts clipped or in noise, speech, 41 environmental sounds, instruments other than the piano.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from transcriber.audio import OVERDRIVEN, Recording
from transcriber.listen.decode import Probabilities, peaks
from transcriber.listen.tuning import CERTAIN, Tuning
from transcriber.performance import Note, Performance

Samples = NDArray[np.float32]

# Probabilities in between say "perhaps"; for each key and frame that surely sounds, excerpts have 0.7 to 1.4 of them,
# in noise as loud as the piano 2.9, speech 4.9 and more, environmental sounds 3.5 to 480; 98 % of openings up to 2.5.
PERHAPS = (0.1, 0.9)
SURE = 0.5
MUCH_DOUBT = 3.0
ALL_DOUBT = 3.4
LIKELY = 0.6  # 3 s of noise may hold one note of 0.48; the surest note of each of 570 openings has 0.94 and more
NO_PIANO = 10.0  # whatever the tuning: ticking clocks have one
# Share of onsets that are faint, not clear: excerpts up to 0.22, in noise 0.48, openings up to 0.56; organ 0.64,
# speech 0.65, strings 0.74.
FAINT, CLEAR = 0.12, 0.4
MANY_FAINT = 0.6
FEWEST_FRAMES = 200  # 4 s: in the 1.7 s of an opening, with half a dozen notes, 4 % of real pianos are doubted
NEAR_PEAK = 0.9  # clean excerpts hold 4e-5 of their samples there, openings up to 0.015; 12 dB of clipping makes 0.08
CLIPPED_SHARE = 0.02
# As `signal_to_noise` measures: excerpts 23 to 39 dB, openings 22 and more; white noise 10 dB below the piano gives
# 18.5, 5 dB below 15, as loud as the piano 12.
NOISY_DB = 17.0
MISTUNED_CENTS = 25.0  # half way to where pitches become ambiguous; 99 % of openings lie within 15
SILENT_SHARE = 0.75  # of a recording, in stretches without a note of LONGEST_REST_S and more
LONGEST_REST_S = 10.0  # longer than any rest or fermata

WINDOW = 1024  # samples of the spectra in which noise is looked for
MOST_WINDOWS = 2000
LOWEST_BIN = 4  # 62 Hz: below it lie hum and rumble
BLOCK = 16  # bins, 250 Hz: in each the median bin lies between partials
QUIET_SHARE = 0.1


class Tally:
    """Counts how sure the answers of the network are while they pass by on their way to the decoder."""

    def __init__(self) -> None:
        self._frames = self._perhaps = self._sure = self._faint = self._clear = 0

    def passing(self, stretches: Iterable[Probabilities]) -> Iterator[Probabilities]:
        for stretch in stretches:
            onset, frame = stretch.onset.astype(np.float32), stretch.frame.astype(np.float32)
            self._frames += len(onset)
            self._perhaps += int(np.count_nonzero((frame > PERHAPS[0]) & (frame < PERHAPS[1])))
            self._sure += int(np.count_nonzero(frame > SURE))
            clear = int(np.count_nonzero(peaks(onset, CLEAR)))
            self._clear += clear
            self._faint += int(np.count_nonzero(peaks(onset, FAINT))) - clear
            yield stretch

    @property
    def doubt(self) -> float:
        """Doubtful answers for each sure one, about which keys sound; 0 where too little was heard to judge."""
        return self._perhaps / max(1, self._sure) if self._frames >= FEWEST_FRAMES else 0.0

    @property
    def faint_share(self) -> float:
        """Of all onsets, those too faint to be notes; 0 where too little was heard to judge."""
        return self._faint / max(1, self._faint + self._clear) if self._frames >= FEWEST_FRAMES else 0.0


def is_trustworthy(notes: Sequence[Note], tally: Tally, tuning: Tuning) -> bool:
    """Whether at least one note is likely right, and what was heard is not doubtful all over."""
    if not any(note.confidence >= LIKELY for note in notes):
        return False
    return tally.doubt < (ALL_DOUBT if tuning.certainty < CERTAIN else NO_PIANO)


def warnings(recording: Recording, performance: Performance, tally: Tally, tuning: Tuning) -> tuple[str, ...]:
    """One sentence for each thing that makes the notes doubtful, fit to show."""
    found = []
    if tally.doubt >= MUCH_DOUBT or tally.faint_share >= MANY_FAINT:
        found.append("This does not sound like a piano alone, so notes may be missed or invented.")
    if clipped_share(recording.samples) > CLIPPED_SHARE and OVERDRIVEN not in recording.warnings:
        found.append(OVERDRIVEN)
    if signal_to_noise(recording.samples) < NOISY_DB:
        found.append("The recording is noisy, so soft notes may be missed; record closer to the piano.")
    if tuning.certainty >= CERTAIN and abs(tuning.cents) >= MISTUNED_CENTS:
        side = "above" if tuning.cents > 0 else "below"
        found.append(
            f"The piano is tuned {abs(tuning.cents):.0f} cents {side} A4 = 440 Hz; its pitches are written as the "
            "nearest keys."
        )
    silent_s = silence_s(performance)
    if silent_s > SILENT_SHARE * performance.duration_s:
        found.append(f"Most of this recording is without music: {silent_s / performance.duration_s:.0%} of it.")
    return tuple(found)


def clipped_share(samples: Samples) -> float:
    """Share of the samples close to the loudest one: waves with their tops cut off stay there."""
    peak = max(float(samples.max()), -float(samples.min()))
    level = NEAR_PEAK * peak
    return (np.count_nonzero(samples > level) + np.count_nonzero(samples < -level)) / len(samples) if peak else 0.0


def signal_to_noise(samples: Samples) -> float:
    """Level of everything over that of the steady noise, in dB; too low by some dB for dense, pedalled music.

    Noise is what a frequency keeps even in its quietest tenth of the time, taken between the partials.
    """
    starts = np.arange(0, len(samples) - WINDOW, WINDOW // 2)
    if len(starts) < 1 / QUIET_SHARE:
        return np.inf
    starts = starts[np.linspace(0, len(starts) - 1, min(len(starts), MOST_WINDOWS)).astype(int)]
    hann = np.hanning(WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(samples[starts[:, None] + np.arange(WINDOW)] * hann, axis=1)[:, LOWEST_BIN:]) ** 2
    power = power[:, : power.shape[1] // BLOCK * BLOCK]
    quiet = np.quantile(power, QUIET_SHARE, axis=0).reshape(-1, BLOCK)
    noise = BLOCK * float(np.median(quiet, axis=1).sum())
    total = float(power.sum(axis=1).mean())
    return float(10 * np.log10(total / noise)) if noise > 0 and total > 0 else np.inf


def silence_s(performance: Performance) -> float:
    """Seconds in stretches of LONGEST_REST_S and more in which no note sounds."""
    silent, sounding_until_s = 0.0, 0.0
    ends_s = performance.sounding_offsets_s()
    starts_s = [*(note.onset_s for note in performance.notes), performance.duration_s]
    for start_s, end_s in zip(starts_s, [*ends_s, performance.duration_s], strict=True):
        rest_s = start_s - sounding_until_s
        silent += rest_s if rest_s >= LONGEST_REST_S else 0.0
        sounding_until_s = max(sounding_until_s, end_s)
    return silent
