// What the hand does on the graph: drags keys and their handles, boxes, adds, zooms and moves. What is dragged goes to the server at
// once, each time from where the gesture began.
window.LokiGraph = class extends LokiPlot {
  static FARTHEST = 3; // ranges of values that are shown at most
  static FINEST = 0.01; // and at least

  constructor(studio, view) {
    super(studio, view);
    this.space = null; // true while it is down, false once something was dragged since
  }

  press(x, y, event) {
    const { view } = this;
    if (x < LokiKeyView.LABEL - LokiGraph.NEAR) {
      const name = Object.keys(view.tracks)[Math.floor((y - LokiKeyView.RULER) / LokiGraph.ROW) + this.scrolled];
      if (!name) return;
      view.pickRow(name, event);
      this.touched = name;
      this.keepShown();
      return;
    }
    if (event.button === 1 || this.space !== null) {
      this.space = this.space === null ? null : false;
      this.held = { kind: "pan", x, y, shown: view.shown, reach: this.reach };
      return;
    }
    const found = this.find(x, y);
    this.touched = found?.name ?? this.curveAt(x, y) ?? this.touched;
    if (!found) {
      if (!event.shiftKey) view.selected.clear();
      this.held = { kind: "box", x, y, toX: x, toY: y };
      return;
    }
    const start = { x, y, tracks: view.tracks, gesture: this.studio.newGesture() };
    if (found.kind === "lever") {
      this.held = { ...found, ...start, dx: found.x - x, dy: found.y - y };
      return;
    }
    const key = LokiKeyView.id(found.name, found.frame);
    const drop = event.shiftKey && view.selected.has(key) ? key : null; // unless it is dragged
    if (!drop) view.pick([key], event);
    this.held = { ...found, ...start, keys: view.pairs, drop };
  }

  move(x, y, event) {
    const { held } = this;
    if (!held) return;
    if (held.kind === "box") Object.assign(held, { toX: x, toY: y });
    if (held.kind === "pan") this.pan(x, y);
    if (held.kind === "key") this.moveKeys(x, y, event);
    if (held.kind === "lever") this.moveLever(x, y, event);
  }

  pan(x, y) {
    const { shown, reach } = this.held;
    const frames = (this.held.x - x) / this.view.pixels;
    const values = ((y - this.held.y) / this.tall) * (reach[1] - reach[0]);
    this.view.show(shown[0] + frames, shown[1] + frames);
    this.reach = reach.map((end) => end + values);
  }

  // Shift: in time or in value only, whichever is more; Ctrl: to tenths of the control's range.
  moveKeys(x, y, event) {
    const { held, view } = this;
    const { name, value, keys, tracks, gesture } = held;
    const { unit, low, high } = view.controls.get(name);
    let [dx, dy] = [x - held.x, y - held.y];
    if (event.shiftKey) [dx, dy] = Math.abs(dx) > Math.abs(dy) ? [dx, 0] : [0, dy];
    const ends = this.scale(name);
    let amount = (-dy / this.tall) * (this.reach[1] - this.reach[0]) * (ends[1] - ends[0]);
    if ((event.ctrlKey || event.metaKey) && dy) {
      const tenth = (high - low) / 10;
      amount = low + Math.round((value + amount - low) / tenth) * tenth - value;
    }
    const by = Math.max(Math.round(dx / view.pixels), -Math.min(...keys.map(([, frame]) => frame)));
    if (!held.moved && !by && !amount) return;
    const share = amount / (ends[1] - ends[0]);
    const amounts = { [unit]: amount };
    for (const [other] of keys) {
      const [from, to] = this.scale(other);
      amounts[view.controls.get(other).unit] ??= share * (to - from);
    }
    view.preview = this.moved(tracks, keys, by, amounts);
    view.selected = new Set(keys.map(([own, frame]) => LokiKeyView.id(own, frame + by)));
    const now = Math.min(high, Math.max(low, value + amount));
    Object.assign(held, { moved: true, text: this.describe(name, held.frame + by, now), atX: x, atY: y });
    this.studio.edit({ do: "keys", op: "value", keys, by, amounts, gesture });
  }

  // As shift_keys in loki_core/timeline/tracks.py.
  moved(tracks, keys, by, amounts) {
    const chosen = new Set(keys.map(([name, frame]) => LokiKeyView.id(name, frame)));
    return Object.fromEntries(Object.entries(tracks).map(([name, rows]) => {
      const { unit, low, high } = this.view.controls.get(name);
      const taken = (row) => chosen.has(LokiKeyView.id(name, row[0]));
      const within = (value) => Math.min(high, Math.max(low, value));
      const gone = rows.filter(taken).map(([frame, value, ...rest]) => [frame + by, within(value + amounts[unit]), ...rest]);
      const all = new Map([...rows.filter((row) => !taken(row)), ...gone].map((row) => [row[0], row]));
      return [name, [...all.values()].sort((a, b) => a[0] - b[0])];
    }));
  }

  // The other handle stays in line at its own length; with Alt it stays as it is.
  moveLever(x, y, event) {
    const { held, view } = this;
    const { name, index, side, tracks, gesture } = held;
    const keys = tracks[name];
    const key = keys[index];
    const yOf = this.heights(name);
    const [keyX, keyY] = [view.xOf(key[0]), yOf(key[1])];
    const farthest = Math.abs(keys[index + side][0] - key[0]) * view.pixels;
    const aside = side * Math.min(farthest, Math.max(0, side * (x + held.dx - keyX)));
    const up = y + held.dy - keyY;
    const toHandle = (dx, dy) => [dx / view.pixels, this.valueAt(name, keyY + dy) - key[1]];
    const own = toHandle(aside, up);
    const opposite = LokiCurves.handle(keys, index, -side) ?? [-own[0], -own[1]];
    const length = Math.hypot(aside, up);
    const kept = Math.hypot(opposite[0] * view.pixels, yOf(key[1] + opposite[1]) - keyY);
    const other = event.altKey || length < 1 ? opposite : toHandle((-aside / length) * kept, (-up / length) * kept);
    const [left, right] = side < 0 ? [own, other] : [other, own];
    view.preview = { ...tracks, [name]: keys.with(index, [...key.slice(0, 3), left, right]) };
    this.studio.edit({ do: "keys", op: "handle", name, frame: key[0], left, right, gesture });
  }

  cursor(x, y) {
    if (this.space !== null || this.held?.kind === "pan") return "grab";
    return x < LokiKeyView.LABEL - LokiGraph.NEAR || this.find(x, y) ? "pointer" : "default";
  }

  release() {
    const { held, view } = this;
    if (held?.kind === "box") for (const key of this.boxed(held)) view.selected.add(key);
    if (held?.drop && !held.moved) view.selected.delete(held.drop);
    this.held = null;
  }

  // The keys as the server has them are shown again once it has had the last edit.
  settle() {
    if (!this.held && !this.studio.edits.length) this.view.preview = null;
  }

  // A key of the curve under a point, which leads on as the one before it does.
  add(x, y) {
    const name = this.find(x, y) ? null : this.curveAt(x, y);
    if (!name) return;
    const frame = this.view.frameOf(x);
    const keys = this.view.tracks[name];
    const { low, high } = this.view.controls.get(name);
    const value = Math.min(high, Math.max(low, LokiCurves.sample(keys, [frame])[0]));
    const kind = keys[LokiCurves.before(keys, frame)][2];
    if (frame < 0 || keys.some(([at]) => at === frame)) return;
    this.studio.edit({ do: "keys", op: "paste", copied: [[name, 0, value, kind, null, null]], frame });
  }

  wheel(x, y, event) {
    const turned = (event.deltaY || event.deltaX) / (event.deltaMode ? 3 : 100);
    if (x < LokiKeyView.LABEL - LokiGraph.NEAR) return this.scroll(Math.sign(turned));
    if (!event.shiftKey) return this.view.zoomAt(x, 1.2 ** turned);
    const [from, to] = this.reach;
    const factor = Math.min(LokiGraph.FARTHEST / (to - from), Math.max(LokiGraph.FINEST / (to - from), 1.2 ** turned));
    const under = from + (1 - (y - this.top) / this.tall) * (to - from);
    this.reach = [from, to].map((end) => under + (end - under) * factor);
  }

  describe(name, frame, value) {
    const { label, low, high } = this.view.controls.get(name);
    return `${label} ${value.toFixed(high - low > 2 ? 1 : 2)} · ${frame}`;
  }
};
