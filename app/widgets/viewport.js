// Draws the pictures of the chosen view on one canvas, each as large as it fits, with its name below.
// Side by side, both show the same square around the head.
const studio = window.loki;
studio.offer(server, upload);

const canvas = element.querySelector("canvas");
const stage = element.querySelector(".stage");
const wipe = element.querySelector(".wipe");
const mode = element.querySelector("select");
const hint = element.querySelector(".hint");
const names = Object.fromEntries([...element.querySelectorAll("input[name=ls-view]")].map((radio) => [radio.value, radio.nextElementSibling.textContent]));
const CAPTION = 22;

const picture = (view) => (view === "portrait" ? studio.face : studio.pictures[view]?.bitmap);

// The largest place of that shape inside a box.
const fit = (image, box) => {
  const scale = Math.min(box.width / image.width, box.height / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  return { x: box.x + (box.width - width) / 2, y: box.y + (box.height - height) / 2, width, height };
};

const drawOne = (pen, view, box, square = null) => {
  const image = picture(view);
  const from = square ?? { x: 0, y: 0, width: image?.width ?? 1, height: image?.height ?? 1 };
  const place = fit(from, { ...box, height: box.height - CAPTION });
  if (image) pen.drawImage(image, from.x, from.y, from.width, from.height, place.x, place.y, place.width, place.height);
  return place;
};

const caption = (pen, view, x, place) => pen.fillText(names[view], x, place.y + place.height + CAPTION - 7);

const drawAlone = (pen, view, box, square) => caption(pen, view, box.x + box.width / 2, drawOne(pen, view, box, square));

const drawWipe = (pen, box) => {
  const place = drawOne(pen, "warp", box);
  const split = place.x + (place.width * wipe.value) / 100;
  pen.save();
  pen.beginPath();
  pen.rect(place.x, place.y, split - place.x, place.height);
  pen.clip();
  drawOne(pen, "portrait", box);
  pen.restore();
  caption(pen, "portrait", place.x + place.width / 4, place);
  caption(pen, "warp", place.x + (place.width * 3) / 4, place);
  pen.fillStyle = getComputedStyle(canvas).getPropertyValue("--ls-accent");
  pen.fillRect(split - 1, place.y, 2, place.height);
  Object.assign(wipe.style, { left: `${place.x}px`, width: `${place.width}px`, top: `${place.y}px`, height: `${place.height}px` });
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
  pen.font = `12px ${getComputedStyle(canvas).fontFamily}`;
  pen.textAlign = "center";
  pen.fillStyle = getComputedStyle(canvas).color;
  const view = studio.studio?.look.view ?? "side";
  const box = { x: 0, y: 0, width, height };
  if (view === "wipe") drawWipe(pen, box);
  else if (view === "side") {
    const half = (width - 12) / 2;
    drawAlone(pen, "map", { ...box, width: half });
    drawAlone(pen, "warp", { ...box, x: half + 12, width: half }, studio.crop);
  } else drawAlone(pen, view, box);
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
  const view = studio.studio.look.view;
  for (const radio of element.querySelectorAll("input[name=ls-view]")) radio.checked = radio.value === view;
  mode.hidden = !studio.views.includes("map");
  mode.value = studio.studio.look.map;
  wipe.hidden = view !== "wipe";
  hint.hidden = Boolean(studio.studio.portrait);
  redraw();
};

const loadFace = async () => {
  const id = studio.studio.portrait;
  if (!id || id === studio.faceOf) return;
  studio.faceOf = id;
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

for (const radio of element.querySelectorAll("input[name=ls-view]"))
  radio.addEventListener("change", () => studio.edit({ do: "look", name: "view", value: radio.value }));
mode.addEventListener("change", () => studio.edit({ do: "look", name: "map", value: mode.value }));
wipe.addEventListener("input", redraw);
new ResizeObserver(redraw).observe(stage);
studio.on("picture", redraw);
studio.on("theme", redraw);
studio.on("face", redraw);
studio.follow("studio", showState);
studio.follow("studio", loadFace);
