// What can be undone and redone: states before and after the present one. Never changed, only followed by another.

const MOST = 500; // steps back

export const begin = (present) => ({ past: [], present, future: [] });
export const record = ({ past, present }, next) => ({ past: [...past, present].slice(-MOST), present: next, future: [] });

export function undone({ past, present, future }) {
  return { past: past.slice(0, -1), present: past.at(-1), future: [present, ...future] };
}

export function redone({ past, present, future }) {
  return { past: [...past, present], present: future[0], future: future.slice(1) };
}
