// The tone of one piano key by addition: stiff strings, struck by a felt hammer, two of them slightly apart so that
// they beat and ring on after the first loudness is gone. Nothing is recorded; every number below is a physical one.

export const RATE = 24000; // samples a second: partials up to 11 kHz, beyond which a piano has little
const HIGHEST_HZ = 11000;
const LONGEST_S = 6.5;
const INAUDIBLE = 1e-4; // -80 dB of a strong partial
const STRIKE_PLACE = 0.122; // of the string's length, about one eighth on most grands
const APART_CENTS = 0.7; // between the strings of one key: slow beats, no honky-tonk

// B in f_n = n f sqrt(1 + B n^2): bass and treble bridge, after Rigaud, David and Daudet (JASA 133, 2013).
const inharmonicity = (pitch) => Math.exp(-0.0847 * pitch - 5.82) + Math.exp(0.0926 * pitch - 13.64);

const frequencyOf = (pitch) => 440 * 2 ** ((pitch - 69) / 12);

// Seconds until the fundamental has fallen by a factor e, of the long ringing: 6 s in the bass to 0.15 s at the top.
const ringing = (pitch) => 6 * 2 ** (-Math.max(0, pitch - 30) / 14.5);

// A repeatable noise in -1..1, so that a key always sounds the same.
function noise(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2147483648 - 1;
  };
}

// Two channels of float32 for the key of this MIDI pitch, struck hard; softer strokes are filtered when played.
export function tone(pitch) {
  const random = noise(9781 * pitch);
  const tau = ringing(pitch);
  const length = Math.round(RATE * Math.min(LONGEST_S, 3.2 * tau + 0.4));
  const channels = [new Float32Array(length), new Float32Array(length)];
  for (const partial of partials(pitch, tau)) addPartial(channels, partial, random);
  addHammer(channels, pitch, random);
  finish(channels, pitch);
  return channels;
}

function partials(pitch, tau) {
  const fundamental = frequencyOf(pitch);
  const stiffness = inharmonicity(pitch);
  // What the felt lets through: the hammer is soft and heavy in the bass, hard and light in the treble.
  const felt = 1100 + 26 * Math.max(0, pitch - 21) + fundamental * 1.6;
  // A soundboard gives the lowest notes little of their fundamental.
  const board = (hz) => 1 / (1 + (75 / hz) ** 2.2);
  const found = [];
  for (let number = 1; number <= 48; number += 1) {
    const hz = number * fundamental * Math.sqrt(1 + stiffness * number * number);
    if (hz > HIGHEST_HZ) break;
    const struck = Math.abs(Math.sin(Math.PI * number * STRIKE_PLACE)) + 0.06;
    const level = (struck * board(hz) * Math.exp(-hz / felt)) / number ** 0.35;
    const fading = 1 / tau + 0.085 * (number - 1) * (1 / tau) + (hz / 5200) ** 2; // 1/s: air and inner friction
    if (level > INAUDIBLE) found.push({ hz, level, fading });
  }
  return found;
}

// Two strings: the one fades fast (they move together and feed the bridge), the other rings on.
function addPartial(channels, { hz, level, fading }, random) {
  const cents = APART_CENTS * (0.7 + 0.6 * Math.abs(random()));
  for (const [string, share, speed] of [
    [-0.5, 0.74, 2.9],
    [0.5, 0.26, 0.85],
  ]) {
    const turn = (2 * Math.PI * hz * 2 ** ((string * cents) / 1200)) / RATE;
    const shrink = Math.exp((-fading * speed) / RATE);
    const side = 0.5 + 0.22 * random();
    const phase = Math.PI * random();
    ring(channels, turn, shrink, level * share, Math.cos(phase), Math.sin(phase), side);
  }
}

// A decaying sine by turning a vector: four products a sample instead of a sine.
function ring(channels, turn, shrink, level, cosine, sine, side) {
  const [left, right] = channels;
  const [stepCos, stepSin] = [shrink * Math.cos(turn), shrink * Math.sin(turn)];
  const [toLeft, toRight] = [2 * (1 - side), 2 * side];
  let [x, y] = [level * cosine, level * sine];
  let power = level;
  for (let place = 0; place < left.length && power > INAUDIBLE / 3; place += 1) {
    left[place] += toLeft * y;
    right[place] += toRight * y;
    [x, y] = [x * stepCos - y * stepSin, x * stepSin + y * stepCos];
    power *= shrink;
  }
}

// The knock of key and hammer: a dull thump of the frame, and a short brightness that the treble needs most.
function addHammer([left, right], pitch, random) {
  const high = Math.max(0, (pitch - 48) / 60);
  let [dull, bright] = [0, 0];
  const loudest = Math.max(...[left, right].map((channel) => peakOf(channel, RATE / 10)));
  for (let place = 0; place < Math.min(left.length, RATE * 0.12); place += 1) {
    const at = place / RATE;
    const white = random();
    dull += 0.045 * (white - dull);
    bright += 0.5 * (white - bright);
    const knock = 0.5 * dull * Math.exp(-at / 0.024) + (0.035 + 0.11 * high) * bright * Math.exp(-at / 0.0055);
    left[place] += loudest * knock;
    right[place] += loudest * knock * 0.9;
  }
}

function peakOf(channel, upTo) {
  let peak = 0;
  for (let place = 0; place < Math.min(channel.length, upTo); place += 1) peak = Math.max(peak, Math.abs(channel[place]));
  return peak;
}

// The felt's contact time as a soft start, an end that fades, and one loudness for all keys.
function finish(channels, pitch) {
  const contact = RATE * (0.0006 + 0.0032 * 2 ** (-(pitch - 21) / 22));
  const fade = RATE * 0.35;
  let energy = 0;
  const counted = Math.min(channels[0].length, Math.round(RATE * 0.4));
  for (const channel of channels) {
    for (let place = 0; place < contact; place += 1) channel[place] *= 0.5 - 0.5 * Math.cos((Math.PI * place) / contact);
    for (let place = 1; place <= fade && place < channel.length; place += 1) channel[channel.length - place] *= place / fade;
    for (let place = 0; place < counted; place += 1) energy += channel[place] ** 2;
  }
  const gain = 0.1 / Math.sqrt(energy / (2 * counted));
  const loudest = Math.max(...channels.map((channel) => peakOf(channel, RATE)));
  const limited = Math.min(gain, 0.85 / loudest);
  for (const channel of channels) for (let place = 0; place < channel.length; place += 1) channel[place] *= limited;
}
