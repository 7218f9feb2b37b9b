// The list under the button to open: templates, and the projects that this browser saved or opened last.
window.LokiWorks = class {
  constructor(studio, place, button) {
    this.studio = studio;
    this.place = place;
    this.button = button;
    for (const start of place.querySelectorAll("[data-template]"))
      start.addEventListener("click", () => this.take("begin_template", { name: start.dataset.template }));
    document.addEventListener("pointerdown", (event) => {
      if (!place.contains(event.target) && !button.contains(event.target)) this.close();
    });
    place.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the page's own keys
      if (event.key !== "Escape") return;
      this.close();
      button.focus();
    });
  }

  async toggle() {
    if (!this.place.hidden) return this.close();
    this.place.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.place.querySelector("button").focus();
    const reply = await this.studio.ask("recent_works", { key: this.studio.browserKey });
    if (reply) this.show(reply.works);
  }

  close() {
    this.place.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }

  show(works) {
    this.place.querySelector("[data-part=recent-title]").hidden = !works.length;
    const list = this.place.querySelector("[data-part=recent]");
    list.replaceChildren(...works.map((work) => this.entry(work)));
  }

  entry({ id, name, minutes, picture }) {
    const button = document.createElement("button");
    const [image, label, age] = ["img", "b", "span"].map((tag) => document.createElement(tag));
    button.type = "button";
    button.title = name;
    image.src = picture;
    image.alt = "";
    label.textContent = name;
    age.textContent = this.age(minutes);
    button.append(image, label, age);
    button.addEventListener("click", () => this.take("open_recent", { key: this.studio.browserKey, id }));
    return button;
  }

  age(minutes) {
    const words = new Intl.RelativeTimeFormat(this.studio.speech.language, { numeric: "auto" });
    if (minutes < 60) return words.format(-minutes, "minute");
    return minutes < 1440 ? words.format(-Math.round(minutes / 60), "hour") : words.format(-Math.round(minutes / 1440), "day");
  }

  async take(name, request) {
    this.close();
    await this.studio.ask(name, request);
  }
};
