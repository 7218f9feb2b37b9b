// The dope sheet: a row of keys a control, and one of all. A key is selected with a click, several with a box or Shift; dragging
// moves them, with Alt it spreads them about the first.
window.LokiSheet = class {
  static ROW = 17;
  static NEAR = 6;

  constructor(studio, view, change) {
    this.studio = studio;
    this.view = view;
    this.change = change; // what becomes of the selected keys
    this.held = null; // what the pointer does: { kind, ... }
  }

  get down() {
    return LokiKeyView.RULER + this.rows.length * LokiSheet.ROW + 4;
  }

  // First all keys together, then one row a control.
  get rows() {
    const all = Object.entries(this.view.tracks);
    const every = [...new Set(all.flatMap(([, keys]) => keys.map(([frame]) => frame)))].sort((a, b) => a - b);
    return [[null, every], ...all.map(([name, keys]) => [name, keys.map(([frame]) => frame)])];
  }

  yOf(row) {
    return LokiKeyView.RULER + (row + 0.5) * LokiSheet.ROW;
  }

  // Every key that lies under a point of a row: of the first row those of all controls.
  under(row, frame) {
    return Object.entries(this.view.tracks).flatMap(([name, keys]) =>
      (row === null || row === name) && keys.some(([at]) => at === frame) ? [LokiKeyView.id(name, frame)] : []);
  }

  hit(x, [name, frames]) {
    const frame = frames.find((at) => Math.abs(this.view.xOf(at) - x) <= LokiSheet.NEAR);
    return frame === undefined ? null : { keys: this.under(name, frame), frame };
  }

  // Where a selected key is shown while it is being dragged.
  shown(key, frame) {
    const { held } = this;
    if (held?.kind !== "move" || !this.view.selected.has(key)) return frame;
    return held.factor ? Math.round(held.pivot + (frame - held.pivot) * held.factor) : frame + held.by;
  }

  // --- the hand ----------------------------------------------------------------------------------------------------
  press(x, y, event) {
    const { view } = this;
    const row = this.rows[Math.floor((y - LokiKeyView.RULER) / LokiSheet.ROW)];
    if (x < LokiKeyView.LABEL - LokiSheet.NEAR) return row && view.pickRow(row[0], event);
    const found = row && this.hit(x, row);
    if (!found) {
      if (!event.shiftKey) view.selected.clear();
      this.held = { kind: "box", x, y, toX: x, toY: y };
      return;
    }
    view.pick(found.keys, event);
    const pivot = Math.min(...view.pairs.map(([, frame]) => frame));
    this.held = { kind: "move", x, frame: found.frame, by: 0, factor: null, pivot };
  }

  move(x, y, event) {
    const { held } = this;
    if (held?.kind === "box") Object.assign(held, { toX: x, toY: y });
    if (held?.kind !== "move") return;
    const by = Math.round((x - held.x) / this.view.pixels);
    const reach = held.frame - held.pivot;
    held.by = Math.max(by, -held.pivot);
    held.factor = event.altKey && reach > 0 ? Math.max(0.05, (reach + by) / reach) : null;
  }

  release() {
    const { held, view } = this;
    const choose = (to) => (view.selected = new Set(view.pairs.map(([name, frame]) => LokiKeyView.id(name, to(frame)))));
    if (held?.kind === "box") for (const key of this.boxed(held)) view.selected.add(key);
    if (held?.kind === "move" && held.factor && held.factor !== 1) {
      const { pivot, factor } = held;
      this.change("scale", { pivot, factor });
      choose((frame) => Math.round(pivot + (frame - pivot) * factor));
    } else if (held?.kind === "move" && held.by) {
      this.change("move", { by: held.by });
      choose((frame) => frame + held.by);
    }
    this.held = null;
  }

  boxed({ x, y, toX, toY }) {
    const inside = (at, one, other) => at >= Math.min(one, other) - 2 && at <= Math.max(one, other) + 2;
    return this.rows.flatMap(([name, frames], row) => (inside(this.yOf(row), y, toY)
      ? frames.filter((frame) => inside(this.view.xOf(frame), x, toX)).flatMap((frame) => this.under(name, frame)) : []));
  }

  fit() {
    this.view.span = null;
  }

  // --- drawing -----------------------------------------------------------------------------------------------------
  draw(pen, colour, down) {
    const { view } = this;
    view.clip(pen, down, () => {
      view.drawRuler(pen, colour, down);
      view.drawPlayhead(pen, colour, down);
    });
    this.rows.forEach(([name, frames], row) => this.drawRow(pen, colour, name, frames, this.yOf(row)));
    if (this.held?.kind === "box") view.drawBox(pen, colour, this.held);
  }

  drawRow(pen, colour, name, frames, y) {
    const { view } = this;
    pen.fillStyle = colour("--ls-line");
    pen.fillRect(LokiKeyView.LABEL, y, view.width, 1);
    pen.fillStyle = colour(view.rows.has(name) ? "--ls-accent" : name ? "--ls-text" : "--ls-dim");
    pen.textAlign = "left";
    pen.fillText(name ? view.controls.get(name).label : this.studio.words.keys_all, 6, y + 4, LokiKeyView.LABEL - 12);
    const places = name === null
      ? Object.entries(view.tracks).flatMap(([own, keys]) => keys.map(([frame]) => [LokiKeyView.id(own, frame), frame]))
      : frames.map((frame) => [LokiKeyView.id(name, frame), frame]);
    const last = (key) => view.selected.has(key[0]);
    view.clip(pen, y + LokiSheet.ROW, () => {
      for (const [key, frame] of places.sort((a, b) => last(a) - last(b))) {
        const x = view.xOf(this.shown(key, frame));
        pen.beginPath();
        for (const [dx, dy] of [[0, -5], [5, 0], [0, 5], [-5, 0]]) pen.lineTo(x + dx, y + dy);
        pen.closePath();
        pen.fillStyle = view.selected.has(key) ? colour("--ls-accent") : colour(name ? "--ls-text" : "--ls-dim");
        pen.strokeStyle = colour("--ls-panel"); // apart from the playhead and from its neighbours
        pen.lineWidth = 3;
        pen.stroke();
        pen.fill();
      }
    });
  }
};
