// The page's side of one session: what the server last said, edits on their way, pictures that arrived.
// Widgets listen to its events and draw; none of them keeps work of its own.
//   studio   the work changed (this.studio)          library  portraits, motions or jobs changed (this.library)
//   seek     the playhead moved (this.frame)         picture  a picture to show arrived (this.pictures)
//   play     playback started or stopped             marks    what the hand can hold moved (this.marks)
//   foreseen what a render would take, and which frames are finished (this.foreseen)
(() => {
  const CACHE_BYTES = 96e6;
  const REST = 120; // milliseconds without an edit
  const [MAP_SIDE, DRAFT_SIDE] = [512, 288];
  const VIEWS_OF = { side: ["map", "warp"], wipe: ["warp"], map: ["map"], warp: ["warp"], portrait: [] };

  class Studio extends EventTarget {
    constructor(speech) {
      super();
      this.speech = speech;
      this.words = speech.words;
      this.server = {};
      this.token = null;
      this.studio = null;
      this.library = { portraits: [], motions: [], jobs: [] };
      this.frame = 0;
      this.playing = false;
      this.pictures = {};
      this.newest = {};
      this.edits = [];
      this.cache = new Map();
      this.cacheBytes = 0;
      this.lanes = [{ busy: false }, { busy: false }]; // a request on its way?
      this.gestures = 0;
      this.roads = [];
      this.foreseen = null;
      this.holding = false; // something of the marks
      this.edited = -Infinity; // when the last edit was made
      this.mapSide = MAP_SIDE; // pixels of the screen that the driver map covers
    }

    say(key, values = {}) {
      return this.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
    }

    on(name, listener) {
      this.addEventListener(name, listener);
    }

    // As `on`, and at once where there is something to draw: parts may come to the page late.
    follow(name, listener) {
      this.on(name, listener);
      if (this.studio) listener();
    }

    // Calls the listener when what it picks from the work has changed: most edits touch little of the page.
    watch(pick, listener) {
      let before;
      this.follow("studio", () => {
        const now = JSON.stringify(pick(this.studio));
        if (now === before) return;
        before = now;
        listener();
      });
    }

    emit(name) {
      this.dispatchEvent(new Event(name));
    }

    // Each widget brings the server functions of its panel; the first also how to upload a file.
    offer(server, upload) {
      this.server.look ??= (request, lane) => this.look(request, lane);
      Object.assign(this.server, server);
      this.upload ??= upload;
    }

    async begin(token) {
      this.token = token;
      await this.ask("snapshot");
      this.wake();
      if (this.studio?.frame_count > 1) this.play();
    }

    // Pictures come in bytes over a socket: the length of what is said beside them, that, and the picture.
    async look(request, lane = 0) {
      const road = (this.roads[lane] ??= this.openRoad(lane));
      const data = await new Promise((done) => {
        road.waiting.push(done);
        road.opened.then(() => road.socket.send(JSON.stringify(request)));
      });
      if (!data) return null; // the network; the caller says so
      const length = new DataView(data).getUint32(0, true);
      const reply = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
      if (data.byteLength > 4 + length) reply.picture = new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" });
      return reply;
    }

    // A socket a lane: its answers come in the order of the questions.
    openRoad(lane) {
      const url = new URL(`${window.gradio_config.root}/loki/look`, location.href);
      url.protocol = url.protocol.replace("http", "ws");
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      const road = { socket, waiting: [], opened: new Promise((opened) => (socket.onopen = opened)) };
      socket.onmessage = (event) => road.waiting.shift()(event.data);
      socket.onclose = () => {
        this.roads[lane] = null; // the next question opens another
        for (const done of road.waiting) done(null);
      };
      return road;
    }

    // One question to the server. Returns null when it could not be answered; the reason has been shown then.
    async ask(name, request = {}, lane = 0) {
      const question = { token: this.token, language: this.speech.language, ...request };
      const reply = await (name === "look" ? this.server.look(question, lane) : this.server[name](question));
      if (!reply) {
        this.toast(this.words.lost);
        return null;
      }
      if (reply.studio) this.accept(reply.studio);
      if (reply.library) this.acceptLibrary(reply.library);
      if (reply.error) {
        this.toast(reply.error);
        if (this.studio) this.emit("studio");
      }
      return reply.error && !reply.picture ? null : reply;
    }

    accept(studio) {
      if (this.studio && studio.revision < this.studio.revision) return;
      const before = this.studio;
      this.studio = studio;
      if (!before || before.motion !== studio.motion) this.frame = studio.look.frame; // else time runs here
      this.frame = Math.min(this.frame, studio.frame_count - 1);
      if (studio.frame_count < 2) this.pause();
      this.emit("studio");
      this.wake();
    }

    acceptLibrary(library) {
      const before = new Map(this.library.jobs.map((job) => [job.id, job.state]));
      this.library = library;
      for (const job of library.jobs) {
        if (before.get(job.id) === job.state) continue;
        if (job.state === "failed") this.toast(job.error);
        if (job.state === "cancelled") this.toast(this.say("cancelled", job));
        if (job.state === "interrupted") this.toast(this.say("interrupted", job));
      }
      this.emit("library");
      this.watchJobs();
    }

    // --- edits -----------------------------------------------------------------------------------------------------
    newGesture() {
      return `g${++this.gestures}`;
    }

    edit(edit) {
      this.edited = performance.now();
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.wake(), REST + 1);
      const last = this.edits.at(-1);
      const same = last && edit.gesture && last.gesture === edit.gesture && last.do === edit.do && last.name === edit.name;
      if (same) this.edits[this.edits.length - 1] = edit;
      else this.edits.push(edit);
      this.wake();
    }

    undo() {
      this.edit({ do: "undo" });
    }

    redo() {
      this.edit({ do: "redo" });
    }

    // --- time ------------------------------------------------------------------------------------------------------
    get range() {
      return this.studio?.trim ?? [0, this.studio?.frame_count ?? 1];
    }

    get rate() {
      return this.studio ? this.studio.fps[0] / this.studio.fps[1] : 30;
    }

    seek(frame) {
      const last = (this.studio?.frame_count ?? 1) - 1;
      this.frame = Math.max(0, Math.min(last, Math.round(frame)));
      if (this.playing) this.startClock();
      this.emit("seek");
      this.wake();
    }

    step(frames) {
      this.pause();
      this.seek(this.frame + frames);
    }

    startClock() {
      this.clock = { time: performance.now(), frame: this.frame };
    }

    play() {
      if (this.playing || (this.studio?.frame_count ?? 1) < 2) return;
      const [first, stop] = this.range;
      if (this.frame < first || this.frame >= stop - 1) this.frame = first;
      this.playing = true;
      this.startClock();
      this.emit("play");
      requestAnimationFrame(() => this.tick());
    }

    pause() {
      if (!this.playing) return;
      this.playing = false;
      this.emit("play");
      this.wake();
    }

    toggle() {
      if (this.playing) this.pause();
      else this.play();
    }

    // The frame that is due by the clock: playback holds the rate and leaves frames out rather than slow down.
    tick() {
      if (!this.playing) return;
      const [first, stop] = this.range;
      const due = this.clock.frame + Math.floor(((performance.now() - this.clock.time) / 1000) * this.rate);
      if (due >= stop && !this.studio.look.loop) {
        this.frame = stop - 1;
        this.emit("seek");
        this.pause();
        return;
      }
      const frame = first + ((due - first) % (stop - first));
      if (frame !== this.frame) {
        this.frame = frame;
        this.emit("seek");
        this.wake();
      }
      requestAnimationFrame(() => this.tick());
    }

    // --- pictures --------------------------------------------------------------------------------------------------
    get views() {
      return VIEWS_OF[this.studio?.look.view ?? "side"];
    }

    keyOf(view, frame = this.frame, studio = this.studio, side = this.side) {
      return `${studio.hash}|${view}|${view === "map" ? `${studio.look.map}${side}` : ""}|${frame}`;
    }

    valueOf(name) {
      return new Map(this.studio.controls).get(name) ?? Number(document.querySelector(`[data-control=${name}]`).dataset.default);
    }

    // What the hand can hold depends on these.
    get marksKey() {
      return `${this.studio.hash}|${this.studio.look.tool}|${this.frame}`;
    }

    // They wait until the hand that moves a slider rests; the hand that holds one of them gets them with every edit.
    get marksDue() {
      const { portrait, look } = this.studio;
      return portrait && !this.playing && look.tool !== "look" && this.marks?.key !== this.marksKey && !this.moving;
    }

    fitMap(pixels) {
      const before = this.side;
      this.mapSide = pixels;
      if (this.side !== before) this.wake();
    }

    // Whether all that is on screen is as it will stay.
    get settled() {
      const busy = this.lanes.some((lane) => lane.busy) || this.edits.length || this.moving || this.marksDue;
      return !busy && this.views.every((view) => this.pictures[view]?.key === this.keyOf(view));
    }

    // Whether nobody waits for a picture.
    get idle() {
      return !this.moving && !this.edits.length && !this.lanes.some((lane) => lane.busy);
    }

    get moving() {
      return performance.now() - this.edited < REST;
    }

    // Pixels of the driver map's side: as many as are shown; fewer while the hand moves, so that the map keeps up with it.
    get side() {
      const whole = Math.min(MAP_SIDE, Math.max(DRAFT_SIDE, this.mapSide));
      return this.moving ? DRAFT_SIDE : Math.ceil(whole / 32) * 32;
    }

    // Show what is at hand, ask for what is not.
    wake() {
      if (!this.token || !this.studio) return;
      for (const view of this.views) if (this.cache.has(this.keyOf(view))) this.show(view, this.keyOf(view));
      this.lanes.forEach((lane, index) => this.run(lane, index));
    }

    // A lane has one request on its way; the next asks for what is newest by then. The first carries the edits: a second on its
    // way would only wait at the server, and show a hand that has moved on. It rests when there is nothing to ask, or no answer.
    async run(lane, index) {
      if (lane.busy) return;
      lane.busy = true;
      try {
        for (let request = this.next(index); request && (await this.fetch(request, index)); request = this.next(index));
      } finally {
        lane.busy = false;
      }
    }

    next(index) {
      const view = this.studio.portrait ? this.views[index] ?? null : null;
      if (this.edits.length && index > 0) return null;
      if (this.edits.length) return { edits: this.edits.splice(0), view, frame: this.frame, marks: this.holding };
      const marks = index === 0 && this.marksDue;
      if (view && !this.cache.has(this.keyOf(view))) return { edits: [], view, frame: this.frame, marks };
      if (marks) return { edits: [], view: null, frame: this.frame, marks };
      if (!view) return null;
      const frame = this.uncachedAhead(view);
      return frame === null ? null : { edits: [], view, frame, ahead: true };
    }

    // During playback idle time goes to the frames to come, so that the next round is smooth.
    uncachedAhead(view) {
      if (!this.playing) return null;
      const [first, stop] = this.range;
      for (let ahead = 1; ahead < stop - first; ahead++) {
        const frame = first + ((this.frame - first + ahead) % (stop - first));
        if (!this.cache.has(this.keyOf(view, frame))) return frame;
      }
      return null;
    }

    async fetch({ edits, view, frame, marks = false, ahead = false }, lane) {
      const { side } = this;
      const reply = await this.ask("look", { edits, view, frame, marks, side }, lane);
      if (reply?.marks) {
        this.marks = { ...reply.marks, key: `${reply.studio.hash}|${reply.studio.look.tool}|${reply.frame}` };
        this.emit("marks");
      }
      if (!reply?.picture) return reply !== null && (view === null || this.edits.length > 0);
      const key = this.keyOf(view, reply.frame, reply.studio, side);
      this.keep(key, reply.picture);
      const stale = reply.studio.portrait !== this.studio.portrait || !this.views.includes(view);
      const now = this.keyOf(view); // a late draft comes after what is sharp already where the edit changed nothing that is seen
      if (!ahead && !stale) this.show(view, this.cache.has(now) ? now : key); // decoded while the next is on its way
      return true;
    }

    keep(key, blob) {
      this.cache.set(key, blob);
      this.cacheBytes += blob.size;
      for (const [oldest, old] of this.cache) {
        if (this.cacheBytes <= CACHE_BYTES) break;
        this.cache.delete(oldest);
        this.cacheBytes -= old.size;
      }
    }

    // Decodes beside the page's own work; what has become old by then is not shown.
    async show(view, key) {
      if (this.newest[view] === key) return;
      this.newest[view] = key;
      const bitmap = await createImageBitmap(this.cache.get(key));
      if (this.newest[view] !== key) return bitmap.close();
      this.pictures[view]?.bitmap.close();
      this.pictures[view] = { key, bitmap };
      this.emit("picture");
    }

    // Colour a slider's track from its default to its value.
    fill(slider, rest = Number(slider.min)) {
      const share = (value) => (100 * (value - slider.min)) / (slider.max - slider.min);
      const ends = [share(rest), share(slider.value)].sort((a, b) => a - b);
      slider.style.setProperty("--from", `${ends[0]}%`);
      slider.style.setProperty("--to", `${ends[1]}%`);
    }

    // --- files and long work ---------------------------------------------------------------------------------------
    // Returns what the server can take up, or null.
    async send(file) {
      const limit = this.studio.upload_limit;
      if (file.size > limit * 1e6) {
        this.toast(this.say("too_large", { limit, size: Math.ceil(file.size / 1e6) }));
        return null;
      }
      try {
        return (await this.upload(file)).path;
      } catch {
        this.toast(this.words.lost);
        return null;
      }
    }

    // Under this key, which only this browser knows, work is kept for it.
    get browserKey() {
      const random = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      if (!localStorage.getItem("loki-kept")) localStorage.setItem("loki-kept", random());
      return localStorage.getItem("loki-kept");
    }

    // What became of an uploaded file, which may carry a project: "opened", "refused", or "none" where it carries none.
    async openProject(path, name) {
      const reply = await this.ask("open_project", { path, name });
      if (!reply) return "refused";
      return reply.found ? "opened" : "none";
    }

    // The present work becomes the newest of those that this browser saved or opened.
    keepRecent(file) {
      return this.ask("keep_recent", { key: this.browserKey, name: file.replace(/\.[^.]+$/, "") });
    }

    // Where the browser finds a file of this session.
    urlOf(path) {
      const { root, api_prefix: prefix } = window.gradio_config;
      return `${root}${prefix}/file=${path}`;
    }

    describe(job) {
      if (job.state === "waiting") return this.say("waiting", job);
      if (!job.total) return job.title;
      const left = job.left === null ? "" : `, ${this.say("time_left", { seconds: Math.ceil(job.left) })}`;
      if (job.kind === "track") {
        // A clip is gone through twice, and its frames are counted each time.
        const percent = Math.floor((100 * job.done) / job.total);
        return this.say(2 * job.done < job.total ? "track_reading" : "track_solving", { title: job.title, percent }) + left;
      }
      return this.say("progress", job) + left;
    }

    watchJobs() {
      const active = this.library.jobs.some((job) => job.state === "waiting" || job.state === "running");
      if (!active || this.polling) return;
      this.polling = setTimeout(async () => {
        this.polling = null;
        await this.ask("snapshot");
      }, 250);
    }

    toast(text) {
      const place = document.querySelector("#ls-toasts");
      const toast = document.createElement("p");
      toast.textContent = text;
      place.append(toast);
      setTimeout(() => toast.remove(), 4000 + 60 * text.length);
    }
  }

  window.LokiStudio = Studio;
})();
