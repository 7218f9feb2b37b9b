// A file that lasts from one load of the page to the next, in this browser.
window.LokiCarry = (() => {
  const STORE = "carried";
  const done = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const open = () => {
    const opening = indexedDB.open("loki", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    return done(opening);
  };
  const inStore = async (use) => done(use((await open()).transaction(STORE, "readwrite").objectStore(STORE)));

  return {
    put: (file) => inStore((store) => store.put(file, "work")),
    // The file, once.
    async take() {
      const file = await inStore((store) => store.get("work"));
      if (file) await inStore((store) => store.delete("work"));
      return file;
    },
  };
})();
