// How the graph shows keys: as points of curves, their value upwards, over the frames of the dope sheet. Controls of one unit share
// a scale; the axis is that of the curve that was touched last.
window.LokiPlot = class {
  static NEAR = 8;
  static ROW = 16; // of the names
  static EDGE = 7; // pixels above and below the curves
  static WHOLE = [-0.04, 1.04]; // of the range of a unit

  constructor(studio, view) {
    this.studio = studio;
    this.view = view;
    this.reach = LokiPlot.WHOLE; // values shown, of the range of their unit
    this.touched = null; // the control whose values the axis shows
    this.scrolled = 0; // names above the first that is shown
    this.high = 0; // pixels of the canvas
    this.held = null; // what the pointer does: { kind, ... }
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

  // Keys of a curve that is not shown are not selected.
  keepShown() {
    const shown = new Set(this.names);
    this.view.selected = new Set([...this.view.selected].filter((key) => shown.has(LokiKeyView.pair(key)[0])));
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
    return LokiKeyView.RULER + LokiPlot.EDGE;
  }

  get tall() {
    return this.high - this.top - LokiPlot.EDGE;
  }

  // Of a control: from values to pixels.
  heights(name) {
    const [low, high] = this.scale(name);
    const [from, to] = this.reach;
    const { top, tall } = this;
    return (value) => top + (1 - ((value - low) / (high - low) - from) / (to - from)) * tall;
  }

  valueAt(name, y) {
    const [low, high] = this.scale(name);
    const [from, to] = this.reach;
    return low + (from + (1 - (y - this.top) / this.tall) * (to - from)) * (high - low);
  }

  // Handles of a selected key that bend a curve: side and place on the canvas.
  levers(name, index, yOf = this.heights(name)) {
    const keys = this.view.tracks[name];
    const [frame, value] = keys[index];
    if (!this.view.selected.has(LokiKeyView.id(name, frame))) return [];
    return [-1, 1].flatMap((side) => {
      const handle = LokiCurves.handle(keys, index, side);
      const bent = keys[side < 0 ? index - 1 : index]?.[2] === "bezier";
      return handle && bent ? [{ side, x: this.view.xOf(frame + handle[0]), y: yOf(value + handle[1]) }] : [];
    });
  }

  // What lies under a point, or null: what is selected before the rest.
  find(x, y) {
    let best = null;
    const consider = (found, atX, atY, rank) => {
      const distance = Math.hypot(atX - x, atY - y);
      if (distance > LokiPlot.NEAR) return;
      if (!best || rank < best.rank || (rank === best.rank && distance < best.distance)) best = { ...found, distance, rank };
    };
    for (const name of this.names) {
      const yOf = this.heights(name);
      this.view.tracks[name].forEach(([frame, value], index) => {
        const [atX, atY] = [this.view.xOf(frame), yOf(value)];
        const rank = this.view.selected.has(LokiKeyView.id(name, frame)) ? 0 : 1;
        consider({ kind: "key", name, frame, value }, atX, atY, rank);
        for (const lever of this.levers(name, index, yOf)) consider({ kind: "lever", name, index, ...lever }, lever.x, lever.y, 0);
      });
    }
    return best;
  }

  // The curve that passes a point, or null.
  curveAt(x, y) {
    const frame = this.view.frameAt(x);
    const away = (name) => Math.abs(this.heights(name)(LokiCurves.sample(this.view.tracks[name], [frame])[0]) - y);
    const nearest = this.names.reduce((best, name) => (best && away(best) <= away(name) ? best : name), null);
    return nearest && away(nearest) <= LokiPlot.NEAR ? nearest : null;
  }

  boxed({ x, y, toX, toY }) {
    const inside = (at, one, other) => at >= Math.min(one, other) - 2 && at <= Math.max(one, other) + 2;
    return this.names.flatMap((name) => {
      const yOf = this.heights(name);
      return this.view.tracks[name].flatMap(([frame, value]) =>
        inside(this.view.xOf(frame), x, toX) && inside(yOf(value), y, toY) ? [LokiKeyView.id(name, frame)] : []);
    });
  }

  get rows() {
    return Math.floor((this.high - LokiKeyView.RULER) / LokiPlot.ROW);
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
    this.reach = LokiPlot.WHOLE;
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
    pen.rect(LokiKeyView.LABEL - LokiPlot.NEAR, LokiKeyView.RULER, view.width + 2 * LokiPlot.NEAR, down - LokiKeyView.RULER);
    pen.clip();
    for (const name of this.dashedLast) this.drawCurve(pen, name);
    view.drawPlayhead(pen, colour, down);
    for (const name of this.names) this.drawKeys(pen, colour, name);
    pen.restore();
    if (this.held?.kind === "box") view.drawBox(pen, colour, this.held);
    if (this.held?.text) this.drawText(pen, colour);
  }

  // Left and right are often the same curve: the left one is dashed and lies on top, so that both are seen.
  dashed(name) {
    return name.endsWith("Left");
  }

  get dashedLast() {
    return [...this.names].sort((a, b) => this.dashed(a) - this.dashed(b));
  }

  drawNames(pen, colour) {
    const shown = new Set(this.names);
    pen.textAlign = "left";
    Object.keys(this.view.tracks).slice(this.scrolled, this.scrolled + this.rows).forEach((name, row) => {
      const y = LokiKeyView.RULER + (row + 0.5) * LokiPlot.ROW;
      pen.globalAlpha = shown.has(name) ? 1 : 0.45;
      pen.fillStyle = this.view.colour(name);
      pen.beginPath();
      if (this.dashed(name)) for (const x of [4, 9]) pen.roundRect(x, y - 4, 3, 8, 1);
      else pen.roundRect(4, y - 4, 8, 8, 2);
      pen.fill();
      pen.fillStyle = colour("--ls-text");
      pen.fillText(this.short(pen, this.view.controls.get(name).label, 100), 17, y + 4);
    });
    pen.globalAlpha = 1;
  }

  short(pen, text, width) {
    if (pen.measureText(text).width <= width) return text;
    const side = text.match(/, [^,]+$/)?.[0] ?? ""; // stays in sight
    let start = text.slice(0, text.length - side.length);
    while (start && pen.measureText(`${start}…${side}`).width > width) start = start.slice(0, -1).trimEnd();
    return `${start}…${side}`;
  }

  drawAxis(pen, colour) {
    const { view, focus } = this;
    const { low, high, words } = view.controls.get(focus);
    const [least, most] = [this.valueAt(focus, this.top + this.tall), this.valueAt(focus, this.top)];
    const finest = ((most - least) / this.tall) * 24;
    const power = 10 ** Math.floor(Math.log10(finest));
    const step = [1, 2, 5, 10].map((times) => times * power).find((every) => every >= finest * 0.999);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const yOf = this.heights(focus);
    pen.textAlign = "right";
    pen.fillStyle = view.colour(focus);
    pen.fillText(words, LokiKeyView.LABEL - 18, 12);
    for (let tick = Math.ceil(least / step - 1e-6); tick * step <= most + 1e-6 * step; tick++) {
      const y = Math.round(yOf(tick * step));
      pen.fillStyle = colour("--ls-line");
      pen.fillRect(LokiKeyView.LABEL, y, view.width, 1);
      pen.fillStyle = colour("--ls-dim");
      pen.fillText((tick * step || 0).toFixed(digits).replace("-", "−"), LokiKeyView.LABEL - 10, y + 4);
    }
    pen.fillStyle = colour("--ls-dim");
    for (const end of [low, high]) {
      const y = Math.round(yOf(end));
      if (y >= LokiKeyView.RULER) for (let x = LokiKeyView.LABEL; x < this.view.across - LokiKeyView.END; x += 6) pen.fillRect(x, y, 2, 1);
    }
  }

  // A point a pixel, and every key.
  drawCurve(pen, name) {
    const { view } = this;
    const yOf = this.heights(name);
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
    pen.setLineDash(this.dashed(name) ? [6, 6] : []);
    pen.beginPath();
    frames.forEach((frame, index) => pen.lineTo(view.xOf(frame), yOf(values[index])));
    pen.stroke();
    pen.setLineDash([]);
  }

  drawKeys(pen, colour, name) {
    const { view } = this;
    const hue = view.colour(name);
    const yOf = this.heights(name);
    view.tracks[name].forEach(([frame, value], index) => {
      const [x, y] = [view.xOf(frame), yOf(value)];
      pen.strokeStyle = colour("--ls-dim");
      pen.lineWidth = 1;
      for (const lever of this.levers(name, index, yOf)) {
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
      pen.arc(x, y, chosen ? 6 : 3.5, 0, 7);
      pen.fillStyle = chosen ? colour("--ls-panel") : hue;
      pen.strokeStyle = chosen ? hue : colour("--ls-panel");
      pen.lineWidth = chosen ? 3 : 1;
      pen.fill();
      pen.stroke();
    });
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
