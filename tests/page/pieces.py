"""Music for the page's tests."""

import numpy as np

from transcriber.performance import Note, Performance

BEAT_S = 0.5
BARS = (  # bass, chord and melody of each
    (48, (64, 67), (72, 74, 76)),
    (43, (62, 65), (74, 71, 67)),
    (45, (60, 64), (72, 76, 72)),
    (43, (62, 65), (71, 74, 79)),
)


def plain_waltz(bars: int) -> Performance:
    """A bass note and two chords in the left hand, a melody of three quarters in the right, at 120 a minute."""
    notes = []
    for bar in range(bars):
        bass, chord, melody = BARS[bar % len(BARS)]
        for beat in range(3):
            onset_s = (3 * bar + beat) * BEAT_S
            below = (bass,) if beat == 0 else tuple(pitch - 12 for pitch in chord)
            notes += [Note(onset_s, onset_s + 0.9 * BEAT_S, pitch, 60 - 10 * (beat > 0)) for pitch in below]
            notes.append(Note(onset_s, onset_s + 0.95 * BEAT_S, melody[beat], 80))
    notes.sort(key=lambda note: (note.onset_s, note.pitch))
    return Performance(tuple(notes), (), 3 * bars * BEAT_S)


def plucked(performance: Performance, rate: int) -> np.ndarray:
    """The sound of it, as of plucked strings: decaying partials. float32 (samples,)."""
    sound = np.zeros(round((performance.duration_s + 1.0) * rate))
    for note in performance.notes:
        seconds = np.arange(round((note.offset_s - note.onset_s + 0.1) * rate)) / rate
        hertz = 440.0 * 2 ** ((note.pitch - 69) / 12)
        partials = [k for k in range(1, 9) if k * hertz < rate / 2]
        tone = sum(np.sin(2 * np.pi * k * hertz * seconds) * np.exp(-2.0 * k**0.5 * seconds) / k for k in partials)
        begin = round(note.onset_s * rate)
        sound[begin : begin + len(seconds)] += 0.1 * note.velocity / 100 * tone
    return sound.astype(np.float32)
