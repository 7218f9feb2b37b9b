// LIA-X's directions. One picture is on its way at a time: the edited portrait goes before those of the sweep, the newest wins.
const studio = window.loki;
studio.offer(server, upload);

const [PICTURE, STAMP] = [320, 96]; // pixels asked for
const part = (name) => element.querySelector(`[data-part=${name}]`);
const rows = [...element.querySelectorAll("[data-direction]")];
const stamps = [...element.querySelectorAll(".strip button")];
const nameOf = (row) => row.dataset.direction;
const slider = (row) => row.querySelector("input[type=range]");
const box = (row) => row.querySelector("input[type=number]");
let [held, gesture, swept] = [null, null, null];
let [asking, drawn] = [false, null];
const visible = () => element.offsetParent !== null;

// --- what is set -------------------------------------------------------------------------------------------------------
const valueOf = (name) => new Map(studio.studio.controls).get(name) ?? 0;
const set = (row, value) => {
  sweep(row);
  studio.edit({ do: "control", name: nameOf(row), value, gesture });
};
const fresh = () => (gesture = studio.newGesture());

for (const row of rows) {
  for (const name of ["pointerdown", "focus"])
    slider(row).addEventListener(name, () => {
      held = slider(row);
      fresh();
      sweep(row);
    });
  slider(row).addEventListener("input", () => {
    studio.fill(slider(row), 0);
    box(row).value = slider(row).value;
    set(row, Number(slider(row).value));
  });
  slider(row).addEventListener("change", () => (held = null));
  slider(row).addEventListener("dblclick", () => studio.edit({ do: "reset", names: [nameOf(row)] }));
  box(row).addEventListener("focus", () => {
    held = box(row);
    fresh();
    sweep(row);
  });
  box(row).addEventListener("blur", () => (held = null));
  box(row).addEventListener("change", () => {
    const value = Math.min(Number(box(row).max), Math.max(Number(box(row).min), Number(box(row).value) || 0));
    box(row).value = value;
    set(row, value);
  });
  row.querySelector("[data-key]").addEventListener("click", (event) => {
    const here = event.currentTarget.getAttribute("aria-pressed") === "true";
    if (here) studio.edit({ do: "keys", op: "delete", keys: [[nameOf(row), studio.frame]] });
    else studio.edit({ do: "key", names: [nameOf(row)] });
  });
}

const showValues = () => {
  for (const row of rows) {
    const value = valueOf(nameOf(row));
    if (slider(row) !== held) slider(row).value = value;
    if (box(row) !== held) box(row).value = Number(value.toFixed(2));
    studio.fill(slider(row), 0);
    row.classList.toggle("set", value !== 0);
    const keys = studio.studio.tracks[nameOf(row)] ?? [];
    row.classList.toggle("keyed", keys.length > 0);
    row.querySelector("[data-key]").setAttribute("aria-pressed", keys.some(([frame]) => frame === studio.studio.look.frame));
  }
  for (const count of element.querySelectorAll("details .count")) count.textContent = count.closest("details").querySelectorAll(".set").length || "";
  element.querySelector("[data-do=reset]").disabled = !rows.some((row) => row.matches(".set, .keyed"));
};
studio.watch(({ controls, tracks, look }) => [controls, tracks, look.frame], showValues);

// --- pictures ----------------------------------------------------------------------------------------------------------
// What a picture of the portrait depends on.
const wanted = () => {
  const { portrait, controls } = studio.studio;
  return JSON.stringify([portrait, controls.filter(([name]) => name.startsWith("liax/"))]);
};

const sweep = (row) => {
  if (swept === row) return;
  swept = row;
  const [low, high] = [Number(slider(row).min), Number(slider(row).max)];
  part("sweep").hidden = false;
  part("sweep").querySelector("h2").textContent = studio.say("liax_sweep", { name: row.firstElementChild.textContent });
  stamps.forEach((stamp, at) => {
    const value = Number((low + ((high - low) * at) / (stamps.length - 1)).toFixed(3));
    stamp.dataset.value = value;
    stamp.querySelector("span").textContent = value.toFixed(2);
    stamp.setAttribute("aria-label", studio.say("liax_take", { name: row.firstElementChild.textContent, value: value.toFixed(2) }));
  });
  fill();
};
for (const stamp of stamps)
  stamp.addEventListener("click", () => {
    fresh();
    set(swept, Number(stamp.dataset.value));
  });

// A stamp is as good as the other edits that it was drawn with.
const stampKey = (stamp) => {
  const others = JSON.parse(wanted());
  return JSON.stringify([others[0], others[1].filter(([name]) => name !== nameOf(swept)), nameOf(swept), stamp.dataset.value]);
};

const next = () => {
  if (!studio.studio?.portrait || studio.edits.length) return null;
  if (drawn !== wanted()) return { key: wanted(), values: {}, side: PICTURE, image: part("picture") };
  const stamp = swept && stamps.find((each) => each.dataset.drawn !== stampKey(each));
  if (!stamp || studio.playing) return null;
  return { key: stampKey(stamp), values: { [nameOf(swept)]: Number(stamp.dataset.value) }, side: STAMP, image: stamp.querySelector("img"), stamp };
};

const showBehind = () => part("picture").classList.toggle("behind", studio.edits.length > 0 || drawn !== wanted());

const fill = async () => {
  showBehind();
  if (asking || !visible()) return;
  const order = next();
  if (!order) return;
  asking = true;
  const reply = await studio.ask("lia_x_picture", { values: order.values, side: order.side });
  asking = false;
  if (!reply) return;
  show(reply);
  if (reply.lacking) return;
  order.image.src = reply.picture;
  if (order.stamp) order.stamp.dataset.drawn = order.key;
  else drawn = order.key;
  fill();
};

const show = ({ lacking = "", directions = rows.length }) => {
  part("lacking").textContent = lacking;
  part("lacking").hidden = !lacking;
  for (const piece of element.querySelectorAll("[data-network]")) piece.hidden = Boolean(lacking);
  if (lacking) part("sweep").hidden = true;
  for (const row of rows) row.hidden = Number(row.dataset.index) >= directions;
};

// --- motion directions: a slider pushes the face from where it is, and goes back to the middle when it is let go --------
for (const row of element.querySelectorAll("[data-push]")) {
  const units = JSON.parse(row.dataset.push);
  const push = row.querySelector("input");
  let from = null;
  push.addEventListener("input", () => {
    if (!from) {
      from = new Map(studio.studio.controls);
      fresh();
    }
    studio.fill(push, 0);
    const at = (name, share) => Math.min(1, Math.max(0, (from.get(name) ?? 0) + Number(push.value) * share));
    studio.edit({ do: "controls", values: Object.fromEntries(units.map(([name, share]) => [name, at(name, share)])), gesture });
  });
  push.addEventListener("change", () => {
    from = null;
    push.value = 0;
    studio.fill(push, 0);
  });
}

// --- actions -----------------------------------------------------------------------------------------------------------
const actions = {
  align: async () => {
    const reply = await studio.ask("lia_x_align");
    if (reply?.values) studio.edit({ do: "controls", values: reply.values });
  },
  reset: () => studio.edit({ do: "reset", names: [...new Set(rows.map(nameOf))] }),
};
for (const button of element.querySelectorAll("[data-do]"))
  button.addEventListener("click", async () => {
    button.disabled = true;
    await actions[button.dataset.do]();
    button.disabled = false;
  });

new IntersectionObserver(() => studio.studio && fill()).observe(element);
studio.follow("studio", fill);
