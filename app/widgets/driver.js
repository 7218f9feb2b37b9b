// The driver's desk: the strip of the chosen clip, what is done about it, its neutral face, and borrowed expressions.
const studio = window.loki;
studio.offer(server, upload);

const find = (name) => element.querySelector(`[data-part=${name}]`);
const named = (name) => element.querySelector(`[name=${name}]`);
const canvas = element.querySelector("canvas");
const CUT = 13; // pixels of the row that says which part of the clip is used
const LANES = [[16, 44], [62, 44], [110, 66]]; // top and height: head, expression, curve
const HIGH = 180;
const GRIP = 7;

let strip = null; // what the server said of the layer

// The chosen layer if it shows a clip, else the lowest that does.
const layerNow = () => {
  const clips = new Set(studio.library.motions.filter(({ clip, still }) => clip && !still).map(({ id }) => id));
  const { layers, selected } = studio.studio;
  const showing = layers.filter(({ source }) => clips.has(source));
  return showing.find(({ id }) => id === selected) ?? showing[0];
};
const edit = (op, values = {}) => studio.edit({ do: "driver", op, id: layerNow().id, ...values });

// --- between the timeline and the clip -------------------------------------------------------------------------------
const pace = (layer) => layer.speed * (strip.fps / studio.rate);

const placeOf = (layer, frame) => {
  const place = layer.offset + (frame - layer.first) * pace(layer);
  const last = strip.frames - 1;
  const mod = (value, by) => ((value % by) + by) % by;
  if (layer.extend === "loop") return Math.min(last, mod(place, strip.frames));
  if (layer.extend === "mirror" && last > 0) return last - Math.abs(mod(place, 2 * last) - last);
  return Math.max(0, Math.min(last, place));
};

const frameOf = (layer, place) => layer.first + (place - layer.offset) / pace(layer);

// First frame of the clip that is used, and the one past the last, in its first pass.
const cutOf = (layer) => {
  const end = layer.stop === null ? strip.frames : layer.offset + (layer.stop - layer.first) * pace(layer);
  return [layer.offset, Math.min(strip.frames, Math.round(end))];
};

// --- what the server says --------------------------------------------------------------------------------------------
let asking = false;
let stale = false;
const refresh = async () => {
  stale = true;
  if (asking) return;
  asking = true;
  while (stale) {
    stale = false;
    const layer = layerNow();
    const reply = layer && (await studio.ask("driver_strip", { id: layer.id, channel: named("channel").value }));
    strip = reply ?? null;
  }
  asking = false;
  show();
};

const show = () => {
  const layer = layerNow();
  const ready = Boolean(layer && strip && strip.id === layer.id);
  find("none").hidden = Boolean(layer);
  find("desk").hidden = !ready;
  if (!ready) return;
  find("title").textContent = layer.name;
  find("frames").textContent = studio.say("driver_frames", { frames: strip.frames, fps: Number(strip.fps.toFixed(3)) });
  const count = strip.outliers.length;
  const words = count ? (strip.outliers_left < count ? "driver_outliers_left" : "driver_outliers") : "driver_outliers_none";
  find("outliers").textContent = studio.say(words, { count, left: strip.outliers_left });
  find("outliers").classList.toggle("warn", strip.outliers_left > 0);
  const lost = strip.lost.reduce((sum, [from, to]) => sum + to - from, 0);
  find("lost").textContent = lost ? studio.say("driver_lost_count", { count: lost }) : "";
  showCleaning(layer.cleaning, lost);
  const { neutral: frame, neutral_found: found, picture } = strip;
  find("neutral").src = picture;
  find("neutral-words").textContent = studio.say(found ? "driver_neutral_is_found" : "driver_neutral_is", { frame });
  element.querySelector("[data-do=found]").disabled = found;
  draw();
};

const showCleaning = (cleaning, lost) => {
  for (const row of element.querySelectorAll("[data-filter]")) {
    const { method, window: seconds } = cleaning[row.dataset.filter];
    const [select, slider, output] = [...row.children].slice(1);
    select.value = method;
    if (!slider.matches(":active")) slider.value = seconds;
    slider.disabled = method === "none";
    studio.fill(slider);
    output.textContent = method === "none" ? "" : `${Number(slider.value).toFixed(2)} s`;
  }
  for (const part of element.querySelectorAll("[data-option]")) {
    if (part.type === "checkbox") part.checked = cleaning[part.dataset.option];
    else part.value = cleaning[part.dataset.option];
  }
  const smoothing = Object.values(cleaning).some((part) => part.method && part.method !== "none");
  element.querySelector("[data-option=protect_blinks]").disabled = !smoothing;
  element.querySelector("[data-option=lost]").disabled = !lost;
};

// --- the strip -------------------------------------------------------------------------------------------------------
const colours = () => {
  const style = getComputedStyle(element);
  const of = (name) => style.getPropertyValue(`--ls-${name}`).trim();
  return { text: of("text"), dim: of("dim"), line: of("line"), accent: of("accent"), warn: of("warn"), track: of("track") };
};

const draw = () => {
  const wide = canvas.clientWidth;
  if (!wide || !strip) return;
  const ratio = window.devicePixelRatio;
  Object.assign(canvas, { width: wide * ratio, height: HIGH * ratio });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "10px system-ui, sans-serif";
  const colour = colours();
  const layer = layerNow();
  const x = (frame) => (frame / strip.frames) * wide;
  drawLost(pen, x, colour);
  const outliers = new Set(strip.outliers.map((frame) => Math.floor(frame / strip.every)));
  const most = (name) => Math.max(1e-6, ...strip.tracked[name], ...strip.cleaned[name]);
  for (const [lane, name, words, digits] of [[0, "head", "driver_head_change", 1], [1, "expression", "driver_face_change", 2]]) {
    drawBars(pen, x, LANES[lane], name, most(name), outliers, colour);
    drawLabel(pen, LANES[lane], studio.say(words, { most: most(name).toFixed(digits) }), colour);
  }
  drawCurves(pen, x, LANES[2], colour);
  drawCut(pen, x, layer, wide, colour);
  drawMark(pen, x(strip.neutral + 0.5), colour);
  const place = x(placeOf(layer, studio.frame) + 0.5);
  pen.fillStyle = colour.text;
  pen.fillRect(Math.round(place) - 0.5, CUT, 1, HIGH - CUT);
  canvas.setAttribute("aria-valuemax", strip.frames - 1);
  canvas.setAttribute("aria-valuenow", Math.round(placeOf(layer, studio.frame)));
};

const drawLost = (pen, x, colour) => {
  pen.save();
  pen.strokeStyle = colour.warn;
  pen.globalAlpha = 0.55;
  pen.beginPath();
  const clip = new Path2D();
  for (const [from, to] of strip.lost) clip.rect(x(from), CUT, Math.max(1, x(to) - x(from)), HIGH);
  pen.clip(clip);
  for (let at = -HIGH; at < x(strip.frames) + HIGH; at += 5) {
    pen.moveTo(at, HIGH);
    pen.lineTo(at + HIGH, 0);
  }
  if (strip.lost.length) pen.stroke();
  pen.restore();
};

// As tracked pale, as it is now over it; what sticks out in the colour of warnings, as a tick above.
const drawBars = (pen, x, [top, tall], name, most, outliers, colour) => {
  const wide = Math.max(0.6, x(strip.every));
  const bars = (values, fill, alpha) => {
    pen.fillStyle = fill;
    pen.globalAlpha = alpha;
    values.forEach((value, at) => {
      const high = (value / most) * (tall - 13);
      pen.fillRect(x(at * strip.every), top + tall - high, wide, high);
    });
    pen.globalAlpha = 1;
  };
  bars(strip.tracked[name], colour.dim, 0.45);
  bars(strip.cleaned[name], colour.accent, 1);
  pen.fillStyle = colour.warn;
  for (const at of outliers) {
    const high = (strip.tracked[name][at] / most) * (tall - 13);
    pen.fillRect(x(at * strip.every), top + tall - high, Math.max(2, wide), Math.max(3, high));
  }
  pen.fillStyle = colour.line;
  pen.fillRect(0, top + tall, x(strip.frames), 1);
};

const drawLabel = (pen, [top], words, colour) => {
  pen.fillStyle = colour.dim;
  pen.textBaseline = "top";
  pen.fillText(words, 2, top + 1);
};

const drawCurves = (pen, x, [top, tall], colour) => {
  const values = [...strip.before, ...strip.after];
  const least = strip.unit === "share" ? 0.2 : 2;
  const middle = (Math.min(...values) + Math.max(...values)) / 2;
  const half = Math.max(least, Math.max(...values) - Math.min(...values)) / 2;
  const y = (value) => top + 6 + (tall - 10) * (0.5 - (value - middle) / (2 * half));
  const line = (points, stroke, width) => {
    pen.strokeStyle = stroke;
    pen.lineWidth = width;
    pen.beginPath();
    points.forEach((value, at) => pen.lineTo(x(at * strip.every + 0.5), y(value)));
    pen.stroke();
  };
  line(strip.before, colour.dim, 1);
  line(strip.after, colour.accent, 1.5);
};

const drawCut = (pen, x, layer, wide, colour) => {
  const [from, to] = cutOf(layer).map(x);
  pen.fillStyle = colour.line;
  pen.fillRect(0, 4, wide, 4);
  pen.fillStyle = colour.accent;
  pen.fillRect(from, 4, to - from, 4);
  pen.fillRect(Math.min(from, wide - 3), 0, 3, CUT - 1);
  pen.fillRect(Math.max(to - 3, 0), 0, 3, CUT - 1);
  pen.fillStyle = colour.track;
  pen.globalAlpha = 0.6;
  pen.fillRect(0, CUT, from, HIGH);
  pen.fillRect(to, CUT, wide - to, HIGH);
  pen.globalAlpha = 1;
};

// A diamond at the neutral frame.
const drawMark = (pen, at, colour) => {
  pen.fillStyle = colour.text;
  pen.beginPath();
  for (const [dx, dy] of [[0, -5], [5, 0], [0, 5], [-5, 0]]) pen.lineTo(at + dx, HIGH - 6 + dy);
  pen.fill();
};

// --- the hand on the strip -------------------------------------------------------------------------------------------
const placeAt = (event) => {
  const box = canvas.getBoundingClientRect();
  return Math.max(0, Math.min(strip.frames, ((event.clientX - box.left) / box.width) * strip.frames));
};

// Which end of the used part is under the pointer: 0, 1 or neither.
const endAt = (event) => {
  const box = canvas.getBoundingClientRect();
  if (event.clientY - box.top > CUT) return -1;
  const far = cutOf(layerNow()).map((place) => Math.abs((place / strip.frames) * box.width - (event.clientX - box.left)));
  const end = far[0] <= far[1] ? 0 : 1;
  return far[end] <= GRIP ? end : -1;
};

let held = null;
canvas.addEventListener("pointerdown", (event) => {
  if (event.button || !strip) return;
  event.preventDefault();
  canvas.focus();
  canvas.setPointerCapture(event.pointerId);
  studio.pause();
  held = { end: endAt(event), gesture: studio.newGesture() };
  move(event);
});
canvas.addEventListener("pointermove", (event) => {
  if (held) move(event);
  else if (strip) canvas.style.cursor = endAt(event) < 0 ? "pointer" : "ew-resize";
});
canvas.addEventListener("lostpointercapture", () => (held = null));

const move = (event) => {
  const layer = layerNow();
  if (!layer) return;
  if (held.end < 0) return studio.seek(Math.floor(frameOf(layer, Math.floor(placeAt(event))) + 1e-6));
  const [from, to] = cutOf(layer);
  const place = Math.round(placeAt(event));
  const cut = held.end ? [from, Math.max(from + 1, place)] : [Math.min(place, to - 1), to];
  edit("cut", { from: cut[0], to: cut[1], gesture: held.gesture });
};

// --- what is changed -------------------------------------------------------------------------------------------------
for (const row of element.querySelectorAll("[data-filter]")) {
  const [select, slider] = [...row.children].slice(1);
  let gesture = null;
  const change = (own) =>
    edit("filter", { part: row.dataset.filter, method: select.value, window: Number(slider.value), gesture: own });
  for (const name of ["pointerdown", "focus", "change"]) slider.addEventListener(name, () => (gesture = studio.newGesture()));
  slider.addEventListener("input", () => change(gesture));
  select.addEventListener("change", () => change(null));
}
for (const part of element.querySelectorAll("[data-option]"))
  part.addEventListener("change", () =>
    edit("option", { name: part.dataset.option, value: part.type === "checkbox" ? part.checked : part.value }));
named("channel").addEventListener("change", refresh);

const borrowed = () => ({
  do: "driver",
  source: studio.borrowed.id,
  share: Number(named("share").value),
  regions: [...element.querySelectorAll(".regions input:checked")].map(({ value }) => value),
});
const actions = {
  neutral: () => edit("neutral", { frame: studio.frame }),
  found: () => edit("neutral", { frame: null }),
  borrow: () => studio.edit({ ...borrowed(), op: "borrow" }),
  borrowLayer: () => studio.edit({ ...borrowed(), op: "borrow_layer" }),
};
for (const button of element.querySelectorAll("button[data-do]")) button.addEventListener("click", actions[button.dataset.do]);

const showShare = () => {
  studio.fill(named("share"));
  named("share").nextElementSibling.textContent = Number(named("share").value).toFixed(2);
};
named("share").addEventListener("input", showShare);
showShare();

const showBorrowed = () => {
  find("borrowed").hidden = !studio.borrowed;
  find("borrow-none").hidden = Boolean(studio.borrowed);
  if (!studio.borrowed) return;
  find("borrow-picture").src = studio.borrowed.picture;
  find("borrow-name").textContent = studio.borrowed.name;
  find("borrowed").scrollIntoView({ block: "nearest" });
};
studio.on("borrowed", showBorrowed);
showBorrowed();

const asked = () => {
  const layer = layerNow();
  return layer && [layer.id, layer.source, layer.cleaning, layer.gains.neutral];
};
studio.watch(asked, refresh);
studio.watch(({ layers, fps }) => [layers, fps, layerNow()?.id], show);
studio.on("library", () => studio.studio && layerNow()?.id !== strip?.id && refresh());
for (const name of ["seek", "theme"]) studio.on(name, draw);
new ResizeObserver(draw).observe(canvas);
