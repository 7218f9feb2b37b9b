// The layers, the highest first as they lie, and what can be changed in the chosen one.
const studio = window.loki;
studio.offer(server, upload);

const list = element.querySelector("ul");
const blank = element.querySelector("template").content.firstElementChild;
const fields = [...element.querySelectorAll("[data-field]")];
const faders = [...element.querySelectorAll("[data-region], [data-gain]")];

const slots = new LokiSlots(element.querySelector(".slots"), studio);
const chosen = () => studio.studio.layers.find((layer) => layer.id === studio.studio.selected);
const edit = (op, id, values = {}) => studio.edit({ do: "layer", op, id, ...values });
const field = (id, name, value) => edit("field", id, { name, value });

// One drag is one step of undo.
let gesture = null;
const drags = (slider, change) => {
  const fresh = () => (gesture = studio.newGesture());
  for (const name of ["pointerdown", "focus", "change"]) slider.addEventListener(name, fresh);
  slider.addEventListener("input", () => {
    studio.fill(slider, Number(slider.dataset.rest ?? slider.min));
    change(Number(slider.value));
  });
};

const makeRow = (id) => {
  const row = blank.cloneNode(true);
  row.dataset.id = id;
  const [name, slider, key, mute, solo] = row.children;
  const layer = () => studio.studio.layers.find((each) => each.id === id);
  name.addEventListener("click", () => edit("select", id));
  drags(slider, (value) => edit("weight", id, { value, gesture }));
  slider.addEventListener("dblclick", () => edit("weight", id, { value: 1 }));
  key.addEventListener("click", () => {
    if (key.getAttribute("aria-pressed") === "true") edit("free", id);
    else edit("weight", id, { value: layer().weight, key: true });
  });
  mute.addEventListener("click", () => field(id, "mute", !layer().mute));
  solo.addEventListener("click", () => field(id, "solo", !layer().solo));
  return row;
};

const label = (part, words) => {
  part.title = words;
  part.setAttribute("aria-label", words);
};

const showRow = (row, layer, silent) => {
  const [name, slider, key, mute, solo] = row.children;
  const [side] = layer.slots?.own.length === 1 ? layer.slots.own : [""];
  row.dataset.moves = side;
  name.lastElementChild.textContent = layer.sound ? `♪ ${layer.name}` : layer.name;
  name.title = layer.sound ? studio.say("voice_named", layer) : layer.name;
  if (side) name.title += `\n${studio.words[`slot_moves_${side}`]}`;
  name.setAttribute("aria-current", layer.id === studio.studio.selected);
  row.classList.toggle("chosen", layer.id === studio.studio.selected);
  row.classList.toggle("silent", silent);
  if (slider !== document.activeElement || !slider.matches(":active")) slider.value = layer.weight;
  studio.fill(slider);
  label(slider, studio.say("layer_weight", layer));
  label(mute, studio.say("layer_mute", layer));
  label(solo, studio.say("layer_solo", layer));
  key.setAttribute("aria-pressed", layer.weight_keys.includes(studio.studio.look.frame));
  mute.setAttribute("aria-pressed", layer.mute);
  solo.setAttribute("aria-pressed", layer.solo);
};

const showState = () => {
  const { layers } = studio.studio;
  const rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const wanted = [...layers].reverse().map((layer) => rows.get(layer.id) ?? makeRow(layer.id));
  if (wanted.some((row, at) => row !== list.children[at]) || wanted.length !== list.children.length) list.replaceChildren(...wanted);
  const soloed = layers.some((layer) => layer.solo);
  layers.forEach((layer, at) => showRow(wanted[layers.length - 1 - at], layer, soloed ? !layer.solo : layer.mute));
  showChosen();
};

const showChosen = () => {
  const layer = chosen();
  const tracked = studio.library.motions.some((motion) => motion.id === layer.source && motion.clip);
  const shows = { source: !layer.by_hand, tracked };
  for (const part of element.querySelectorAll("[data-for]")) part.hidden = !shows[part.dataset.for];
  slots.show(layer);
  for (const input of fields) if (input !== document.activeElement) input.value = layer[input.dataset.field] ?? "";
  for (const slider of faders) {
    const { region, gain, rest } = slider.dataset;
    const value = region ? layer.regions[region] ?? 1 : layer.gains[gain];
    if (!slider.matches(":active")) slider.value = value;
    slider.nextElementSibling.textContent = Number(value).toFixed(2);
    studio.fill(slider, region ? 0 : Number(rest));
  }
  const at = studio.studio.layers.indexOf(layer);
  element.querySelector("[data-do=up]").disabled = at === studio.studio.layers.length - 1;
  element.querySelector("[data-do=down]").disabled = at === 0;
};

for (const slider of faders) {
  const { region, gain } = slider.dataset;
  const change = (value) => edit(region ? "region" : "gain", chosen().id, { name: region ?? gain, value, gesture });
  drags(slider, change);
  slider.addEventListener("dblclick", () => change(Number(slider.dataset.rest)));
}

for (const input of fields)
  input.addEventListener("change", () => {
    const numeric = input.type === "number";
    const value = numeric ? (input.value === "" ? null : Number(input.value)) : input.value;
    field(chosen().id, input.dataset.field, value);
  });

const actions = {
  new: () => studio.edit({ do: "layer", op: "add", source: "" }),
  up: () => edit("lift", chosen().id, { by: 1 }),
  down: () => edit("lift", chosen().id, { by: -1 }),
  copy: () => edit("copy", chosen().id),
  delete: () => edit("delete", chosen().id),
};
const named = (name) => element.querySelector(`[name=${name}]`);
const make = {
  generate: () => {
    studio.edit({ do: "layer", op: "generate", kind: named("kind").value, seed: Number(named("seed").value) });
    named("seed").value = Number(named("seed").value) + 1; // the next one is another
  },
  speak: () => named("text").value.trim() && studio.edit({ do: "layer", op: "speak", text: named("text").value }),
};
const file = element.querySelector("input[type=file]");
make.voice = () => file.click();
file.addEventListener("change", async () => {
  const [sound] = file.files;
  file.value = "";
  const [button, frame] = [element.querySelector("[data-do=voice]"), studio.frame];
  button.disabled = true;
  const path = sound && (await studio.send(sound));
  if (path) await studio.ask("take_voice", { path, name: sound.name, frame });
  button.disabled = false;
});
named("text").addEventListener("keydown", (event) => event.key === "Enter" && make.speak());
for (const button of element.querySelectorAll(".make button")) button.addEventListener("click", make[button.dataset.do]);
for (const button of element.querySelectorAll(".tools button")) button.addEventListener("click", actions[button.dataset.do]);

studio.watch(({ layers, selected, look }) => [layers, selected, look.frame], showState);
studio.on("library", () => studio.studio && showChosen());
