// Search from pages that are opened from the file system, where a browser starts no
// Worker: the worker's script runs in a hidden iframe. The interface is that of the
// package iframe-worker, which Material's offline plugin would load from a CDN.
(() => {
  if (location.protocol !== "file:") return;

  const prelude = `
    postMessage = message => parent.postMessage(message, "*");
    importScripts = (...urls) => urls.reduce(
      (before, url) => before.then(() => new Promise((loaded, failed) => {
        const script = document.createElement("script");
        Object.assign(script, { src: url, onload: loaded, onerror: failed });
        document.body.append(script);
      })),
      Promise.resolve()
    );
  `;

  class IFrameWorker extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      this.inside = this.frame.contentWindow;
      window.addEventListener("message", event => {
        if (event.source !== this.inside) return;
        const message = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(message);
        if (this.onmessage) this.onmessage(message);
      });
      const page = this.inside.document;
      page.open();
      page.write(`<body><script>${prelude}</script><script src="${url}"></script></body>`);
      page.close();
      // Opening the page removed all listeners of its window, so this comes after.
      this.ready = new Promise(loaded => (this.inside.onload = loaded));
    }

    postMessage(data) {
      this.ready.then(() =>
        this.inside.dispatchEvent(new MessageEvent("message", { data }))
      );
    }

    terminate() {
      this.frame.remove();
    }
  }

  window.IFrameWorker = IFrameWorker;
  window.Worker = IFrameWorker;
})();
