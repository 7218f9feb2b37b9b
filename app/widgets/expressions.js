// Expressions as they look on this very portrait. Their pictures are asked for a few at a time, while nothing else is going on.
// What the mixing pad needs of them is in `studio.expressions`: pictures, labels, and how far and where a face is changed.
const studio = window.loki;
studio.offer(server, upload);

const BATCH = 3;
const find = (name) => element.querySelector(`[data-part=${name}]`);
const search = element.querySelector("input[type=search]");
const strength = element.querySelector("[name=ls-strength]");
const chips = [...element.querySelectorAll(".chips input")];
const blank = element.querySelector("template").content.firstElementChild;
const buttons = () => [...element.querySelectorAll("[data-preset]")];
const shared = (studio.expressions = { pictures: new Map(), strength: 1, regions: chips.map((chip) => chip.name) });
let facesOf = null;
let missing = [];
let asking = false;

// --- how far, and where ---------------------------------------------------------------------------------------------
// What was put on last: the slider goes on with it, in the same step of undo, until something else is done.
let last = null;
const put = (name, gesture) => {
  studio.edit({ do: "expression", name, strength: shared.strength, regions: shared.regions, gesture });
  last = { name, gesture, time: studio.edited };
};

strength.addEventListener("input", () => {
  shared.strength = Number(strength.value);
  strength.nextElementSibling.textContent = shared.strength.toFixed(2);
  studio.fill(strength);
  if (last?.time === studio.edited) put(last.name, last.gesture);
  studio.emit("touch");
});
strength.addEventListener("dblclick", () => {
  strength.value = 1;
  strength.dispatchEvent(new Event("input"));
});
studio.fill(strength);

for (const chip of chips)
  chip.addEventListener("change", () => {
    shared.regions = chips.filter((each) => each.checked).map((each) => each.name);
    const names = chips.filter((each) => each.checked).map((each) => each.parentElement.textContent);
    find("regions").textContent = names.length === chips.length ? studio.words.expression_all : names.join(", ") || "–";
    last = null;
    studio.emit("touch");
  });

// --- the gallery ----------------------------------------------------------------------------------------------------
const serve = (button) => {
  button.addEventListener("click", () => put(button.dataset.preset, studio.newGesture()));
  button.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData("text/loki-expression", button.dataset.preset);
    event.dataTransfer.effectAllowed = "copy";
  });
};
buttons().forEach(serve);

const label = (part, words) => {
  part.title = words;
  part.setAttribute("aria-label", words);
};

const makeOwn = (name) => {
  const cell = blank.cloneNode(true);
  const [button, field, rename, remove] = cell.children;
  button.dataset.preset = name;
  serve(button);
  const naming = (on) => {
    field.hidden = !on;
    button.querySelector("span").hidden = on;
    if (on) field.focus();
  };
  rename.addEventListener("click", () => {
    field.value = button.textContent.trim();
    naming(true);
    field.select();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    if (event.key === "Escape") field.value = "";
    field.blur();
    button.focus();
  });
  field.addEventListener("blur", () => {
    naming(false);
    const words = field.value.trim();
    if (words && words !== button.textContent.trim()) studio.edit({ do: "own", op: "rename", name, label: words });
  });
  remove.addEventListener("click", () => studio.edit({ do: "own", op: "delete", name }));
  return cell;
};

const showOwn = () => {
  const cells = new Map([...find("own").children].map((cell) => [cell.firstElementChild.dataset.preset, cell]));
  const fresh = studio.studio.expressions.map(({ name, label: words, tags }) => {
    const cell = cells.get(name) ?? makeOwn(name);
    const [button, field, rename, remove] = cell.children;
    button.querySelector("span").textContent = words;
    button.title = studio.say("expression_drag", { label: words });
    button.dataset.search = [words, ...tags].join(" ").toLowerCase();
    field.setAttribute("aria-label", studio.say("expression_rename", { label: words }));
    label(rename, studio.say("expression_rename", { label: words }));
    label(remove, studio.say("expression_delete", { label: words }));
    return cell;
  });
  find("own").replaceChildren(...fresh);
  missing = buttons().map((button) => button.dataset.preset).filter((name) => !shared.pictures.has(name));
  filter();
  showPictures();
  fill();
};

const filter = () => {
  const wanted = search.value.trim().toLowerCase();
  for (const button of buttons()) (button.closest(".mine") ?? button).hidden = !button.dataset.search.includes(wanted);
  find("none").hidden = buttons().some((button) => !(button.closest(".mine") ?? button).hidden);
};
search.addEventListener("input", filter);

element.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.querySelector("input");
  if (!field.value.trim()) {
    studio.toast(studio.words.expression_none_kept);
    return field.focus();
  }
  studio.pause(); // the face at the playhead is the one on screen
  studio.edit({ do: "own", op: "save", label: field.value.trim() });
  field.value = "";
});

// --- pictures -------------------------------------------------------------------------------------------------------
const visible = () => element.offsetParent !== null;

const showPictures = () => {
  for (const button of buttons()) {
    const picture = shared.pictures.get(button.dataset.preset);
    if (picture) button.querySelector("img").src = picture;
    else button.querySelector("img").removeAttribute("src");
  }
  studio.emit("faces");
};

const fill = async () => {
  if (asking || !missing.length || !visible()) return;
  asking = true;
  const portrait = facesOf;
  const reply = await studio.ask("thumbnails", { portrait, names: missing.splice(0, BATCH) });
  asking = false;
  if (!reply) return;
  if (portrait === facesOf) {
    for (const [name, picture] of Object.entries(reply.pictures)) shared.pictures.set(name, picture);
    showPictures();
  }
  setTimeout(fill, 30);
};

const showState = () => {
  if (studio.studio.portrait === facesOf) return fill();
  facesOf = studio.studio.portrait;
  shared.pictures.clear();
  missing = facesOf ? buttons().map((button) => button.dataset.preset) : [];
  showPictures();
  fill();
};

new IntersectionObserver(() => studio.studio && fill()).observe(element);
studio.follow("studio", showState);
studio.watch(({ expressions }) => expressions, showOwn);
