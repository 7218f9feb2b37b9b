// Values of a control between its keys, as loki_core/timeline/curves.py has them. A key is a row of the report:
// [frame, value, interpolation, left handle, right handle]; a handle is [frames, value] from its key, null where it is automatic.
window.LokiCurves = class {
  static HALVINGS = 40; // of the Bezier parameter
  static STEEPEST = 3; // slope of an automatic handle over that of either chord beside it

  // Values at `frames`, which may lie between whole ones.
  static sample(keys, frames) {
    const segments = new Map();
    return frames.map((frame) => {
      const index = LokiCurves.before(keys, frame);
      const [first, second] = [keys[index], keys[index + 1]];
      if (!second || frame <= first[0]) return first[1];
      const time = (frame - first[0]) / (second[0] - first[0]);
      if (first[2] === "constant") return first[1];
      if (first[2] === "linear") return first[1] + time * (second[1] - first[1]);
      if (first[2] === "ease") return first[1] + time * time * (3 - 2 * time) * (second[1] - first[1]);
      if (!segments.has(index)) segments.set(index, LokiCurves.controlPoints(keys, index));
      return LokiCurves.bend(first[1], second[1], segments.get(index), time);
    });
  }

  // The last key at or before a frame; the first where there is none.
  static before(keys, frame) {
    let [low, high] = [0, keys.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (keys[middle][0] <= frame) low = middle;
      else high = middle;
    }
    return low;
  }

  static bernstein(t, a, b, c, d) {
    const s = 1 - t;
    return s * s * s * a + 3 * s * s * t * b + 3 * s * t * t * c + t * t * t * d;
  }

  static bend(from, to, [[first, low], [second, high]], time) {
    let [early, late] = [0, 1];
    for (let step = 0; step < LokiCurves.HALVINGS; step++) {
      const middle = (early + late) / 2;
      if (LokiCurves.bernstein(middle, 0, first, second, 1) < time) early = middle;
      else late = middle;
    }
    return LokiCurves.bernstein((early + late) / 2, from, low, high, to);
  }

  // Of a segment: time as a share of it, cut to 0..1, and value.
  static controlPoints(keys, index) {
    const [first, second] = [keys[index], keys[index + 1]];
    const length = second[0] - first[0];
    const [right, left] = [LokiCurves.handle(keys, index, 1), LokiCurves.handle(keys, index + 1, -1)];
    const cut = ([frames]) => Math.min(1, Math.abs(frames) / length);
    const scale = ([frames]) => Math.min(1, length / Math.max(Math.abs(frames), 1e-9));
    return [[cut(right), first[1] + right[1] * scale(right)], [1 - cut(left), second[1] + left[1] * scale(left)]];
  }

  // The handle of a key to its left (-1) or right (1), set or automatic; null where no key lies on that side.
  static handle(keys, index, side) {
    const [key, other] = [keys[index], keys[index + side]];
    if (!other) return null;
    const third = (other[0] - key[0]) / 3;
    return key[side < 0 ? 3 : 4] ?? [third, LokiCurves.slope(keys, index) * third];
  }

  // Of automatic handles: level at ends and turning points, else as the neighbours lie, but never too steep.
  static slope(keys, index) {
    const [before, here, after] = [keys[index - 1], keys[index], keys[index + 1]];
    if (!before || !after) return 0;
    const rise = (here[1] - before[1]) / (here[0] - before[0]);
    const fall = (after[1] - here[1]) / (after[0] - here[0]);
    if (rise * fall <= 0) return 0;
    const mean = (after[1] - before[1]) / (after[0] - before[0]);
    return Math.sign(mean) * Math.min(Math.abs(mean), LokiCurves.STEEPEST * Math.min(Math.abs(rise), Math.abs(fall)));
  }
};
