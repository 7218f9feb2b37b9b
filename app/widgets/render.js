// What to render, how far it is, and what came of it.
const studio = window.loki;
studio.offer(server, upload);

const find = (name) => element.querySelector(`[data-part=${name}]`);
const value = (name) => element.querySelector(`[name=${name}]`).value;
const checked = (name) => element.querySelector(`[name=${name}]`).checked;
const request = () => ({
  format: value("ls-format"), frames: value("ls-frames"), sound: checked("ls-sound"), panel: checked("ls-panel"), project: checked("ls-project"), frame: studio.frame,
});

find("render").addEventListener("click", () => {
  studio.pause();
  studio.ask("start_render", request());
});

// --- what renders ------------------------------------------------------------------------------------------------------
const settings = [...element.querySelectorAll("[data-setting]")];
let gesture = null;

element.querySelector("[name=ls-renderer]").addEventListener("change", () => studio.edit({ do: "renderer", name: value("ls-renderer") }));

const valueIn = (input) => {
  if (input.type === "checkbox") return input.checked;
  return input.dataset.kind === "choice" ? input.value : Number(input.value);
};
const showSlider = (slider) => {
  slider.nextElementSibling.textContent = Number(slider.value).toFixed(2);
  studio.fill(slider);
};
const set = (input, to) => studio.edit({ do: "render_setting", name: input.dataset.setting, value: to, gesture });
for (const input of settings) {
  const slides = input.type === "range";
  if (slides) input.addEventListener("pointerdown", () => (gesture = studio.newGesture()));
  input.addEventListener(slides ? "input" : "change", () => {
    if (!slides) gesture = null;
    else showSlider(input);
    set(input, valueIn(input));
  });
  if (slides) input.addEventListener("dblclick", () => set(input, Number(input.dataset.rest)));
}
for (const more of element.querySelectorAll("fieldset details")) {
  more.addEventListener("toggle", () => more.open && more.scrollIntoView({ block: "nearest" })); // it opens below the panel's edge
}

const showRenderer = () => {
  const { renderer, settings: values, lacking } = studio.studio.render;
  element.querySelector("[name=ls-renderer]").value = renderer;
  for (const part of element.querySelectorAll("fieldset")) part.hidden = part.dataset.renderer !== renderer;
  for (const input of settings) {
    const at = values[input.dataset.setting];
    if (input.closest("fieldset").hidden || input.matches(":active")) continue;
    if (input.type === "checkbox") input.checked = at;
    else input.value = at;
    if (input.type === "range") showSlider(input);
  }
  find("lacking").hidden = !lacking;
  find("lacking").textContent = lacking;
  find("render").disabled = !studio.studio.portrait || Boolean(lacking);
};

const showState = () => {
  const [first, stop] = studio.range;
  const seconds = ((stop - first) / studio.rate).toFixed(1);
  element.querySelector("option[value=range]").textContent = studio.say("range_all", { count: stop - first, seconds });
  const motion = studio.library.motions.find((entry) => entry.id === studio.studio.motion);
  find("sound").hidden = !motion?.sound && !studio.studio.layers.some((layer) => layer.sound);
};

// --- what it will take -------------------------------------------------------------------------------------------------
const time = (seconds) => {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return studio.say("seconds", { count: whole });
  return studio.say("minutes", { minutes: Math.floor(whole / 60), seconds: whole % 60 });
};

const showForeseen = () => {
  const { count, missing, seconds } = studio.foreseen;
  const made = count - missing;
  const known = seconds === null ? "_unknown" : "";
  const key = count > 1 ? `foreseen${known}${made ? "_made" : ""}` : `foreseen_frame${made ? "_made" : known}`;
  find("foreseen").textContent = studio.say(key, { count, made, time: time(seconds ?? 0) });
};

// Asked when the hand rests and nobody waits for a picture; seldom, where the answer takes long.
let asking = null;
let pause = 400;
const foresee = async () => {
  asking = null;
  if (!studio.idle) return foreseeSoon();
  if (!studio.studio.portrait || studio.studio.render.lacking) return;
  const start = performance.now();
  const reply = await studio.ask("foresee_render", request());
  pause = Math.max(400, 10 * (performance.now() - start));
  if (!reply) return;
  studio.foreseen = reply.foreseen;
  studio.emit("foreseen");
};
const foreseeSoon = () => (asking ??= setTimeout(foresee, pause));

for (const name of ["ls-format", "ls-frames", "ls-panel"])
  element.querySelector(`[name=${name}]`).addEventListener("change", foreseeSoon);

// --- the queue and what came of it -------------------------------------------------------------------------------------
const stampOf = (job) => studio.urlOf(job.stamp);
const change = (does, id) => studio.ask("change_render", { do: does, id });
const blank = (name) => element.querySelector(`template[data-part=${name}]`).content.firstElementChild.cloneNode(true);
const compare = new window.LokiCompare(find("overlay"), studio);
let shown = null; // id of the result in the preview
let newest = null;
const chosen = { a: null, b: null };

const whatOf = (job) => {
  const [first, stop] = job.frames;
  if (job.still && !["exr", "obj", "npz", "csv", "glb"].includes(job.format)) return studio.say("queue_still", { first });
  const format = element.querySelector(`[name=ls-format] option[value=${job.format}]`).textContent.split(/[,(，（]/)[0].trim();
  return studio.say(stop - first > 1 ? "queue_range" : "queue_frame", { format, first, last: stop - 1 });
};
const stateOf = (job) => {
  if (job.state === "failed") return job.error;
  if (job.state === "waiting" && job.seconds !== null) return studio.say("queue_waiting_time", { time: time(job.seconds) });
  if (job.state !== "running") return studio.say(`queue_${job.state}`);
  if (!job.total) return studio.say("queue_running");
  return studio.say(job.left === null ? "queue_progress" : "queue_left", { ...job, time: time(job.left ?? 0) });
};

const makeRow = (id) => {
  const row = blank("row");
  row.dataset.id = id;
  const does = { up: "lift", go_on: "go_on", again: "go_on", cancel: "cancel", delete: "remove" };
  for (const button of row.querySelectorAll("button")) button.addEventListener("click", () => change(does[button.dataset.do], id));
  return row;
};

const setSource = (image, url) => image.getAttribute("src") !== url && image.setAttribute("src", url);

const showRow = (row, job) => {
  setSource(row.querySelector("img"), stampOf(job));
  row.dataset.state = job.state;
  const part = (name) => row.querySelector(`[data-part=${name}]`);
  part("name").textContent = job.title;
  part("name").title = whatOf(job);
  part("state").textContent = `${whatOf(job)} · ${stateOf(job)}`;
  const bar = row.querySelector("progress");
  bar.hidden = job.state !== "running";
  if (job.total) Object.assign(bar, { max: job.total, value: job.done });
  else bar.removeAttribute("value");
  const shows = {
    up: job.state === "waiting" && job.place > 0,
    go_on: job.state === "interrupted",
    again: job.state === "cancelled" || job.state === "failed",
    cancel: job.state === "waiting" || job.state === "running",
    delete: job.state !== "waiting" && job.state !== "running",
  };
  for (const button of row.querySelectorAll("button")) button.hidden = !shows[button.dataset.do];
};

// The same elements stay while their jobs do, so that a hand or a focus on them is not lost.
const fillList = (list, jobs, make, show) => {
  const rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const wanted = jobs.map((job) => rows.get(job.id) ?? make(job.id));
  if (wanted.length !== list.children.length || wanted.some((row, at) => row !== list.children[at])) list.replaceChildren(...wanted);
  jobs.forEach((job, at) => show(wanted[at], job));
};

const makeTile = (id) => {
  const tile = blank("tile");
  tile.dataset.id = id;
  tile.firstElementChild.addEventListener("click", () => showResult(id));
  return tile;
};
const showTile = (tile, job) => {
  const [button] = tile.children;
  const [image, format, letters] = button.children;
  setSource(image, stampOf(job));
  format.textContent = job.result.name.split(".").pop();
  letters.textContent = ["a", "b"].filter((letter) => chosen[letter] === job.id).join(" ").toUpperCase();
  button.title = `${job.result.name}, ${whatOf(job)}`;
  button.setAttribute("aria-label", button.title);
  button.setAttribute("aria-current", job.id === shown);
};

const results = () => studio.library.jobs.filter((job) => job.kind === "render" && job.state === "done");
const visible = () => results().filter((job) => job.result.kind !== "none");
const asShown = ({ result }) => ({ url: studio.urlOf(result.path), kind: result.kind, name: result.name });

const showResult = (id) => {
  shown = id;
  const job = results().find((result) => result.id === id);
  find("tools").hidden = !job;
  find("empty").hidden = Boolean(job);
  if (!job) return find("preview").replaceChildren(find("empty"));
  const { path, name, kind } = job.result;
  const url = studio.urlOf(path);
  Object.assign(find("download"), { href: url, download: name, textContent: studio.say("download", { name }) });
  const preview = { video: document.createElement("video"), image: new Image(), none: null }[kind];
  if (kind === "video") Object.assign(preview, { controls: true, loop: true, autoplay: true, muted: true, playsInline: true });
  if (preview) preview.src = url;
  find("preview").replaceChildren(find("empty"), ...(preview ? [preview] : []));
  showJobs();
};

const choose = (letter) => () => {
  const other = letter === "a" ? "b" : "a";
  if (chosen[other] === shown) chosen[other] = null;
  chosen[letter] = chosen[letter] === shown ? null : shown;
  showJobs();
};
for (const letter of ["a", "b"]) element.querySelector(`[data-do=${letter}]`).addEventListener("click", choose(letter));
element.querySelector(".tools [data-do=delete]").addEventListener("click", () => change("remove", shown));

// Without a choice, the newest against the one before it.
const pair = () => {
  const all = visible();
  const b = all.find((job) => job.id === chosen.b) ?? all.find((job) => job.id !== chosen.a);
  const a = all.find((job) => job.id === chosen.a) ?? all.find((job) => job.id !== b?.id);
  return a && b ? [a, b] : null;
};
find("compare").addEventListener("click", () => {
  studio.pause();
  compare.open(...pair().map(asShown));
});

const showJobs = () => {
  const jobs = studio.library.jobs.filter((job) => job.kind === "render");
  fillList(find("queue"), jobs.filter((job) => job.state !== "done"), makeRow, showRow);
  const done = results();
  fillList(find("gallery"), done, makeTile, showTile);
  find("gallery").hidden = done.length < 2;
  find("compare").hidden = !pair();
  for (const letter of ["a", "b"]) element.querySelector(`[data-do=${letter}]`).setAttribute("aria-pressed", chosen[letter] === shown);
  for (const button of element.querySelectorAll("[data-do=a], [data-do=b]"))
    button.hidden = !visible().some((job) => job.id === shown);
  const latest = done[0]?.id ?? null;
  if (latest !== newest) {
    newest = latest;
    showResult(latest);
  } else if (shown !== null && !done.some((job) => job.id === shown)) showResult(latest);
};

studio.watch(({ render, portrait }) => [render, portrait], showRenderer);
studio.watch(({ trim, frame_count, fps, motion, layers }) => [trim, frame_count, fps, motion, layers.map((layer) => layer.sound)], showState);
studio.watch(({ hash, trim, frame_count, fps, render }) => [hash, trim, frame_count, fps, render], foreseeSoon);
studio.follow("library", showState);
studio.follow("library", showJobs);
studio.follow("library", foreseeSoon);
studio.on("foreseen", showForeseen);
