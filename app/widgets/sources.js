// The portrait, the driver clip, the motions to choose from. Files may be dropped anywhere.
const studio = window.loki;
studio.offer(server, upload);

const find = (name) => element.querySelector(`[data-part=${name}]`);
const zones = { portrait: find("portrait"), driver: find("driver") };

// --- the portrait ----------------------------------------------------------------------------------------------------
const takePortrait = async (path, name, face = null) => {
  find("busy").hidden = false;
  const reply = await studio.ask("take_portrait", { path, name, face });
  find("busy").hidden = true;
  offerFaces(find("faces"), "faces", reply?.faces ?? [], (chosen) => takePortrait(path, name, chosen));
};

// Several faces: each as a button with its picture.
const offerFaces = (place, words, faces, pick) => {
  const [title, list] = place.children;
  place.hidden = !faces.length;
  title.textContent = studio.say(words, { count: faces.length });
  list.replaceChildren(...faces.map((picture, index) => {
    const button = document.createElement("button");
    const image = new Image();
    image.src = picture;
    image.alt = studio.say("face_number", { number: index + 1 });
    button.append(image);
    button.addEventListener("click", () => pick(index + 1));
    return button;
  }));
  list.firstElementChild?.focus();
};

// --- the driver: a clip or a motion, or the picture of a face to borrow its expression from -------------------------------
const askDriver = async (name, words, request) => {
  find("driver-busy").hidden = false;
  const reply = await studio.ask(name, request);
  find("driver-busy").hidden = true;
  offerFaces(find("driver-faces"), words, reply?.faces ?? [], (face) => askDriver(name, words, { ...request, face }));
  if (reply?.offered) offer.offer(reply.offered);
  if (!reply?.borrowed) return;
  studio.borrowed = reply.borrowed;
  document.querySelector("#ls-tab-driver-button")?.click();
  studio.emit("borrowed");
};
const takeDriver = (path, name) => askDriver("take_driver", "driver_faces", { path, name });
const takeExpression = (path, name) => askDriver("take_expression", "faces", { path, name });

// A sound speaks from the playhead on.
const takeVoice = async (path, name, frame) => {
  find("driver-busy").hidden = false;
  const reply = await studio.ask("take_voice", { path, name, frame });
  find("driver-busy").hidden = true;
  if (reply) document.querySelector("#ls-tab-layers-button")?.click();
};

// --- files -----------------------------------------------------------------------------------------------------------
const take = async (file) => {
  if (isSound(file)) return takeAs("driver", file);
  if (/[.](loki|png|mp4)$/i.test(file.name)) {
    const path = await studio.send(file);
    const became = path && (await studio.openProject(path, file.name));
    if (became === "opened") studio.keepRecent(file.name);
    if (became !== "none") return;
  }
  const moves = file.type.startsWith("video/") || file.type === "image/gif" || /[.](npz|csv|glb)$/i.test(file.name);
  const kind = moves ? "driver" : file.type.startsWith("image/") ? "portrait" : null;
  if (!kind) return studio.toast(studio.say("not_media", { name: file.name }));
  return takeAs(kind, file);
};

const isSound = (file) => file.type.startsWith("audio/") || (!file.type && /[.](wav|mp3|m4a|aac|flac|ogg|opus)$/i.test(file.name));
const isStill = (file) => file.type.startsWith("image/") && file.type !== "image/gif";

const takeAs = async (kind, file) => {
  const { frame } = studio;
  zones[kind].classList.add("sending");
  const path = await studio.send(file);
  zones[kind].classList.remove("sending");
  if (!path) return;
  if (kind === "portrait") await takePortrait(path, file.name);
  else if (isSound(file)) await takeVoice(path, file.name, frame);
  else if (isStill(file)) await takeExpression(path, file.name);
  else await takeDriver(path, file.name);
};

for (const [kind, zone] of Object.entries(zones)) {
  const picker = zone.querySelector("input[type=file]");
  zone.querySelector("button").addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => {
    if (picker.files[0]) takeAs(kind, picker.files[0]);
    picker.value = "";
  });
}

let depth = 0;
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
const mark = (on) => Object.values(zones).forEach((zone) => zone.classList.toggle("waiting", on));
document.addEventListener("dragenter", (event) => hasFiles(event) && mark(++depth > 0));
document.addEventListener("dragleave", (event) => hasFiles(event) && mark(--depth > 0));
document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
document.addEventListener("drop", async (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  mark((depth = 0) > 0);
  const onDriver = zones.driver.contains(event.target);
  for (const file of event.dataTransfer.files) await (onDriver && isStill(file) ? takeAs("driver", file) : take(file));
});

const offer = new LokiOffer(find("offer"), studio);
const recorder = new LokiRecorder(element.querySelector("dialog"), studio, (file) => takeAs("driver", file));
find("record").addEventListener("click", () => recorder.open());

// --- what is there ---------------------------------------------------------------------------------------------------
const choice = (name, entry, checked, pick) => {
  const label = document.createElement("label");
  const radio = Object.assign(document.createElement("input"), { type: "radio", name, value: entry.id, checked });
  radio.addEventListener("change", pick);
  const text = document.createElement("span");
  text.textContent = entry.name;
  text.title = entry.name;
  label.append(radio, text);
  if (entry.id) label.append(find("motions").previousElementSibling.content.cloneNode(true));
  if (entry.length) {
    const length = document.createElement("small");
    length.textContent = entry.length;
    label.append(length);
  }
  if (entry.id) label.append(addButton(entry));
  return label;
};

const addButton = (entry) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "+";
  button.title = studio.words.layer_add;
  button.setAttribute("aria-label", `${studio.words.layer_add}: ${entry.name}`);
  button.addEventListener("click", () => studio.edit({ do: "layer", op: "add", source: entry.id }));
  return button;
};

const showLibrary = () => {
  const { motions, jobs } = studio.library;
  const pick = (event) => studio.edit({ do: "motion", id: event.target.value }) ?? studio.pause();
  const focused = document.activeElement?.closest("[data-part=motions]") ? document.activeElement.value : null;
  find("motions").replaceChildren(...motions.map((motion) => choice("ls-motion", motion, false, pick)));
  if (focused !== null) find("motions").querySelector(`input[value="${focused}"]`)?.focus();
  showState();
  showJob(jobs.find((job) => job.kind === "track" && (job.state === "waiting" || job.state === "running")));
};

const showJob = (job) => {
  find("tracking").hidden = !job;
  if (!job) return;
  find("tracking-title").textContent = studio.describe(job);
  const bar = find("tracking").querySelector("progress");
  if (job.total) Object.assign(bar, { max: job.total, value: job.done });
  else bar.removeAttribute("value");
  find("cancel").onclick = () => studio.ask("cancel_job", { id: job.id });
};

const showState = () => {
  const sitter = studio.library.portraits.find((portrait) => portrait.id === studio.studio.portrait);
  find("portrait-name").textContent = sitter?.name ?? "";
  for (const radio of find("motions").querySelectorAll("input")) {
    markSide(radio.parentElement, studio.studio.layers.filter((layer) => layer.slots && layer.source === radio.value));
    const fresh = radio.value === studio.studio.motion && !radio.checked;
    radio.checked = radio.value === studio.studio.motion;
    if (fresh) radio.parentElement.scrollIntoView({ block: "nearest" });
  }
};

// A clip that moves only the pose or only the expression says so.
const markSide = (row, layers) => {
  const sides = new Set(layers.flatMap((layer) => layer.slots.own));
  const [side] = sides.size === 1 ? sides : [""];
  row.dataset.moves = side;
  row.title = side && studio.words[`slot_moves_${side}`];
};

const showFace = () => {
  const image = zones.portrait.querySelector("img");
  image.src = studio.face.src;
  image.hidden = false;
  const middle = (from, side, whole) => `${(100 * (from + side / 2)) / whole}%`;
  const { crop, face } = studio;
  image.style.objectPosition = `${middle(crop.x, crop.width, face.width)} ${middle(crop.y, crop.height, face.height)}`;
};

studio.on("face", showFace);
studio.follow("library", showLibrary);
studio.watch(({ portrait, motion, layers }) => [portrait, motion, layers.map(({ source, slots }) => [source, slots])], showState);
