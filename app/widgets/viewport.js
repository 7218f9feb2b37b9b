// Draws the pictures of the chosen view on one canvas, each as large as it fits, with its name below, and over them what the hand
// can take hold of. Side by side, both show the same square around the head.
const studio = window.loki;
studio.offer(server, upload);

const canvas = element.querySelector("canvas");
const stage = element.querySelector(".stage");
const wipe = element.querySelector(".wipe");
const mode = element.querySelector("select");
const hint = element.querySelector(".hint");
const radios = (name) => [...element.querySelectorAll(`input[name=${name}]`)];
const names = Object.fromEntries(radios("ls-view").map((radio) => [radio.value, radio.nextElementSibling.textContent]));
const CAPTION = 22;

const panes = new LokiPanes();
const gizmos = new LokiGizmos(studio, panes, JSON.parse(canvas.dataset.handles));

const picture = (view) => (view === "portrait" ? studio.face : studio.pictures[view]?.bitmap);

// The part of the portrait that a view shows.
const regionOf = (view, square) => {
  const image = picture(view);
  if (view === "map" || square) return studio.crop ?? { x: 0, y: 0, width: 1, height: 1 };
  return { x: 0, y: 0, width: image?.width ?? 1, height: image?.height ?? 1 };
};

const drawOne = (pen, view, box, { square = false, until = 1 } = {}) => {
  const region = regionOf(view, square);
  const pane = panes.add(view, region, { ...box, height: box.height - CAPTION });
  const image = picture(view);
  if (!image) return pane;
  const { place } = pane;
  if (view === "map") studio.fitMap(Math.round(place.width * window.devicePixelRatio));
  const from = view === "map" ? { x: 0, y: 0, width: image.width, height: image.height } : region;
  pen.save();
  pen.beginPath();
  pen.rect(pane.box.x, pane.box.y, place.x + place.width * until - pane.box.x, pane.box.height);
  if (until === 1) pen.rect(pane.box.x, pane.box.y, pane.box.width, pane.box.height);
  pen.clip();
  pen.drawImage(image, from.x, from.y, from.width, from.height, place.x, place.y, place.width, place.height);
  pen.restore();
  return pane;
};

const bottom = ({ box, place }) => Math.min(box.y + box.height, place.y + place.height);
const caption = (pen, view, x, pane) => pen.fillText(names[view], x, bottom(pane) + CAPTION - 7);

const drawAlone = (pen, view, box, square) => caption(pen, view, box.x + box.width / 2, drawOne(pen, view, box, { square }));

const drawWipe = (pen, box) => {
  panes.fit(); // before the first pane: both must lie over one another
  const pane = drawOne(pen, "warp", box);
  const { fitted } = pane;
  const share = wipe.value / 100;
  drawOne(pen, "portrait", box, { until: share });
  caption(pen, "portrait", fitted.x + fitted.width / 4, pane);
  caption(pen, "warp", fitted.x + (fitted.width * 3) / 4, pane);
  pen.fillStyle = getComputedStyle(canvas).getPropertyValue("--ls-accent");
  pen.fillRect(fitted.x + fitted.width * share - 1, fitted.y, 2, fitted.height);
  Object.assign(wipe.style, { left: `${fitted.x}px`, width: `${fitted.width}px`, top: `${fitted.y}px`, height: `${fitted.height}px` });
};

const draw = () => {
  const [width, height] = [stage.clientWidth, stage.clientHeight];
  const ratio = window.devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  pen.font = `12px ${style.fontFamily}`;
  pen.textAlign = "center";
  pen.fillStyle = style.color;
  panes.clear();
  const view = studio.studio?.look.view ?? "side";
  const box = { x: 0, y: 0, width, height };
  if (view === "wipe") drawWipe(pen, box);
  else if (view === "side") {
    const half = (width - 12) / 2;
    drawAlone(pen, "map", { ...box, width: half });
    drawAlone(pen, "warp", { ...box, x: half + 12, width: half }, true);
  } else drawAlone(pen, view, box);
  if (view !== "wipe" && view !== "portrait") {
    const colour = (name) => style.getPropertyValue(name);
    gizmos.draw(pen, { accent: colour("--ls-accent"), panel: colour("--ls-panel"), text: colour("--ls-text") });
  }
  canvas.dataset.zoom = panes.zoom;
  studio.emit("painted");
};

let queued = false;
const redraw = () => {
  if (queued) return;
  queued = true;
  requestAnimationFrame(() => {
    queued = false;
    draw();
  });
};

const showState = () => {
  const { view, tool, map } = studio.studio.look;
  for (const radio of radios("ls-view")) radio.checked = radio.value === view;
  for (const radio of radios("ls-tool")) radio.checked = radio.value === tool;
  mode.hidden = !studio.views.includes("map");
  mode.value = map;
  wipe.hidden = view !== "wipe";
  hint.hidden = Boolean(studio.studio.portrait);
  redraw();
};

const loadFace = async () => {
  const id = studio.studio.portrait;
  if (!id || id === studio.faceOf) return;
  studio.faceOf = id;
  gizmos.pins.clear();
  const reply = await studio.ask("portrait_picture", { id });
  if (!reply) return;
  const image = new Image();
  image.src = reply.picture;
  await image.decode();
  if (studio.faceOf !== id) return;
  studio.face = image;
  studio.crop = { x: reply.crop.x, y: reply.crop.y, width: reply.crop.side, height: reply.crop.side };
  studio.emit("face");
};

// --- the hand -----------------------------------------------------------------------------------------------------
let panning = null;
const place = (event) => {
  const { left, top } = canvas.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
};

canvas.addEventListener("pointerdown", (event) => {
  const [x, y] = place(event);
  const pane = panes.at(x, y);
  if (!pane) return;
  if (event.button === 0 && gizmos.grab(pane, x, y)) studio.pause();
  else if (panes.zoom > 1) panning = { x, y, aside: panes.aside, pane };
  else return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  redraw();
});

canvas.addEventListener("pointermove", (event) => {
  const [x, y] = place(event);
  if (gizmos.drag) gizmos.move(x, y, event);
  else if (panning) {
    const { fitted } = panning.pane;
    panes.move({ x: panning.aside.x + (x - panning.x) / fitted.width, y: panning.aside.y + (y - panning.y) / fitted.height });
  } else if (!gizmos.hover(panes.at(x, y), x, y)) return;
  canvas.style.cursor = gizmos.drag || panning ? "grabbing" : gizmos.hovered ? "grab" : "";
  canvas.title = gizmos.hovered?.kind === "handle" && !gizmos.drag ? gizmos.names[gizmos.hovered.index][1] : "";
  redraw();
});

const release = () => {
  gizmos.release();
  panning = null;
  redraw();
};
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, release);
canvas.addEventListener("pointerleave", () => {
  gizmos.hovered = null;
  redraw();
});
canvas.addEventListener("dblclick", (event) => {
  gizmos.hover(panes.at(...place(event)), ...place(event));
  if (!gizmos.pin()) panes.fit();
  redraw();
});
canvas.addEventListener("wheel", (event) => {
  const [x, y] = place(event);
  const pane = panes.at(x, y);
  if (!pane) return;
  event.preventDefault();
  panes.zoomAt(pane, x, y, Math.exp(-event.deltaY / 400));
  redraw();
}, { passive: false });

const fit = () => {
  panes.fit();
  redraw();
};
studio.actions = { ...studio.actions, fit };

for (const radio of radios("ls-view"))
  radio.addEventListener("change", () => studio.edit({ do: "look", name: "view", value: radio.value }));
for (const radio of radios("ls-tool"))
  radio.addEventListener("change", () => studio.edit({ do: "look", name: "tool", value: radio.value }));
mode.addEventListener("change", () => studio.edit({ do: "look", name: "map", value: mode.value }));
wipe.addEventListener("input", redraw);
new ResizeObserver(redraw).observe(stage);
for (const name of ["picture", "marks", "play", "theme", "face"]) studio.on(name, redraw);
studio.watch(({ look, portrait }) => [look.view, look.tool, look.map, portrait], showState);
studio.watch(({ portrait }) => portrait, loadFace);
