// Expressions as they look on this very portrait. Their pictures are asked for a few at a time, while nothing else is going on.
const studio = window.loki;
studio.offer(server, upload);

const BATCH = 3;
const buttons = [...element.querySelectorAll("[data-preset]")];
const search = element.querySelector("input[type=search]");
let facesOf = null;
let missing = [];
let asking = false;

for (const button of buttons) button.addEventListener("click", () => studio.edit({ do: "expression", name: button.dataset.preset }));

search.addEventListener("input", () => {
  const wanted = search.value.trim().toLowerCase();
  for (const button of buttons) button.hidden = !button.dataset.search.includes(wanted);
  element.querySelector("[data-part=none]").hidden = buttons.some((button) => !button.hidden);
});

const visible = () => element.offsetParent !== null;

const fill = async () => {
  if (asking || !missing.length || !visible()) return;
  asking = true;
  const portrait = facesOf;
  const names = missing.splice(0, BATCH);
  const reply = await studio.ask("thumbnails", { portrait, names });
  asking = false;
  if (!reply) return;
  if (portrait === facesOf)
    for (const button of buttons) if (reply.pictures[button.dataset.preset]) button.querySelector("img").src = reply.pictures[button.dataset.preset];
  setTimeout(fill, 30);
};

const showState = () => {
  if (studio.studio.portrait !== facesOf) {
    facesOf = studio.studio.portrait;
    missing = facesOf ? buttons.map((button) => button.dataset.preset) : [];
  }
  fill();
};

new IntersectionObserver(() => studio.studio && fill()).observe(element);
studio.follow("studio", showState);
