// What a door hears and feels: without looking at the screen, yes, look, and no are told apart.
const TONES = {
  good: [[880, 0.09], [1320, 0.16]],
  check: [[660, 0.12], [0, 0.06], [660, 0.12]],
  bad: [[196, 0.5]],
};
const SHAKES = { good: [80], check: [80, 60, 80], bad: [350] };

let context = null;

/** Sounds are allowed only after the person has touched something: call it from there. */
export function wake() {
  context ??= globalThis.AudioContext ? new AudioContext() : null;
  context?.resume();
}

export function signal(kind, { sound }) {
  navigator.vibrate?.(SHAKES[kind]);
  if (!sound || context?.state !== "running") return;
  let at = context.currentTime;
  for (const [pitch, seconds] of TONES[kind]) {
    if (pitch) beep(pitch, at, seconds, kind === "bad" ? "square" : "sine");
    at += seconds;
  }
}

function beep(pitch, at, seconds, type) {
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.type = type;
  tone.frequency.value = pitch;
  volume.gain.setValueAtTime(0.35, at);
  volume.gain.exponentialRampToValueAtTime(0.001, at + seconds);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + seconds);
}
