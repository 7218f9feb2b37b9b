// What the dope sheet and the graph share: where frames lie, which keys and rows are selected, and the keys as the hand that
// holds them sees them before the server has answered.
window.LokiKeyView = class {
  static LABEL = 150; // pixels left of the first frame
  static END = 8; // pixels right of the last
  static RULER = 18; // pixels above the rows
  static CLOSEST = 6; // frames that are shown at least

  constructor(studio, controls) {
    this.studio = studio;
    this.controls = new Map(controls.map(([name, label, unit, words, low, high]) => [name, { label, unit, words, low, high }]));
    this.selected = new Set(); // "control|frame"
    this.rows = new Set(); // controls
    this.preview = null; // tracks while they are held
    this.span = null; // first frame shown and the one after the last; null: all
    this.across = 0; // pixels of the canvas
    this.hues = new Map();
  }

  static id(name, frame) {
    return `${name}|${frame}`;
  }

  static pair(key) {
    const [name, frame] = key.split("|");
    return [name, Number(frame)];
  }

  // --- keys --------------------------------------------------------------------------------------------------------
  get tracks() {
    return this.preview ?? this.studio.studio?.tracks ?? {};
  }

  get pairs() {
    return [...this.selected].map(LokiKeyView.pair);
  }

  get ids() {
    return Object.entries(this.tracks).flatMap(([name, keys]) => keys.map(([frame]) => LokiKeyView.id(name, frame)));
  }

  // What is gone is not selected.
  prune() {
    const known = new Set(this.ids);
    this.selected = new Set([...this.selected].filter((key) => known.has(key)));
    this.rows = new Set([...this.rows].filter((name) => name in this.tracks));
  }

  // A click selects keys; with Shift it adds or takes away.
  pick(keys, event) {
    const chosen = keys.some((key) => this.selected.has(key));
    if (event.shiftKey) for (const key of keys) chosen ? this.selected.delete(key) : this.selected.add(key);
    else if (!chosen) this.selected = new Set(keys);
  }

  // A click on a name shows its curve alone, a second one all again; with Shift or Ctrl it adds or takes away.
  pickRow(name, event) {
    const only = this.rows.size === 1 && this.rows.has(name);
    if (name && (event.shiftKey || event.ctrlKey || event.metaKey)) this.rows.delete(name) || this.rows.add(name);
    else this.rows = new Set(name && !only ? [name] : []);
  }

  // A control keeps its colour as long as the page lives.
  colour(name) {
    if (!this.hues.has(name)) this.hues.set(name, this.hues.size * 137.5 + 255);
    return `oklch(${document.body.classList.contains("dark") ? "0.76 0.13" : "0.55 0.16"} ${this.hues.get(name) % 360})`;
  }

  // --- frames ------------------------------------------------------------------------------------------------------
  get count() {
    return Math.max(1, this.studio.studio?.frame_count ?? 1);
  }

  get shown() {
    return this.span && this.span[1] <= this.count ? this.span : [0, this.count];
  }

  get width() {
    return this.across - LokiKeyView.LABEL - LokiKeyView.END;
  }

  get pixels() {
    const [from, to] = this.shown;
    return this.width / (to - from); // of a frame
  }

  // The middle of a frame.
  xOf(frame) {
    return LokiKeyView.LABEL + (frame + 0.5 - this.shown[0]) * this.pixels;
  }

  frameAt(x) {
    return (x - LokiKeyView.LABEL) / this.pixels + this.shown[0] - 0.5;
  }

  frameOf(x) {
    return Math.round(this.frameAt(x));
  }

  show(from, to) {
    const length = Math.min(this.count, Math.max(LokiKeyView.CLOSEST, to - from));
    const start = Math.min(this.count - length, Math.max(0, (from + to - length) / 2));
    this.span = length === this.count ? null : [start, start + length];
  }

  zoomAt(x, factor) {
    const [from, to] = this.shown;
    const length = Math.min(this.count, Math.max(LokiKeyView.CLOSEST, (to - from) * factor));
    const start = from + ((x - LokiKeyView.LABEL) / this.width) * (to - from - length);
    this.show(start, start + length);
  }

  // --- drawing -----------------------------------------------------------------------------------------------------
  // Keeps what is drawn to the frames that are shown.
  clip(pen, down, draw) {
    pen.save();
    pen.beginPath();
    pen.rect(LokiKeyView.LABEL - 12, 0, this.width + LokiKeyView.END + 12, down);
    pen.clip();
    draw();
    pen.restore();
  }

  drawRuler(pen, colour, down) {
    const { rate } = this.studio;
    const [from, to] = this.shown.map((frame) => frame / rate);
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120].find((every) => every * rate * this.pixels > 46) ?? 300;
    for (let tick = Math.ceil(from / step - 1e-6); tick * step <= to; tick++) {
      const x = this.xOf(tick * step * rate - 0.5);
      pen.fillStyle = colour("--ls-dim");
      pen.textAlign = x < LokiKeyView.LABEL + 10 ? "left" : "center"; // the first stays clear of what stands on its left
      if (x < this.across - 14) pen.fillText(`${Number((tick * step).toFixed(2))} s`, x, 12);
      pen.fillStyle = colour("--ls-line");
      pen.fillRect(x, LokiKeyView.RULER, 1, down);
    }
  }

  drawPlayhead(pen, colour, down) {
    const x = this.xOf(this.studio.frame);
    pen.strokeStyle = colour("--ls-text");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, down);
    pen.stroke();
  }

  drawBox(pen, colour, { x, y, toX, toY }) {
    pen.strokeStyle = colour("--ls-accent");
    pen.lineWidth = 1;
    pen.strokeRect(Math.min(x, toX), Math.min(y, toY), Math.abs(toX - x), Math.abs(toY - y));
  }
};
