// The dope sheet: keys of every control over time. A key is selected with a click, several with a box or Shift; dragging moves
// them, with Alt it spreads them about the first. Nothing here keeps work: the server holds the keys.
const studio = window.loki;
studio.offer(server, upload);

const canvas = element.querySelector("canvas");
const sheet = element.querySelector(".sheet");
const find = (name) => element.querySelector(`[data-part=${name}]`);
const [LABEL, RULER, ROW, NEAR] = [150, 18, 17, 6];

let selected = new Set(); // "control|frame"
let copied = [];
let held = null; // what the pointer does: { kind, ... }

const id = (name, frame) => `${name}|${frame}`;
const tracks = () => Object.entries(studio.studio?.tracks ?? {});
const label = (name) => document.querySelector(`[data-control=${name}]`)?.dataset.label ?? name;
const pairs = () => [...selected].map((key) => [key.split("|")[0], Number(key.split("|")[1])]);
const width = () => sheet.clientWidth - LABEL - 8;
const xOf = (frame) => LABEL + ((frame + 0.5) * width()) / Math.max(1, studio.studio.frame_count);
const frameOf = (x) => Math.floor(((x - LABEL) / width()) * studio.studio.frame_count);
const yOf = (row) => RULER + (row + 0.5) * ROW;

const edit = (op, values) => studio.edit({ do: "keys", op, ...values });
const change = (op, values = {}) => selected.size && edit(op, { keys: pairs(), ...values });

// Rows: first all keys together, then one a control.
const rows = () => {
  const all = tracks();
  const every = [...new Set(all.flatMap(([, keys]) => keys.map(([frame]) => frame)))].sort((a, b) => a - b);
  return [[null, every], ...all.map(([name, keys]) => [name, keys.map(([frame]) => frame)])];
};

// Every key that lies under a point of a row: of the first row those of all controls.
const under = (row, frame) => tracks().flatMap(([name, keys]) =>
  (row === null || row === name) && keys.some(([at]) => at === frame) ? [id(name, frame)] : []);

const hit = (x, y) => {
  const index = Math.floor((y - RULER) / ROW);
  const [name, frames] = rows()[index] ?? [];
  const frame = frames?.find((at) => Math.abs(xOf(at) - x) <= NEAR);
  return frame === undefined ? null : { keys: under(name, frame), frame };
};

// Where a selected key is shown while it is being dragged.
const shown = (key, frame) => {
  if (held?.kind !== "move" || !selected.has(key)) return frame;
  return held.factor ? Math.round(held.pivot + (frame - held.pivot) * held.factor) : frame + held.by;
};

const draw = () => {
  const all = rows();
  const [across, down] = [sheet.clientWidth, Math.max(sheet.clientHeight, RULER + all.length * ROW + 4)];
  const ratio = window.devicePixelRatio;
  canvas.style.height = `${down}px`;
  if (canvas.width !== Math.round(across * ratio)) canvas.width = Math.round(across * ratio);
  if (canvas.height !== Math.round(down * ratio)) canvas.height = Math.round(down * ratio);
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, across, down);
  pen.font = `11px ${style.fontFamily}`;
  drawRuler(pen, colour, down);
  all.forEach(([name, frames], row) => drawRow(pen, colour, name, frames, row, across));
  pen.strokeStyle = colour("--ls-text");
  pen.beginPath();
  pen.moveTo(xOf(studio.frame), 0);
  pen.lineTo(xOf(studio.frame), down);
  pen.stroke();
  if (held?.kind === "box") {
    pen.strokeStyle = colour("--ls-accent");
    pen.strokeRect(Math.min(held.x, held.toX), Math.min(held.y, held.toY), Math.abs(held.toX - held.x), Math.abs(held.toY - held.y));
  }
};

const drawRuler = (pen, colour, down) => {
  const seconds = studio.studio.frame_count / studio.rate;
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120].find((every) => (every / seconds) * width() > 46) ?? 300;
  pen.textAlign = "center";
  for (let second = 0; second <= seconds; second += step) {
    const x = xOf(second * studio.rate - 0.5);
    pen.fillStyle = colour("--ls-dim");
    pen.fillText(`${Number(second.toFixed(2))} s`, x, 12);
    pen.fillStyle = colour("--ls-line");
    pen.fillRect(x, RULER, 1, down);
  }
};

const drawRow = (pen, colour, name, frames, row, across) => {
  const y = yOf(row);
  pen.fillStyle = colour("--ls-line");
  pen.fillRect(LABEL, y, across - LABEL - 8, 1);
  pen.fillStyle = colour(name ? "--ls-text" : "--ls-dim");
  pen.textAlign = "left";
  pen.fillText(name ? label(name) : studio.words.keys_all, 6, y + 4, LABEL - 12);
  const places = name === null
    ? tracks().flatMap(([own, keys]) => keys.map(([frame]) => [id(own, frame), frame]))
    : frames.map((frame) => [id(name, frame), frame]);
  for (const [key, frame] of places.sort((a, b) => selected.has(a[0]) - selected.has(b[0]))) {
    const x = xOf(shown(key, frame));
    pen.beginPath();
    for (const [dx, dy] of [[0, -5], [5, 0], [0, 5], [-5, 0]]) pen.lineTo(x + dx, y + dy);
    pen.closePath();
    pen.fillStyle = selected.has(key) ? colour("--ls-accent") : colour(name ? "--ls-text" : "--ls-dim");
    pen.fill();
  }
};

let queued = false;
const redraw = () => {
  if (queued || !studio.studio || element.querySelector(".sheet").hidden) return;
  queued = true;
  requestAnimationFrame(() => {
    queued = false;
    draw();
  });
};

const showState = () => {
  const known = new Set(tracks().flatMap(([name, keys]) => keys.map(([frame]) => id(name, frame))));
  selected = new Set([...selected].filter((key) => known.has(key)));
  const still = studio.studio.frame_count < 2;
  sheet.hidden = !known.size || still;
  find("empty").hidden = Boolean(known.size) && !still;
  find("autokey").setAttribute("aria-pressed", studio.studio.look.autokey);
  showSelection();
  redraw();
};

const showSelection = () => {
  for (const name of ["mirror", "delete", "copy"]) find(name).disabled = !selected.size;
  find("paste").disabled = !copied.length;
  const kinds = new Set(tracks().flatMap(([name, keys]) => keys.flatMap(([frame, , kind]) => (selected.has(id(name, frame)) ? [kind] : []))));
  find("interpolation").disabled = !selected.size;
  find("interpolation").value = kinds.size === 1 ? [...kinds][0] : "";
};

// --- the hand -----------------------------------------------------------------------------------------------------
const place = (event) => {
  const { left, top } = canvas.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
};

canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  const [x, y] = place(event);
  canvas.setPointerCapture(event.pointerId);
  canvas.focus();
  if (y < RULER) {
    studio.pause();
    held = { kind: "seek" };
    return studio.seek(frameOf(x));
  }
  const found = hit(x, y);
  if (!found) {
    if (!event.shiftKey) selected.clear();
    held = { kind: "box", x, y, toX: x, toY: y };
  } else {
    const chosen = found.keys.some((key) => selected.has(key));
    if (event.shiftKey) for (const key of found.keys) chosen ? selected.delete(key) : selected.add(key);
    else if (!chosen) selected = new Set(found.keys);
    const frames = pairs().map(([, frame]) => frame);
    held = { kind: "move", x, frame: found.frame, by: 0, factor: null, pivot: Math.min(...frames), last: Math.max(...frames) };
  }
  showSelection();
  redraw();
});

canvas.addEventListener("pointermove", (event) => {
  if (!held) return;
  const [x, y] = place(event);
  if (held.kind === "seek") return studio.seek(frameOf(x));
  if (held.kind === "box") Object.assign(held, { toX: x, toY: y });
  if (held.kind === "move") {
    const by = Math.round(((x - held.x) * studio.studio.frame_count) / width());
    const reach = held.frame - held.pivot;
    held.by = Math.max(by, -held.pivot);
    held.factor = event.altKey && reach > 0 ? Math.max(0.05, (reach + by) / reach) : null;
  }
  redraw();
});

const boxed = ({ x, y, toX, toY }) => {
  const inside = (at, one, other) => at >= Math.min(one, other) - 2 && at <= Math.max(one, other) + 2;
  return rows().flatMap(([name, frames], row) => (inside(yOf(row), y, toY)
    ? frames.filter((frame) => inside(xOf(frame), x, toX)).flatMap((frame) => under(name, frame)) : []));
};

const release = () => {
  if (held?.kind === "box") for (const key of boxed(held)) selected.add(key);
  if (held?.kind === "move" && held.factor && held.factor !== 1) {
    const { pivot, factor } = held;
    change("scale", { pivot, factor });
    selected = new Set(pairs().map(([name, frame]) => id(name, Math.round(pivot + (frame - pivot) * factor))));
  } else if (held?.kind === "move" && held.by) {
    const { by } = held;
    change("move", { by });
    selected = new Set(pairs().map(([name, frame]) => id(name, frame + by)));
  }
  held = null;
  showSelection();
  redraw();
};
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, release);

// --- buttons and keys ---------------------------------------------------------------------------------------------
const copy = () => {
  const chosen = tracks().flatMap(([name, keys]) => keys.filter(([frame]) => selected.has(id(name, frame))).map((key) => [name, ...key]));
  const first = Math.min(...chosen.map(([, frame]) => frame));
  copied = chosen.map(([name, frame, ...rest]) => [name, frame - first, ...rest]);
  showSelection();
};
const jump = (direction) => {
  const frames = rows()[0][1].filter((frame) => (frame - studio.frame) * direction > 0);
  if (frames.length) studio.step((direction > 0 ? Math.min(...frames) : Math.max(...frames)) - studio.frame);
};
const actions = {
  key: () => {
    const names = [...new Set([...studio.studio.controls.map(([name]) => name), ...Object.keys(studio.studio.tracks)])];
    if (names.length) studio.edit({ do: "key", names });
    else studio.toast(studio.words.keys_nothing);
  },
  autokey: () => studio.edit({ do: "look", name: "autokey", value: !studio.studio.look.autokey }),
  previous: () => jump(-1),
  next: () => jump(1),
  copy,
  paste: () => copied.length && edit("paste", { copied, frame: studio.frame }),
  mirror: () => change("mirror"),
  delete: () => change("delete"),
};
studio.actions = { ...studio.actions, keyAll: actions.key, autokey: actions.autokey, previousKey: actions.previous, nextKey: actions.next };
for (const button of element.querySelectorAll("button[data-do]")) button.addEventListener("click", actions[button.dataset.do]);
find("interpolation").addEventListener("change", (event) => event.target.value && change("interpolation", { value: event.target.value }));

canvas.addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  const all = () => {
    selected = new Set(tracks().flatMap(([name, keys]) => keys.map(([frame]) => id(name, frame))));
    showSelection();
    redraw();
  };
  const action = command ? { c: copy, v: actions.paste, a: all }[key] : { delete: actions.delete, backspace: actions.delete, m: actions.mirror }[key];
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  action();
});

new ResizeObserver(redraw).observe(sheet);
for (const name of ["seek", "theme"]) studio.on(name, redraw);
studio.watch(({ tracks, frame_count, look }) => [tracks, frame_count, look.autokey], showState);
