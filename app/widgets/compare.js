// Two results against each other, at full size: by a wipe or side by side, played in step.
(() => {
  const NEAR = 0.012; // seconds apart that no eye sees
  const FAR = 0.3; // from here on a jump is shorter than a chase

  const view = ({ url, kind }) => {
    const shown = kind === "video" ? document.createElement("video") : new Image();
    if (kind === "video") Object.assign(shown, { muted: true, playsInline: true, preload: "auto" });
    shown.src = url;
    return shown;
  };

  window.LokiCompare = class {
    constructor(dialog, studio) {
      Object.assign(this, { dialog, studio });
      const find = (name) => dialog.querySelector(`[data-part=${name}]`);
      Object.assign(this, { pair: find("pair"), wipe: find("wipe"), seekBar: find("seek"), clock: find("clock"), playButton: find("play") });
      this.names = { a: find("a"), b: find("b") };
      for (const mode of dialog.querySelectorAll("[name=ls-compare]")) mode.addEventListener("change", () => this.setMode(mode.value));
      this.wipe.addEventListener("input", () => this.showWipe());
      this.seekBar.addEventListener("input", () => this.seek(Number(this.seekBar.value)));
      const actions = { swap: () => this.open(this.b, this.a), close: () => dialog.close(), play: () => this.toggle() };
      for (const button of dialog.querySelectorAll("button[data-do]")) button.addEventListener("click", actions[button.dataset.do]);
      dialog.addEventListener("keydown", (event) => this.press(event));
      dialog.addEventListener("close", () => this.end());
      this.pair.addEventListener("pointerdown", (event) => this.grab(event));
    }

    get videos() {
      return this.views.filter((shown) => shown.tagName === "VIDEO");
    }

    // The longer one leads; the other waits at its end.
    get leader() {
      return this.videos.reduce((one, other) => (other.duration > one.duration ? other : one), this.videos[0]);
    }

    open(a, b) {
      this.end();
      Object.assign(this, { a, b });
      this.views = [view(a), view(b)];
      this.pair.replaceChildren(...this.views);
      this.names.a.textContent = a.name;
      this.names.b.textContent = b.name;
      for (const part of this.dialog.querySelectorAll(".play")) part.hidden = !this.videos.length;
      this.setMode(this.pair.dataset.mode ?? "wipe");
      if (!this.dialog.open) this.dialog.showModal();
      this.dialog.focus();
      if (this.videos.length) this.start();
    }

    async start() {
      const { views } = this;
      await Promise.all(this.videos.map((video) => new Promise((ready) => {
        if (video.readyState > 1) ready();
        else video.addEventListener("canplay", ready, { once: true });
      })));
      if (views !== this.views) return; // another pair by now
      this.seekBar.max = this.leader.duration;
      this.play();
      this.follow(views);
    }

    end() {
      for (const shown of this.views ?? []) if (shown.tagName === "VIDEO") shown.pause();
      this.views = [];
      this.pair.replaceChildren();
    }

    setMode(mode) {
      this.pair.dataset.mode = mode;
      for (const input of this.dialog.querySelectorAll("[name=ls-compare]")) input.checked = input.value === mode;
      this.wipe.hidden = mode !== "wipe";
      this.showWipe();
    }

    showWipe() {
      this.pair.style.setProperty("--at", `${this.wipe.value}%`);
      this.studio.fill(this.wipe);
    }

    grab(event) {
      if (this.wipe.hidden || event.button) return;
      const move = (moved) => {
        const box = this.pair.getBoundingClientRect();
        this.wipe.value = (100 * (moved.clientX - box.left)) / box.width;
        this.showWipe();
      };
      this.pair.setPointerCapture(event.pointerId);
      this.pair.addEventListener("pointermove", move);
      this.pair.addEventListener("lostpointercapture", () => this.pair.removeEventListener("pointermove", move), { once: true });
      move(event);
    }

    // --- time --------------------------------------------------------------------------------------------------------
    get playing() {
      return this.videos.length > 0 && !this.leader.paused;
    }

    play() {
      for (const video of this.videos) video.loop = video === this.leader;
      this.leader.play();
      this.showPlay();
    }

    // Both at once: a page that is busy draws late, and until then the other one would play on.
    pause() {
      for (const video of this.videos) video.pause();
      this.seek(this.leader.currentTime);
      this.showPlay();
    }

    toggle() {
      if (this.playing) this.pause();
      else this.play();
    }

    seek(time) {
      for (const video of this.videos) {
        video.playbackRate = 1;
        if (!this.playing || video === this.leader) video.currentTime = Math.min(time, video.duration);
      }
    }

    step(frames) {
      if (this.playing) this.pause();
      const { leader } = this;
      this.seek(Math.max(0, Math.min(leader.duration, leader.currentTime + frames / this.studio.rate)));
    }

    showPlay() {
      this.playButton.classList.toggle("playing", this.playing);
      this.playButton.setAttribute("aria-pressed", this.playing);
    }

    // The other video is kept where the first one is: a little faster or slower while they are near, else by a jump.
    follow(views) {
      if (views !== this.views) return;
      const { leader } = this;
      for (const video of this.videos) if (video !== leader) this.catchUp(video, leader);
      if (!this.seekBar.matches(":active")) this.seekBar.value = leader.currentTime;
      this.studio.fill(this.seekBar);
      this.clock.textContent = `${leader.currentTime.toFixed(2)} / ${leader.duration.toFixed(2)} s`;
      requestAnimationFrame(() => this.follow(views));
    }

    catchUp(video, leader) {
      if (leader.paused || leader.currentTime >= video.duration) {
        if (!video.paused) video.pause();
        return;
      }
      const late = leader.currentTime - video.currentTime;
      if (Math.abs(late) > FAR && !video.seeking) video.currentTime = leader.currentTime;
      video.playbackRate = Math.abs(late) < NEAR ? 1 : Math.max(0.8, Math.min(1.25, 1 + late));
      if (video.paused) video.play().catch(() => {}); // the dialog may close before it begins
    }

    // The page's own keys rest while it is open.
    press(event) {
      event.stopPropagation();
      if (!this.videos.length || event.ctrlKey || event.metaKey || event.altKey) return;
      const own = event.target.matches("input");
      const action = {
        " ": () => event.target.matches("button, input[type=radio]") || this.toggle(),
        ArrowLeft: () => own || this.step(-1),
        ArrowRight: () => own || this.step(1),
      }[event.key];
      if (!action || action() === true) return;
      event.preventDefault();
    }
  };
})();
