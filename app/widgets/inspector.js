// Sliders for every control. They follow the studio's state, except the one that is in the user's hand.
const studio = window.loki;
studio.offer(server, upload);

const rows = new Map([...element.querySelectorAll("[data-control]")].map((row) => [row.dataset.control, row]));
const inputs = new Map([...rows.values()].map((row) => [row, [row.querySelector("input[type=range]"), row.querySelector("input[type=number]")]]));
const parts = (row) => inputs.get(row);
const rest = new Map([...rows.values()].map((row) => [row, Number(row.dataset.default)]));
const atRest = (row) => rest.get(row);
let held = null;
let gesture = null;
const shown = new Map(); // row -> value on screen, as the state had it

const display = (row, value) => {
  if (shown.get(row) === value) return;
  const [slider, box] = parts(row);
  shown.set(row, value);
  if (slider !== held) slider.value = value;
  if (box !== held) box.value = Number(value.toFixed(2));
  studio.fill(slider, atRest(row));
  row.classList.toggle("set", value !== atRest(row));
};

const showState = () => {
  const set = new Map(studio.studio.controls);
  for (const [name, row] of rows) display(row, set.get(name) ?? atRest(row));
  for (const group of element.querySelectorAll("details")) {
    const changed = group.querySelectorAll(".set").length;
    group.querySelector(".count").textContent = changed || "";
    group.querySelector("[data-reset-group]").disabled = !changed;
  }
  element.querySelector("[data-reset-all]").disabled = !set.size;
  element.querySelector("[data-linked]").checked = studio.studio.look.linked;
};

const showKeys = () => {
  for (const [name, row] of rows) {
    const keys = studio.studio.tracks[name] ?? [];
    row.classList.toggle("keyed", keys.length > 0);
    row.querySelector("[data-key]").setAttribute("aria-pressed", keys.some(([frame]) => frame === studio.studio.look.frame));
  }
};
studio.watch(({ tracks, look }) => [tracks, look.frame], showKeys);

// A key here, or none any more.
for (const [name, row] of rows)
  row.querySelector("[data-key]").addEventListener("click", (event) => {
    const here = event.currentTarget.getAttribute("aria-pressed") === "true";
    if (here) studio.edit({ do: "keys", op: "delete", keys: [[name, studio.frame]] });
    else studio.edit({ do: "key", names: [name] });
  });

const tips = new LokiTips(studio, element);
for (const row of rows.values()) tips.serve(row, row.querySelector("label"), parts(row)[0]);

const set = (row, value) => {
  shown.delete(row);
  studio.edit({ do: "control", name: row.dataset.control, value, gesture });
};
const reset = (names) => studio.edit({ do: "reset", names });

for (const row of rows.values()) {
  const [slider, box] = parts(row);
  for (const input of [slider, box]) {
    input.addEventListener("pointerdown", () => (held = input));
    input.addEventListener("focus", () => (gesture = studio.newGesture()));
    input.addEventListener("blur", () => {
      if (held === input) held = null;
      shown.delete(row);
      if (studio.studio) showState();
    });
  }
  slider.addEventListener("pointerdown", () => (gesture = studio.newGesture()));
  slider.addEventListener("pointerup", () => (held = null));
  slider.addEventListener("input", () => {
    box.value = Number(Number(slider.value).toFixed(2));
    studio.fill(slider, atRest(row));
    set(row, Number(slider.value));
  });
  slider.addEventListener("change", () => {
    held = null;
    gesture = studio.newGesture();
  });
  slider.addEventListener("dblclick", () => reset([row.dataset.control]));
  slider.addEventListener("keydown", (event) => {
    if (event.key === "Delete" || event.key === "Backspace") reset([row.dataset.control]);
  });
  box.addEventListener("focus", () => (held = box));
  box.addEventListener("change", () => {
    const value = Math.min(Number(box.max), Math.max(Number(box.min), Number(box.value) || 0));
    box.value = value;
    set(row, value);
    gesture = studio.newGesture();
  });
}

for (const group of element.querySelectorAll("details")) {
  const names = [...group.querySelectorAll("[data-control]")].map((row) => row.dataset.control);
  group.querySelector("[data-reset-group]").addEventListener("click", (event) => {
    event.preventDefault();
    reset(names);
  });
}
element.querySelector("[data-reset-all]").addEventListener("click", () => reset([...rows.keys()]));
element.querySelector("[data-linked]").addEventListener("change", (event) => studio.edit({ do: "look", name: "linked", value: event.target.checked }));

const search = element.querySelector("input[type=search]");
search.addEventListener("input", () => {
  const wanted = search.value.trim().toLowerCase();
  for (const group of element.querySelectorAll("details")) {
    let found = 0;
    for (const row of group.querySelectorAll("[data-control]")) {
      row.hidden = !row.dataset.search.includes(wanted);
      found += !row.hidden;
    }
    group.hidden = !found;
    if (wanted) group.open = true;
  }
});

studio.follow("studio", showState);
