// What the hand takes hold of on the pictures: points of the face, rings of joints, the eyes' target. The server says where they
// are (studio.marks, pixels of the portrait); what is dragged becomes edits.
window.LokiGizmos = class {
  static NEAR = 11; // pixels of the canvas
  static INSIDE = 5; // pixels between a ring and the edge
  static SNAP = 5; // degrees, with Shift

  constructor(studio, panes, names) {
    this.studio = studio;
    this.panes = panes;
    this.names = names; // [name, label] of each handle
    this.pins = new Map(); // name -> place in the portrait
    this.hovered = null;
    this.drag = null;
  }

  // Those of another frame or work are out of place.
  get marks() {
    const { marks, playing } = this.studio;
    return playing || !marks || (!this.drag && marks.key !== this.studio.marksKey) ? {} : marks;
  }

  get tool() {
    return this.studio.studio?.look.tool;
  }

  control(name) {
    const row = document.querySelector(`[data-control=${name}]`);
    const slider = row.querySelector("input[type=range]");
    return { label: row.dataset.label, low: Number(slider.min), high: Number(slider.max), value: this.studio.valueOf(name) };
  }

  // What lies under a point of the canvas, or null.
  find(pane, x, y) {
    const { handles, gaze } = this.marks;
    let best = null;
    const consider = (found, distance) => {
      if (distance <= LokiGizmos.NEAR && (!best || distance < best.distance)) best = { ...found, distance };
    };
    const away = (point) => {
      const [px, py] = this.panes.toCanvas(pane, point);
      return Math.hypot(px - x, py - y);
    };
    handles?.forEach((point, index) => consider({ kind: "handle", index }, away(point)));
    this.ringsOn(pane).forEach((points, index) => points.forEach(([px, py], at) => consider({ kind: "ring", index, at }, Math.hypot(px - x, py - y))));
    if (gaze) consider({ kind: "gaze" }, Math.max(0, away(gaze.place) - LokiGizmos.NEAR));
    return best;
  }

  // The rings on the canvas: smaller where they would leave a pane that shows the whole picture.
  ringsOn(pane) {
    const rings = (this.marks.rings ?? []).map(({ points }) => points.map((point) => this.panes.toCanvas(pane, point)));
    if (!rings.length || this.panes.zoom > 1) return rings;
    const all = rings.flat();
    const middle = [0, 1].map((axis) => all.reduce((sum, point) => sum + point[axis], 0) / all.length);
    const { box } = pane;
    const room = [[box.x, box.x + box.width], [box.y, box.y + box.height]].map(([low, high]) => [low + LokiGizmos.INSIDE, high - LokiGizmos.INSIDE]);
    const share = (at, axis) => {
      const [low, high] = room[axis];
      return at < low ? (middle[axis] - low) / (middle[axis] - at) : at > high ? (high - middle[axis]) / (at - middle[axis]) : 1;
    };
    const factor = Math.max(0, Math.min(...all.flatMap((point) => point.map(share))));
    return rings.map((points) => points.map((point) => point.map((at, axis) => middle[axis] + (at - middle[axis]) * factor)));
  }

  hover(pane, x, y) {
    const before = this.hovered;
    this.hovered = pane ? this.find(pane, x, y) : null;
    return before?.kind !== this.hovered?.kind || before?.index !== this.hovered?.index;
  }

  // Takes hold; returns whether there was something.
  grab(pane, x, y) {
    const held = this.find(pane, x, y);
    if (!held) return false;
    this.studio.holding = true;
    this.drag = { ...held, pane, x, y, gesture: this.studio.newGesture(), text: "" };
    if (held.kind === "handle") {
      const [px, py] = this.panes.toCanvas(pane, this.marks.handles[held.index]);
      Object.assign(this.drag, { dx: px - x, dy: py - y });
    }
    if (held.kind === "ring") {
      const ring = this.marks.rings[held.index];
      const points = this.ringsOn(pane)[held.index];
      const count = points.length;
      const [before, after] = [-1, 1].map((step) => points[(held.at + step + count) % count]);
      const degrees = 720 / count;
      const along = [(after[0] - before[0]) / degrees, (after[1] - before[1]) / degrees];
      Object.assign(this.drag, { control: ring.control, per: ring.per_degree, start: ring.value, along });
    }
    if (held.kind === "gaze") {
      const vergence = this.studio.valueOf("eyeYawLeft");
      Object.assign(this.drag, { ...this.marks.gaze, vergence });
    }
    return true;
  }

  move(x, y, event) {
    const { kind } = this.drag;
    if (kind === "handle") this.dragHandle(x, y, event);
    if (kind === "ring") this.dragRing(x, y, event);
    if (kind === "gaze") this.dragGaze(x, y, event);
    Object.assign(this.drag, { atX: x, atY: y });
  }

  dragHandle(x, y, event) {
    const { pane, index, dx, dy, gesture } = this.drag;
    const [name, label] = this.names[index];
    const goal = this.panes.toPortrait(pane, x + dx, y + dy);
    const symmetric = this.studio.studio.look.linked !== event.altKey;
    const pinned = [...this.pins].filter(([pin]) => pin !== name);
    this.drag.text = label;
    this.studio.edit({ do: "drag", goals: Object.fromEntries([...pinned, [name, goal]]), symmetric, gesture });
  }

  dragRing(x, y, event) {
    const { control: name, start, per, along, gesture } = this.drag;
    const moved = (x - this.drag.x) * along[0] + (y - this.drag.y) * along[1];
    const { label, low, high } = this.control(name);
    const snap = LokiGizmos.SNAP * Math.abs(per);
    let value = start + (moved / (along[0] ** 2 + along[1] ** 2)) * per;
    if (event.shiftKey) value = Math.round(value / snap) * snap;
    value = Math.min(high, Math.max(low, value));
    this.drag.text = `${label} ${value.toFixed(high > 2 ? 1 : 2)}`;
    this.studio.edit({ do: "control", name, value, gesture });
  }

  dragGaze(x, y, event) {
    const { pane, yaw, pitch, pixels, vergence, gesture } = this.drag;
    const turn = (pulled, perDegree) => pulled / pane.scale / perDegree;
    const set = (name, value) => {
      const { low, high } = this.control(name);
      const near = event.shiftKey ? Math.round(value / LokiGizmos.SNAP) * LokiGizmos.SNAP : value;
      return Math.min(high, Math.max(low, near));
    };
    const aside = turn(x - this.drag.x, pixels[0]);
    let values;
    if (event.altKey) {
      const inward = set("eyeYawLeft", vergence - aside);
      values = { eyeYawLeft: inward, eyeYawRight: -inward };
      this.drag.text = `${this.studio.words.vergence} ${(-inward).toFixed(1)}`;
    } else {
      values = { gazeYaw: set("gazeYaw", yaw + aside), gazePitch: set("gazePitch", pitch + turn(y - this.drag.y, pixels[1])) };
      this.drag.text = `${values.gazeYaw.toFixed(1)}, ${values.gazePitch.toFixed(1)}`;
    }
    this.studio.edit({ do: "controls", values, gesture });
  }

  release() {
    this.drag = null;
    this.studio.holding = false;
  }

  // A pinned handle stays where it is while others are dragged.
  pin() {
    if (this.hovered?.kind !== "handle") return false;
    const [name] = this.names[this.hovered.index];
    if (!this.pins.delete(name)) this.pins.set(name, this.marks.handles[this.hovered.index]);
    return true;
  }

  draw(pen, colours) {
    for (const pane of this.panes.list) {
      pen.save();
      pen.beginPath();
      pen.rect(pane.box.x, pane.box.y, pane.box.width, pane.box.height);
      pen.clip();
      this.drawHandles(pen, pane, colours);
      this.drawRings(pen, pane, colours);
      this.drawGaze(pen, pane, colours);
      pen.restore();
    }
    if (this.drag?.text) this.drawText(pen, colours);
  }

  lit(kind, index) {
    const shown = this.drag ?? this.hovered;
    return shown?.kind === kind && shown.index === index;
  }

  drawHandles(pen, pane, colours) {
    this.marks.handles?.forEach((point, index) => {
      const [x, y] = this.panes.toCanvas(pane, point);
      const lit = this.lit("handle", index);
      pen.globalAlpha = lit || this.drag?.kind === "handle" || this.hovered ? 1 : 0.55;
      pen.beginPath();
      if (this.pins.has(this.names[index][0])) pen.rect(x - 4, y - 4, 8, 8);
      else pen.arc(x, y, lit ? 5 : 3, 0, 7);
      pen.fillStyle = lit ? colours.accent : "#fff";
      pen.strokeStyle = "#000a";
      pen.lineWidth = 1.25;
      pen.fill();
      pen.stroke();
    });
    pen.globalAlpha = 1;
  }

  drawRings(pen, pane, colours) {
    const hues = ["#7bd88f", "#ff7b72", "#79b8ff"]; // as the axes are coloured everywhere: y green, x red, z blue
    this.ringsOn(pane).forEach((points, index) => {
      const hue = hues[index % hues.length];
      for (const [width, colour] of [[this.lit("ring", index) ? 6 : 4, "#0007"], [this.lit("ring", index) ? 3.5 : 2, this.lit("ring", index) ? colours.accent : hue]]) {
        pen.beginPath();
        for (const point of points) pen.lineTo(...point);
        pen.closePath();
        pen.lineWidth = width;
        pen.strokeStyle = colour;
        pen.stroke();
      }
    });
  }

  drawGaze(pen, pane, colours) {
    const { gaze } = this.marks;
    if (!gaze) return;
    const [x, y] = this.panes.toCanvas(pane, gaze.place);
    for (const [width, colour] of [[4, "#0009"], [2, this.lit("gaze") ? colours.accent : "#fff"]]) {
      pen.beginPath();
      pen.arc(x, y, LokiGizmos.NEAR, 0, 7);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        pen.moveTo(x + dx * 5, y + dy * 5);
        pen.lineTo(x + dx * 17, y + dy * 17);
      }
      pen.lineWidth = width;
      pen.strokeStyle = colour;
      pen.stroke();
    }
  }

  drawText(pen, colours) {
    const { text, atX, atY } = this.drag;
    pen.textAlign = "left";
    const width = pen.measureText(text).width + 14;
    const [x, y] = [atX + 16, atY - 30];
    pen.fillStyle = colours.panel;
    pen.beginPath();
    pen.roundRect(x, y, width, 22, 5);
    pen.fill();
    pen.fillStyle = colours.text;
    pen.fillText(text, x + 7, y + 15);
  }
};
