// The panel of the keys: its buttons, and a canvas on which the dope sheet or the graph draws them and follows the hand. Nothing
// here keeps work: the server holds the keys.
const studio = window.loki;
studio.offer(server, upload);

const place = element.querySelector(".sheet");
const canvas = element.querySelector("canvas");
const find = (name) => element.querySelector(`[data-part=${name}]`);

const edit = (op, values) => studio.edit({ do: "keys", op, ...values });
const change = (op, values = {}) => view.selected.size && edit(op, { keys: view.pairs, ...values });
const view = new LokiKeyView(studio, JSON.parse(place.dataset.controls));
const sheet = new LokiSheet(studio, view, change);
const graph = new LokiGraph(studio, view);
let editor = sheet;
let seeking = false;
let copied = [];

const draw = () => {
  view.across = place.clientWidth;
  const down = Math.max(place.clientHeight, editor.down);
  const ratio = window.devicePixelRatio;
  canvas.style.height = `${down}px`;
  if (canvas.width !== Math.round(view.across * ratio)) canvas.width = Math.round(view.across * ratio);
  if (canvas.height !== Math.round(down * ratio)) canvas.height = Math.round(down * ratio);
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, view.across, down);
  pen.font = `11px ${style.fontFamily}`;
  editor.draw(pen, (name) => style.getPropertyValue(name), down);
};

let queued = false;
const redraw = () => {
  if (queued || !studio.studio || place.hidden) return;
  queued = true;
  requestAnimationFrame(() => {
    queued = false;
    draw();
  });
};

const showState = () => {
  graph.settle();
  if (!view.preview) view.prune();
  const some = Object.keys(view.tracks).length > 0;
  const still = studio.studio.frame_count < 2;
  place.hidden = !some || still;
  find("empty").hidden = some && !still;
  find("autokey").setAttribute("aria-pressed", studio.studio.look.autokey);
  showSelection();
};

const showSelection = () => {
  for (const name of ["mirror", "delete", "copy"]) find(name).disabled = !view.selected.size;
  find("paste").disabled = !copied.length;
  const kinds = new Set(chosen().map(([, , , kind]) => kind));
  find("interpolation").disabled = !view.selected.size;
  find("interpolation").value = kinds.size === 1 ? [...kinds][0] : "";
  redraw();
};

// The selected keys, each with its control first.
const chosen = () => Object.entries(view.tracks).flatMap(([name, keys]) =>
  keys.filter(([frame]) => view.selected.has(LokiKeyView.id(name, frame))).map((key) => [name, ...key]));

// --- the hand -----------------------------------------------------------------------------------------------------
const at = (event) => {
  const { left, top } = canvas.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
};

canvas.addEventListener("pointerdown", (event) => {
  if (event.button > 1 || (event.button && editor !== graph)) return;
  event.preventDefault();
  const [x, y] = at(event);
  canvas.setPointerCapture(event.pointerId);
  canvas.focus();
  if (y < LokiKeyView.RULER && !event.button && x >= LokiKeyView.LABEL) {
    studio.pause();
    seeking = true;
    return studio.seek(view.frameOf(x));
  }
  editor.press(x, y, event);
  showSelection();
});

canvas.addEventListener("pointermove", (event) => {
  const [x, y] = at(event);
  if (seeking) return studio.seek(view.frameOf(x));
  canvas.style.cursor = editor === graph ? graph.cursor(x, y) : "";
  if (!editor.held) return;
  editor.move(x, y, event);
  redraw();
});

const release = () => {
  seeking = false;
  editor.release();
  showSelection();
};
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, release);
canvas.addEventListener("mousedown", (event) => event.button === 1 && event.preventDefault()); // no scrolling by itself
canvas.addEventListener("dblclick", (event) => editor === graph && graph.add(...at(event)));
canvas.addEventListener("wheel", (event) => {
  const [x, y] = at(event);
  if (editor === graph) graph.wheel(x, y, event);
  else if (event.ctrlKey) view.zoomAt(x, 1.2 ** (event.deltaY / 100));
  else return;
  event.preventDefault();
  redraw();
}, { passive: false });

// --- buttons and keys ---------------------------------------------------------------------------------------------
const copy = () => {
  const keys = chosen();
  const first = Math.min(...keys.map(([, frame]) => frame));
  copied = keys.map(([name, frame, ...rest]) => [name, frame - first, ...rest]);
  showSelection();
};
const jump = (direction) => {
  const frames = sheet.rows[0][1].filter((frame) => (frame - studio.frame) * direction > 0);
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
  graph: () => {
    editor = editor === graph ? sheet : graph;
    place.classList.toggle("graph", editor === graph);
    find("graph").setAttribute("aria-pressed", editor === graph);
    place.scrollTop = 0;
    if (editor === graph) graph.keepShown();
    showSelection();
  },
  copy,
  paste: () => copied.length && edit("paste", { copied, frame: studio.frame }),
  mirror: () => change("mirror"),
  delete: () => change("delete"),
};
studio.actions = { ...studio.actions, keyAll: actions.key, autokey: actions.autokey, previousKey: actions.previous, nextKey: actions.next };
for (const button of element.querySelectorAll("button[data-do]")) button.addEventListener("click", actions[button.dataset.do]);
find("interpolation").addEventListener("change", (event) => event.target.value && change("interpolation", { value: event.target.value }));

const all = () => {
  view.selected = new Set(view.ids);
  if (editor === graph) graph.keepShown();
  showSelection();
};
const fit = () => {
  editor.fit();
  redraw();
};

canvas.addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  const plain = { delete: actions.delete, backspace: actions.delete, m: actions.mirror, f: fit };
  if (editor === graph) plain[" "] = () => (graph.space ??= true);
  const action = command ? { c: copy, v: actions.paste, a: all }[key] : plain[key];
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  action();
});
// Space plays, as everywhere, unless something was dragged while it was down.
canvas.addEventListener("keyup", (event) => {
  if (event.key !== " " || graph.space === null) return;
  if (graph.space) studio.actions.play();
  graph.space = null;
});
canvas.addEventListener("blur", () => (graph.space = null));

new ResizeObserver(redraw).observe(place);
for (const name of ["seek", "theme"]) studio.on(name, redraw);
studio.on("studio", () => {
  if (view.preview) showState();
});
studio.watch(({ tracks, frame_count, look }) => [tracks, frame_count, look.autokey], showState);
