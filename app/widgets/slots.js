// Where pose and expression come from: the switch and the two lists of the chosen layer; the page's offer of a second clip.
window.LokiSlots = class {
  // place: the part of the layers' panel; studio: words and edits.
  constructor(place, studio) {
    Object.assign(this, { place, studio });
    this.lists = [...place.querySelectorAll("[data-slot]")];
    for (const radio of place.querySelectorAll("input")) radio.addEventListener("change", () => this.turn(radio.value));
    for (const list of this.lists) list.addEventListener("change", () => this.choose(list.dataset.slot, list.value));
  }

  // What a new clip is used for: of the chosen layer, else of the lowest performance.
  static target({ layers, selected }) {
    return layers.find((layer) => layer.id === selected && layer.slots) ?? layers.find((layer) => layer.slots);
  }

  static other(side) {
    return side === "pose" ? "expression" : "pose";
  }

  edit(op, side, values = {}) {
    this.studio.edit({ do: "layer", op, id: this.layer.id, side, ...values });
  }

  choose(side, value) {
    this.edit("slot", side, { source: value === "same" ? this.layer.slots[LokiSlots.other(side)] : value });
  }

  turn(sides) {
    if (sides !== "both") return this.edit("only", sides);
    const missing = this.layer.slots.pose ? "expression" : "pose";
    this.choose(missing, "same");
  }

  show(layer) {
    this.layer = layer;
    if (!layer?.slots) return;
    const { pose, expression } = layer.slots;
    const sides = pose && expression ? "both" : pose ? "pose" : "expression";
    for (const radio of this.place.querySelectorAll("input")) radio.checked = radio.value === sides && Boolean(pose || expression);
    for (const list of this.lists) this.fill(list, layer.slots);
  }

  fill(list, slots) {
    const side = list.dataset.slot;
    const other = slots[LokiSlots.other(side)];
    const { words, library } = this.studio;
    const choices = [["same", words.slot_same], ["", words.slot_none], ...library.motions.filter(({ id }) => id).map(({ id, name }) => [id, name])];
    const told = JSON.stringify(choices);
    if (list.dataset.told !== told) list.replaceChildren(...choices.map(([value, text]) => new Option(text, value)));
    list.dataset.told = told;
    list.options[0].disabled = list.options[1].disabled = !other;
    list.value = side === "expression" && other === slots.expression ? (other ? "same" : "") : slots[side];
  }
};

// Offers a clip that has come while another moves the portrait, until it is used or refused.
window.LokiOffer = class {
  constructor(place, studio) {
    Object.assign(this, { place, studio, clip: "", seen: new Set() });
    for (const button of place.querySelectorAll("[data-use]")) button.addEventListener("click", () => this.use(button.dataset.use));
    place.querySelector("[data-do=close]").addEventListener("click", () => this.offer(""));
    studio.follow("library", () => this.look());
    studio.watch(({ layers }) => layers.map((layer) => [layer.source, layer.name]), () => this.show());
  }

  // Each job that has ended offers once.
  look() {
    for (const { id, result } of this.studio.library.jobs) {
      if (!result.offered || this.seen.has(id)) continue;
      this.seen.add(id);
      this.clip = result.offered;
    }
    this.show();
  }

  offer(clip) {
    this.clip = clip;
    this.show();
  }

  show() {
    const { layers } = this.studio.studio;
    const motion = this.studio.library.motions.find(({ id }) => id && id === this.clip);
    const lowest = layers.find((layer) => layer.slots);
    this.place.hidden = !motion || !lowest || layers.some((layer) => layer.source === this.clip);
    if (this.place.hidden) return;
    this.place.querySelector("[data-part=offer-words]").textContent = this.studio.say("slot_offer", motion);
    this.place.querySelector("[data-use=instead]").title = this.studio.say("slot_use_instead_of", lowest);
  }

  use(how) {
    const { clip, studio } = this;
    this.offer("");
    if (how === "instead") studio.edit({ do: "motion", id: clip });
    else if (how === "layer") studio.edit({ do: "layer", op: "add", source: clip });
    else {
      const { id } = LokiSlots.target(studio.studio);
      studio.edit({ do: "layer", op: "slot", id, side: how, source: clip });
      studio.edit({ do: "layer", op: "select", id }); // so that its slots are seen
    }
    if (how !== "instead") document.querySelector("#ls-tab-layers-button")?.click();
  }
};
