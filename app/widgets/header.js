// Undo, redo, theme, the keyboard map, and the keys themselves.
const studio = window.loki;
studio.offer(server, upload);

const find = (name) => element.querySelector(`[data-part=${name}]`);
const keys = element.querySelector("dialog");
const THEME = "loki-theme";

const setTheme = (dark) => {
  document.body.classList.toggle("dark", dark);
  localStorage.setItem(THEME, dark ? "dark" : "light");
  studio.emit("theme");
};
// The button shows what it leads to.
const showTheme = () => element.querySelector("[data-do=theme]").classList.toggle("dark-now", document.body.classList.contains("dark"));
new MutationObserver(showTheme).observe(document.body, { attributeFilter: ["class"] });
showTheme();
const kept = localStorage.getItem(THEME);
if (kept && !new URLSearchParams(location.search).has("__theme")) setTheme(kept === "dark");

// --- language: the page is drawn anew, with the work on it -----------------------------------------------------------
const speech = element.querySelector("select[name=ls-language]");
speech.value = studio.speech.language;
speech.addEventListener("change", async () => {
  studio.speech.keep(speech.value);
  const saved = studio.studio?.can_undo && (await studio.ask("save_work"));
  if (saved) await LokiCarry.put(new File([await (await fetch(studio.urlOf(saved.path))).blob()], saved.name));
  location.reload();
});
const takeCarried = async () => {
  const file = await LokiCarry.take();
  const path = file && (await studio.send(file));
  if (path) await studio.openProject(path, file.name);
  return Boolean(path);
};

// --- the work as a file ----------------------------------------------------------------------------------------------
const picker = element.querySelector("input[type=file]");
picker.addEventListener("change", async () => {
  const [file] = picker.files;
  picker.value = "";
  const path = file && (await studio.send(file));
  const became = path && (await studio.openProject(path, file.name));
  if (became === "opened") studio.keepRecent(file.name);
  if (became === "none") studio.toast(studio.say("no_project", { name: file.name }));
});

const save = async () => {
  const reply = await studio.ask("save_work");
  if (!reply) return;
  const link = element.querySelector("a[download]");
  link.href = studio.urlOf(reply.path);
  link.download = reply.name;
  link.click();
  studio.keepRecent(reply.name);
};
const works = new LokiWorks(studio, find("works"), element.querySelector("[data-do=open]"));

// Work is kept for this browser.
let lost = null;
const LEFT = "loki-left"; // the session that this tab had before it was loaded anew
const keep = async () => {
  const left = sessionStorage.getItem(LEFT);
  sessionStorage.removeItem(LEFT);
  const reply = await studio.ask("keep_work", { key: studio.browserKey, left });
  lost = reply?.kept[0];
  find("kept").hidden = !lost;
  if (lost) find("kept").querySelector("span").textContent = studio.say("kept_found", lost);
};
const leave = () => (find("kept").hidden = true);
const takeUp = async () => {
  leave();
  await studio.ask("take_up", { key: studio.browserKey, id: lost.id });
};
const begin = async () => {
  await keep();
  if (await takeCarried()) leave(); // what was kept of this tab is what was carried
};
studio.addEventListener("studio", begin, { once: true });
if (studio.studio) begin();

const actions = {
  open: () => works.toggle(),
  choose: () => {
    works.close();
    picker.click();
  },
  save,
  takeUp,
  leave,
  undo: () => studio.undo(),
  redo: () => studio.redo(),
  theme: () => setTheme(!document.body.classList.contains("dark")),
  keys: () => keys.showModal(),
  close: () => keys.close(),
};
for (const button of element.querySelectorAll("button[data-do]")) button.addEventListener("click", actions[button.dataset.do]);

studio.follow("studio", () => {
  find("undo").disabled = !studio.studio.can_undo;
  find("redo").disabled = !studio.studio.can_redo;
});

const act = (name) => () => studio.actions[name]();
const view = (name) => () => studio.edit({ do: "look", name: "view", value: name });
const tool = (name) => () => studio.edit({ do: "look", name: "tool", value: name });
const KEYS = {
  " ": act("play"),
  ArrowLeft: (event) => studio.step(event.shiftKey ? -10 : -1),
  ArrowRight: (event) => studio.step(event.shiftKey ? 10 : 1),
  Home: act("first"),
  End: act("last"),
  l: act("loop"),
  i: act("startHere"),
  o: act("endHere"),
  x: act("whole"),
  1: view("side"),
  2: view("wipe"),
  3: view("map"),
  4: view("warp"),
  5: view("portrait"),
  k: act("keyAll"),
  a: act("autokey"),
  ",": act("previousKey"),
  ".": act("nextKey"),
  f: act("fit"),
  v: tool("look"),
  g: tool("grab"),
  h: tool("head"),
  n: tool("neck"),
  j: tool("jaw"),
  e: tool("gaze"),
  "?": () => keys.showModal(),
};

const typing = (target) => target.matches("input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable]");
// Keys that the focused element needs for itself.
const taken = (event) => {
  if (typing(event.target)) return true;
  if (event.key === " ") return event.target.matches("button, summary, a, input[type=checkbox], input[type=radio]");
  return event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End"
    ? event.target.matches("input[type=range], input[type=radio], [role=tab]")
    : false;
};

document.addEventListener("keydown", (event) => {
  if (!studio.studio || keys.open) return;
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    const action = { s: save, o: actions.choose, y: actions.redo, z: event.shiftKey ? actions.redo : actions.undo }[key];
    if (!action || (typing(event.target) && (key === "z" || key === "y"))) return;
    event.preventDefault();
    action();
    return;
  }
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || event.altKey || taken(event)) return;
  event.preventDefault();
  action(event);
});
