// A card beside a slider: what the slider does in one sentence, and the portrait with it moved. It opens where the pointer rests on
// a label or the keyboard comes to a slider; its picture is asked for then, once a portrait.
window.LokiTips = class {
  static REST = 350; // milliseconds until it opens
  static GAP = 10; // pixels beside the panel

  constructor(studio, panel) {
    this.studio = studio;
    this.panel = panel;
    this.pictures = new Map(); // portrait and control -> address
    this.row = null;
    this.card = document.createElement("div");
    this.card.className = "ls ls-card";
    this.card.hidden = true;
    this.card.append(document.createElement("img"), document.createElement("p"));
    this.card.firstChild.alt = "";
    document.querySelector(".gradio-container").append(this.card);
  }

  // Opens the card of this row while the pointer is on `label` or `slider` has the keyboard.
  serve(row, label, slider) {
    label.addEventListener("pointerenter", () => this.wait(row));
    slider.addEventListener("focus", () => slider.matches(":focus-visible") && this.wait(row));
    label.addEventListener("pointerleave", () => this.close());
    for (const name of ["blur", "pointerdown"]) slider.addEventListener(name, () => this.close());
    row.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  wait(row) {
    this.close();
    this.row = row;
    this.opening = setTimeout(() => this.open(row), LokiTips.REST);
  }

  close() {
    clearTimeout(this.opening);
    this.row = null;
    this.card.hidden = true;
  }

  open(row) {
    const [image, text] = this.card.children;
    text.textContent = row.dataset.help;
    image.removeAttribute("src");
    this.card.hidden = false;
    const [at, beside] = [row.getBoundingClientRect(), this.panel.getBoundingClientRect()];
    const most = window.innerHeight - this.card.offsetHeight - LokiTips.GAP;
    this.card.style.top = `${Math.max(LokiTips.GAP, Math.min(most, at.top - LokiTips.GAP))}px`;
    this.card.style.left = `${beside.left - this.card.offsetWidth - LokiTips.GAP}px`;
    this.show(row, image);
  }

  async show(row, image) {
    const { portrait } = this.studio.studio ?? {};
    if (!portrait) return;
    const name = row.dataset.control;
    const key = `${portrait}|${name}`;
    if (!this.pictures.has(key)) this.pictures.set(key, this.studio.ask("control_picture", { portrait, name }));
    const reply = await this.pictures.get(key);
    if (!reply) this.pictures.delete(key); // the reason has been shown
    else if (this.row === row) image.src = reply.picture;
  }
};
