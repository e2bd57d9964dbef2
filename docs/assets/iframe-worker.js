// Browsers start no worker from a file on disk. Where the page is one, the search's worker runs in a hidden frame instead.
if (location.protocol === "file:") {
  globalThis.Worker = class extends EventTarget {
    #frame = document.createElement("iframe");
    #waiting = [];

    constructor(url) {
      super();
      addEventListener("message", (event) => {
        if (event.source !== this.#frame.contentWindow) return;
        this.dispatchEvent(new MessageEvent("message", { data: event.data }));
      });
      this.#frame.hidden = true;
      this.#frame.addEventListener("load", () => {
        for (const data of this.#waiting.splice(0)) this.#send(data);
        this.#waiting = null;
      });
      this.#frame.srcdoc = `<script>
        postMessage = (data) => parent.postMessage(data, "*");
        importScripts = (...urls) => Promise.all(urls.map((src) => new Promise((resolve, reject) =>
          document.body.append(Object.assign(document.createElement("script"), {src, onload: resolve, onerror: reject})))));
      </script><body><script src="${new URL(url, document.baseURI)}"></script>`;
      document.body.append(this.#frame);
    }

    #send(data) {
      this.#frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
    }

    postMessage(data) {
      this.#waiting ? this.#waiting.push(data) : this.#send(data);
    }

    terminate() {
      this.#frame.remove();
    }
  };
}
