// What to render, how far it is, and what came of it.
const studio = window.loki;
studio.offer(server, upload);

const find = (name) => element.querySelector(`[data-part=${name}]`);
const value = (name) => element.querySelector(`[name=${name}]`).value;
const checked = (name) => element.querySelector(`[name=${name}]`).checked;
let shown = null;

find("render").addEventListener("click", () => {
  studio.pause();
  studio.ask("start_render", {
    format: value("ls-format"), frames: value("ls-frames"), sound: checked("ls-sound"), panel: checked("ls-panel"), project: checked("ls-project"), frame: studio.frame,
  });
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

const showResult = (job) => {
  if (shown === job.id) return;
  shown = job.id;
  find("empty").hidden = true;
  const { path, name, kind } = job.result;
  const url = studio.urlOf(path);
  const link = find("download");
  link.hidden = false;
  link.href = url;
  link.download = name;
  link.textContent = studio.say("download", { name });
  const preview = { video: document.createElement("video"), image: new Image(), none: null }[kind];
  if (kind === "video") Object.assign(preview, { controls: true, loop: true, autoplay: true, muted: true, playsInline: true });
  if (preview) preview.src = url;
  find("preview").replaceChildren(...(preview ? [preview] : []));
};

const showInterrupted = () => {
  const [left] = studio.interrupted;
  find("interrupted").hidden = !left;
  if (!left) return;
  find("interrupted").firstElementChild.textContent = studio.say("interrupted", left);
  const answer = (wanted) => async () => {
    studio.interrupted.shift();
    showInterrupted();
    await studio.ask("resume", { key: studio.browserKey, id: left.id, wanted });
  };
  for (const [name, wanted] of [["resume", true], ["forget", false]])
    element.querySelector(`[data-do=${name}]`).onclick = answer(wanted);
};

const showJobs = () => {
  const jobs = studio.library.jobs.filter((job) => job.kind === "render");
  const active = jobs.find((job) => job.state === "waiting" || job.state === "running");
  find("work").hidden = !active;
  find("render").hidden = Boolean(active);
  if (active) {
    find("title").textContent = studio.describe(active);
    const bar = find("work").querySelector("progress");
    if (active.total) Object.assign(bar, { max: active.total, value: active.done });
    else bar.removeAttribute("value");
    find("cancel").onclick = () => studio.ask("cancel_job", { id: active.id });
  }
  const finished = jobs.filter((job) => job.state === "done").at(-1);
  if (finished) showResult(finished);
};

studio.watch(({ render, portrait }) => [render, portrait], showRenderer);
studio.watch(({ trim, frame_count, fps, motion, layers }) => [trim, frame_count, fps, motion, layers.map((layer) => layer.sound)], showState);
studio.watch(({ hash, trim, frame_count, fps, render }) => [hash, trim, frame_count, fps, render], foreseeSoon);
studio.follow("library", showState);
studio.follow("library", showJobs);
studio.on("interrupted", () => {
  showInterrupted();
  if (studio.interrupted.length) studio.toast(studio.say("interrupted", studio.interrupted[0]));
});
showInterrupted();
