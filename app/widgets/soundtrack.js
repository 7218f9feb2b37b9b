// The work's sound, in step with the playhead: one file, which the server mixes anew when what is heard has changed.
(() => {
  const MUTED = "loki-muted";
  const REST = 300; // milliseconds without another change, then it is mixed
  const [NEAR, OFF, FAR] = [0.015, 0.045, 0.15]; // seconds off: in step again; it catches up or waits; it jumps
  const PULL = 0.06; // of its speed, by which it catches up at most

  class Soundtrack {
    // `changed` is called when what the page says of the sound has to change.
    constructor(audio, studio, changed) {
      Object.assign(this, { audio, studio, changed, name: "", busy: false, pulling: false });
      audio.muted = localStorage.getItem(MUTED) === "1";
      for (const name of ["loadedmetadata", "seeked"]) audio.addEventListener(name, () => this.align());
      for (const name of ["seek", "play"]) studio.on(name, () => this.align());
      document.addEventListener("visibilitychange", () => this.align()); // a page that nobody sees draws no frames
      studio.watch(({ heard }) => heard, () => this.renew());
    }

    mute(on) {
      this.audio.muted = on;
      localStorage.setItem(MUTED, on ? "1" : "0");
      this.changed();
    }

    renew() {
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.fetch(), REST);
      if (!this.studio.studio.heard) this.load("", null);
      else this.changed();
    }

    async fetch() {
      const { heard } = this.studio.studio;
      if (this.busy || heard === this.name) return;
      this.busy = true;
      this.changed();
      const reply = await this.studio.ask("hear");
      const file = reply?.sound && (await fetch(this.studio.urlOf(reply.sound.path)).catch(() => null));
      const sound = file?.ok ? await file.blob() : null;
      this.busy = false;
      const wanted = this.studio.studio.heard;
      if (sound && reply.sound.name === wanted) this.load(wanted, sound);
      else this.changed();
      if (wanted !== heard) this.fetch(); // it changed meanwhile
    }

    // The whole file is kept in the page: it goes to any place of it at once.
    load(name, sound) {
      if (this.audio.src) URL.revokeObjectURL(this.audio.src);
      this.name = name;
      if (sound) this.audio.src = URL.createObjectURL(sound);
      else this.audio.removeAttribute("src");
      this.audio.load();
      this.changed();
    }

    // Seconds of the timeline at which the playhead is, between its frames too.
    get due() {
      const { frame, playing, clock, rate, range: [first, stop] } = this.studio;
      if (!playing) return frame / rate;
      const run = clock.frame - first + ((performance.now() - clock.time) / 1000) * rate;
      return (first + (run % (stop - first))) / rate;
    }

    align() {
      const { audio, studio, due } = this;
      if (!(audio.duration > 0)) return;
      const heard = studio.playing && !document.hidden && due < audio.duration;
      const late = Math.min(due, audio.duration) - audio.currentTime;
      if (Math.abs(late) > (heard && !audio.paused ? FAR : NEAR) && !audio.seeking) audio.currentTime = due;
      this.pulling = Math.abs(late) > (this.pulling ? NEAR : OFF);
      audio.playbackRate = this.pulling ? 1 + Math.max(-PULL, Math.min(PULL, late)) : 1;
      if (!heard) audio.pause();
      else if (audio.paused) audio.play().catch(() => {}); // before the first click a browser may not let it; the next frame asks again
    }
  }

  window.LokiSoundtrack = Soundtrack;
})();
