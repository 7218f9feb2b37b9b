// The graph: the same keys as points of curves, their value upwards. Controls of one unit share a scale; the axis is that of the
// curve that was touched last. What is dragged goes to the server at once, each time from where the gesture began.
window.LokiGraph = class {
  static NEAR = 8;
  static ROW = 16; // of the names
  static EDGE = 7; // pixels above and below the curves
  static WHOLE = [-0.04, 1.04]; // of the range of a unit
  static FARTHEST = 3; // ranges that are shown at most

  constructor(studio, view) {
    this.studio = studio;
    this.view = view;
    this.held = null; // what the pointer does: { kind, ... }
    this.space = null; // down since the last drag?
    this.reach = LokiGraph.WHOLE; // values shown, of the range of their unit
    this.touched = null; // the control whose values the axis shows
    this.scrolled = 0; // names above the first that is shown
    this.high = 0; // pixels of the canvas
  }

  // As high as its place.
  get down() {
    return 0;
  }

  // --- which curves, and where -------------------------------------------------------------------------------------
  get names() {
    const names = Object.keys(this.view.tracks);
    const chosen = names.filter((name) => this.view.rows.has(name));
    return chosen.length ? chosen : names;
  }

  get focus() {
    return this.names.includes(this.touched) ? this.touched : this.names[0];
  }

  // Ends of the scale that a control shares with all shown ones of its unit.
  scale(name) {
    const { controls } = this.view;
    const alike = this.names.map((other) => controls.get(other)).filter(({ unit }) => unit === controls.get(name).unit);
    return [Math.min(...alike.map(({ low }) => low)), Math.max(...alike.map(({ high }) => high))];
  }

  get top() {
    return LokiKeyView.RULER + LokiGraph.EDGE;
  }

  get tall() {
    return this.high - this.top - LokiGraph.EDGE;
  }

  yOf(name, value) {
    const [low, high] = this.scale(name);
    const [from, to] = this.reach;
    return this.top + (1 - ((value - low) / (high - low) - from) / (to - from)) * this.tall;
  }

  valueAt(name, y) {
    const [low, high] = this.scale(name);
    const [from, to] = this.reach;
    return low + (from + (1 - (y - this.top) / this.tall) * (to - from)) * (high - low);
  }

  // Handles of a selected key that bend a curve: side and place on the canvas.
  levers(name, index) {
    const keys = this.view.tracks[name];
    const [frame, value] = keys[index];
    if (!this.view.selected.has(LokiKeyView.id(name, frame))) return [];
    return [-1, 1].flatMap((side) => {
      const handle = LokiCurves.handle(keys, index, side);
      const bent = keys[side < 0 ? index - 1 : index]?.[2] === "bezier";
      return handle && bent ? [{ side, x: this.view.xOf(frame + handle[0]), y: this.yOf(name, value + handle[1]) }] : [];
    });
  }

  // What lies under a point, or null: what is selected before the rest.
  find(x, y) {
    let best = null;
    const consider = (found, atX, atY, rank) => {
      const distance = Math.hypot(atX - x, atY - y);
      if (distance > LokiGraph.NEAR) return;
      if (!best || rank < best.rank || (rank === best.rank && distance < best.distance)) best = { ...found, distance, rank };
    };
    for (const name of this.names)
      this.view.tracks[name].forEach(([frame, value], index) => {
        const [atX, atY] = [this.view.xOf(frame), this.yOf(name, value)];
        const rank = this.view.selected.has(LokiKeyView.id(name, frame)) ? 0 : 1;
        consider({ kind: "key", name, frame, value }, atX, atY, rank);
        for (const lever of this.levers(name, index)) consider({ kind: "lever", name, index, ...lever }, lever.x, lever.y, 0);
      });
    return best;
  }

  // The curve that passes a point, or null.
  curveAt(x, y) {
    const frame = this.view.frameAt(x);
    const away = (name) => Math.abs(this.yOf(name, LokiCurves.sample(this.view.tracks[name], [frame])[0]) - y);
    const nearest = this.names.reduce((best, name) => (best && away(best) <= away(name) ? best : name), null);
    return nearest && away(nearest) <= LokiGraph.NEAR ? nearest : null;
  }

  // --- the hand ----------------------------------------------------------------------------------------------------
  press(x, y, event) {
    const { view } = this;
    if (x < LokiKeyView.LABEL - LokiGraph.NEAR) {
      const name = Object.keys(view.tracks)[Math.floor((y - LokiKeyView.RULER) / LokiGraph.ROW) + this.scrolled];
      if (!name) return;
      view.pickRow(name, event);
      this.touched = name;
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
      const [from, to] = this.scale(this.names.includes(other) ? other : name);
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
    const [keyX, keyY] = [view.xOf(key[0]), this.yOf(name, key[1])];
    const farthest = Math.abs(keys[index + side][0] - key[0]) * view.pixels;
    const aside = side * Math.min(farthest, Math.max(0, side * (x + held.dx - keyX)));
    const up = y + held.dy - keyY;
    const toHandle = (dx, dy) => [dx / view.pixels, this.valueAt(name, keyY + dy) - key[1]];
    const own = toHandle(aside, up);
    const opposite = LokiCurves.handle(keys, index, -side) ?? [-own[0], -own[1]];
    const length = Math.hypot(aside, up);
    const kept = Math.hypot(opposite[0] * view.pixels, this.yOf(name, key[1] + opposite[1]) - keyY);
    const other = event.altKey || length < 1 ? opposite : toHandle((-aside / length) * kept, (-up / length) * kept);
    const [left, right] = side < 0 ? [own, other] : [other, own];
    view.preview = { ...tracks, [name]: keys.with(index, [...key.slice(0, 3), left, right]) };
    this.studio.edit({ do: "keys", op: "handle", name, frame: key[0], left, right, gesture });
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

  boxed({ x, y, toX, toY }) {
    const inside = (at, one, other) => at >= Math.min(one, other) - 2 && at <= Math.max(one, other) + 2;
    return this.names.flatMap((name) => this.view.tracks[name].flatMap(([frame, value]) =>
      inside(this.view.xOf(frame), x, toX) && inside(this.yOf(name, value), y, toY) ? [LokiKeyView.id(name, frame)] : []));
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
    const factor = Math.min(LokiGraph.FARTHEST / (to - from), Math.max(0.01 / (to - from), 1.2 ** turned));
    const under = from + (1 - (y - this.top) / this.tall) * (to - from);
    this.reach = [from, to].map((end) => under + (end - under) * factor);
  }

  get rows() {
    return Math.floor((this.high - LokiKeyView.RULER) / LokiGraph.ROW);
  }

  scroll(rows) {
    const most = Math.max(0, Object.keys(this.view.tracks).length - this.rows);
    this.scrolled = Math.min(most, Math.max(0, this.scrolled + rows));
  }

  // The selected keys, or all, and what lies between them; what fits already gives way to the whole.
  fit() {
    const { view } = this;
    const before = JSON.stringify([view.span, this.reach]);
    const some = view.selected.size > 1;
    const chosen = this.names.map((name) => [name, view.tracks[name]
      .filter(([frame]) => !some || view.selected.has(LokiKeyView.id(name, frame))).map(([frame]) => frame)]);
    const frames = chosen.flatMap(([, own]) => own);
    if (!frames.length) return;
    const [first, last] = [Math.min(...frames), Math.max(...frames)];
    const margin = Math.max(1, (last - first) * 0.05);
    view.show(first - margin, last + 1 + margin);
    const steps = Array.from({ length: 257 }, (_, step) => first + ((last - first) * step) / 256);
    const shares = chosen.filter(([, own]) => own.length).flatMap(([name]) => {
      const [low, high] = this.scale(name);
      return LokiCurves.sample(view.tracks[name], steps).map((value) => (value - low) / (high - low));
    });
    const [least, most] = [Math.min(...shares), Math.max(...shares)];
    const room = Math.max(0.05, (most - least) * 0.08);
    this.reach = [least - room, most + room];
    if (JSON.stringify([view.span, this.reach]) !== before) return;
    view.span = null;
    this.reach = LokiGraph.WHOLE;
  }

  // --- drawing -----------------------------------------------------------------------------------------------------
  draw(pen, colour, down) {
    const { view } = this;
    this.high = down;
    this.scroll(0);
    view.clip(pen, down, () => view.drawRuler(pen, colour, down));
    this.drawNames(pen, colour);
    if (this.focus) this.drawAxis(pen, colour);
    pen.save();
    pen.beginPath();
    pen.rect(LokiKeyView.LABEL - LokiGraph.NEAR, LokiKeyView.RULER, view.width + 2 * LokiGraph.NEAR, down - LokiKeyView.RULER);
    pen.clip();
    for (const name of this.names) this.drawCurve(pen, name);
    for (const name of this.names) this.drawKeys(pen, colour, name);
    pen.restore();
    view.clip(pen, down, () => view.drawPlayhead(pen, colour, down));
    if (this.held?.kind === "box") view.drawBox(pen, colour, this.held);
    if (this.held?.text) this.drawText(pen, colour);
  }

  drawNames(pen, colour) {
    const shown = new Set(this.names);
    pen.textAlign = "left";
    Object.keys(this.view.tracks).slice(this.scrolled, this.scrolled + this.rows).forEach((name, row) => {
      const y = LokiKeyView.RULER + (row + 0.5) * LokiGraph.ROW;
      pen.globalAlpha = shown.has(name) ? 1 : 0.45;
      pen.fillStyle = this.view.colour(name);
      pen.beginPath();
      pen.roundRect(4, y - 4, 8, 8, 2);
      pen.fill();
      pen.fillStyle = colour("--ls-text");
      pen.fillText(this.short(pen, this.view.controls.get(name).label, 94), 17, y + 4);
    });
    pen.globalAlpha = 1;
  }

  short(pen, text, width) {
    if (pen.measureText(text).width <= width) return text;
    let length = text.length;
    while (pen.measureText(`${text.slice(0, length)}…`).width > width) length--;
    return `${text.slice(0, length).trimEnd()}…`;
  }

  drawAxis(pen, colour) {
    const { view, focus } = this;
    const { low, high, words } = view.controls.get(focus);
    const [least, most] = [this.valueAt(focus, this.top + this.tall), this.valueAt(focus, this.top)];
    const finest = ((most - least) / this.tall) * 24;
    const power = 10 ** Math.floor(Math.log10(finest));
    const step = [1, 2, 5, 10].map((times) => times * power).find((every) => every >= finest * 0.999);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    pen.textAlign = "right";
    pen.fillStyle = view.colour(focus);
    pen.fillText(words, LokiKeyView.LABEL - 18, 12);
    for (let tick = Math.ceil(least / step - 1e-6); tick * step <= most + 1e-6 * step; tick++) {
      const y = Math.round(this.yOf(focus, tick * step));
      pen.fillStyle = colour("--ls-line");
      pen.fillRect(LokiKeyView.LABEL, y, view.width, 1);
      pen.fillStyle = colour("--ls-dim");
      pen.fillText((tick * step || 0).toFixed(digits).replace("-", "−"), LokiKeyView.LABEL - 10, y + 4);
    }
    pen.fillStyle = colour("--ls-dim");
    for (const end of [low, high]) {
      const y = Math.round(this.yOf(focus, end));
      if (y >= LokiKeyView.RULER) for (let x = LokiKeyView.LABEL; x < this.view.across - LokiKeyView.END; x += 6) pen.fillRect(x, y, 2, 1);
    }
  }

  // A point a pixel, and every key.
  drawCurve(pen, name) {
    const { view } = this;
    const keys = view.tracks[name];
    const pixels = Array.from({ length: Math.ceil(view.width) + 1 }, (_, x) => view.frameAt(LokiKeyView.LABEL + x));
    const [first, last] = [pixels[0], pixels.at(-1)];
    const inside = keys.map(([frame]) => frame).filter((frame) => frame > first && frame < last);
    const steps = inside.map((frame) => frame - 1e-6); // held until just before the next key
    const frames = [...pixels, ...inside, ...steps].sort((a, b) => a - b);
    const values = LokiCurves.sample(keys, frames);
    pen.strokeStyle = view.colour(name);
    pen.lineWidth = name === this.focus ? 2 : 1.4;
    pen.lineJoin = "round";
    pen.beginPath();
    frames.forEach((frame, index) => pen.lineTo(view.xOf(frame), this.yOf(name, values[index])));
    pen.stroke();
  }

  drawKeys(pen, colour, name) {
    const { view } = this;
    const hue = view.colour(name);
    view.tracks[name].forEach(([frame, value], index) => {
      const [x, y] = [view.xOf(frame), this.yOf(name, value)];
      pen.strokeStyle = colour("--ls-dim");
      pen.lineWidth = 1;
      for (const lever of this.levers(name, index)) {
        pen.beginPath();
        pen.moveTo(x, y);
        pen.lineTo(lever.x, lever.y);
        pen.stroke();
        pen.beginPath();
        pen.arc(lever.x, lever.y, 3, 0, 7);
        pen.fillStyle = colour("--ls-panel");
        pen.fill();
        pen.stroke();
      }
      const chosen = view.selected.has(LokiKeyView.id(name, frame));
      pen.beginPath();
      pen.arc(x, y, chosen ? 4.5 : 3.5, 0, 7);
      pen.fillStyle = hue;
      pen.strokeStyle = colour(chosen ? "--ls-text" : "--ls-panel");
      pen.lineWidth = chosen ? 1.75 : 1;
      pen.fill();
      pen.stroke();
    });
  }

  describe(name, frame, value) {
    const { label, low, high } = this.view.controls.get(name);
    return `${label} ${value.toFixed(high - low > 2 ? 1 : 2)} · ${frame}`;
  }

  drawText(pen, colour) {
    const { text, atX, atY } = this.held;
    pen.textAlign = "left";
    const width = pen.measureText(text).width + 14;
    const x = Math.min(atX + 14, this.view.across - width - 4);
    const y = Math.max(2, atY - 28);
    pen.fillStyle = colour("--ls-panel");
    pen.strokeStyle = colour("--ls-line");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.roundRect(x, y, width, 20, 5);
    pen.fill();
    pen.stroke();
    pen.fillStyle = colour("--ls-text");
    pen.fillText(text, x + 7, y + 14);
  }
};
