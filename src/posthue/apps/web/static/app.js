// The pages work without this where they can; with it, results come without a reload, pictures can be dropped,
// pasted and taken, and uploads show how far they are. Nothing here talks to any other server.
"use strict";

(() => {
  const find = (selector, within = document) => within.querySelector(selector);
  document.documentElement.classList.add("scripted");

  const alertOf = (message) => {
    const shown = document.createElement("p");
    shown.className = "alert";
    shown.setAttribute("role", "alert");
    shown.textContent = message;
    return shown;
  };

  const show = (place, html) => {
    place.innerHTML = html; // made on our own server, where every text is escaped; no script may run (CSP)
    const title = find("h2[tabindex]", place);
    if (title) title.focus({ preventScroll: true });
    const box = place.getBoundingClientRect();
    if (box.top > innerHeight * 0.75 || box.top < 0) {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      place.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
    }
  };

  const busy = (place, on) => {
    place.classList.toggle("busy", on);
    if (on) place.setAttribute("aria-busy", "true"); else place.removeAttribute("aria-busy");
  };

  // Shows the answer where it is still wanted: a late one must not stand beside another post.
  const send = async (url, options, place, wanted) => {
    busy(place, true);
    let html = null, ok = false;
    try {
      const answer = await fetch(url, options);
      html = await answer.text();
      ok = answer.ok;
    } catch { /* said below */ }
    if (!wanted()) return false;
    busy(place, false);
    if (html === null) place.replaceChildren(alertOf("The server cannot be reached. Is it still running?"));
    else show(place, html);
    return ok;
  };

  const droppable = (zone, take) => {
    zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
    });
  };

  function onePost(form) {
    const text = find("#text"), input = find("#image"), preview = find("#preview");
    const result = find("#result"), why = find("#why"), remove = find("#remove"), submit = find(".main", form);
    const empty = result.innerHTML;
    let picture = null, predicted = null, turn = 0, running = new AbortController();

    const nextTurn = () => {
      running.abort();
      running = new AbortController();
      busy(result, false);
      why.removeAttribute("aria-busy");
      submit.disabled = false;
      why.replaceChildren();
      return ++turn;
    };

    const setPicture = (file) => {
      if (file && !file.type.startsWith("image/")) {
        result.replaceChildren(alertOf(`${file.name}: this is not a picture.`));
        return;
      }
      const image = find("img", preview);
      if (image.src) URL.revokeObjectURL(image.src);
      image.removeAttribute("src");
      picture = file;
      preview.hidden = remove.hidden = !file;
      if (!file) { input.value = ""; return; }
      image.src = URL.createObjectURL(file);
      image.onerror = () => { preview.firstElementChild.hidden = true; };
      image.hidden = false;
      find("figcaption", preview).textContent = file.name || "pasted picture";
    };

    const formOf = () => {
      const data = new FormData();
      if (text.value) data.append("text", text.value);
      if (picture) data.append("image", picture, picture.name || "picture");
      return data;
    };

    const predict = async () => {
      if (!text.value.trim() && !picture) {
        result.replaceChildren(alertOf("Give a text, a picture, or both."));
        text.focus();
        return;
      }
      const mine = nextTurn(), wanted = () => mine === turn;
      predicted = formOf();
      submit.disabled = true;
      const ok = await send("/predict", { method: "POST", body: predicted, signal: running.signal }, result, wanted);
      if (!wanted()) return;
      submit.disabled = false;
      if (ok) explain(find("[data-why]", result));
    };

    const explain = async (button) => {
      if (!button || !predicted) return;
      const asked = new FormData(), mine = turn;
      for (const [name, value] of predicted) asked.append(name, value);
      asked.append("scheme", button.dataset.why);
      const buttons = [...result.querySelectorAll("[data-why]")];
      buttons.forEach((one) => { one.setAttribute("aria-pressed", String(one === button)); one.disabled = true; });
      const place = document.createElement("div");
      why.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch("/why", { method: "POST", body: asked, signal: running.signal });
        place.innerHTML = await answer.text();
      } catch {
        place.append(alertOf("The server cannot be reached. Is it still running?"));
      }
      if (mine !== turn) return;
      buttons.forEach((one) => { one.disabled = false; });
      why.removeAttribute("aria-busy");
      why.replaceChildren(...place.childNodes);
    };

    form.addEventListener("submit", (event) => { event.preventDefault(); predict(); });
    form.addEventListener("reset", () => { nextTurn(); predicted = null; setPicture(null); result.innerHTML = empty; text.focus(); });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); predict(); }
    });
    form.addEventListener("click", (event) => {
      const tried = event.target.closest(".try");
      if (tried) { text.value = tried.dataset.text; predict(); }
    });
    result.addEventListener("click", (event) => { explain(event.target.closest("[data-why]")); });
    input.addEventListener("change", () => { if (input.files.length) setPicture(input.files[0]); });
    remove.addEventListener("click", () => { setPicture(null); find("#text").focus(); });
    droppable(form, setPicture);
    document.addEventListener("paste", (event) => {
      const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
      if (file) { event.preventDefault(); setPicture(file); }
    });
    camera(find("#camera"), find("#camera-box"), setPicture);
  }

  function camera(button, box, take) {
    if (!navigator.mediaDevices || !box.showModal) return;
    const video = find("video", box);
    let stream = null;
    button.hidden = false;
    const stop = () => { if (stream) stream.getTracks().forEach((track) => track.stop()); stream = null; video.srcObject = null; };
    button.addEventListener("click", async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
      } catch {
        find("#zone-hint").textContent = "The camera cannot be used. Drop a picture here, paste it, or";
        return;
      }
      video.srcObject = stream;
      box.showModal();
      video.play();
    });
    find("#shoot").addEventListener("click", () => {
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob((blob) => { if (blob) take(new File([blob], "camera.jpg", { type: "image/jpeg" })); box.close(); }, "image/jpeg", 0.92);
    });
    find("#camera-close").addEventListener("click", () => box.close());
    box.addEventListener("close", stop);
  }

  function manyPosts(form) {
    const input = find("#file"), name = find("#file-name"), progress = find("#progress"), bar = find("#bar");
    const said = find("#progress-text"), outcome = find("#outcome"), buttons = [find(".main", form), find("#examples")];
    let file = null, job = null, sending = null;

    const setFile = (chosen) => {
      file = chosen;
      name.textContent = file ? `${file.name} (${Math.max(1, Math.round(file.size / 1024)).toLocaleString()} kB)` : "Drop a file here, or";
    };
    const working = (on) => { progress.hidden = !on; buttons.forEach((one) => { one.disabled = on; }); };
    const fail = (message) => { working(false); outcome.replaceChildren(alertOf(message)); };
    const how = (text, done, total) => {
      said.textContent = text;
      if (total) { bar.max = total; bar.value = Math.min(done, total); } else bar.removeAttribute("value");
    };

    const start = (url, body) => {
      outcome.replaceChildren();
      working(true);
      how("Sending the file", 0, 0);
      sending = new XMLHttpRequest(); // fetch cannot tell how much of an upload is sent
      sending.open("POST", url);
      sending.responseType = "json";
      sending.upload.onprogress = (event) => how(`Sending the file: ${Math.round((100 * event.loaded) / (event.total || 1))} %`, event.loaded, event.total);
      sending.onload = () => {
        if (sending.status !== 202) { fail((sending.response && sending.response.message) || "The server did not take the file."); return; }
        job = sending.response.id;
        watch(job);
      };
      sending.onerror = () => fail("The server cannot be reached, or it takes no file so large, or of this kind.");
      sending.onabort = () => fail("Stopped.");
      sending.send(body);
    };

    const watch = async (id) => {
      let wait = 150;
      while (job === id) {
        let state;
        try {
          const answer = await fetch(`/posts/jobs/${id}`);
          state = await answer.json();
          if (!answer.ok) { fail(state.message); return; }
        } catch { fail("The server cannot be reached. Is it still running?"); return; }
        if (job !== id) return;
        if (state.html) { working(false); show(outcome, state.html); return; }
        const of = state.total ? ` of about ${state.total.toLocaleString()}` : "";
        how(state.state === "waiting" ? "Waiting for other uploads" : `Scored ${state.done.toLocaleString()}${of} posts`, state.done, state.total);
        await new Promise((resolve) => setTimeout(resolve, wait));
        wait = Math.min(1000, wait * 1.3);
      }
    };

    const forget = async (id) => { try { await fetch(`/posts/jobs/${id}`, { method: "DELETE" }); } catch { /* it goes by itself */ } };

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!file) { outcome.replaceChildren(alertOf("Choose a file first.")); input.focus(); return; }
      start(`/posts/upload?name=${encodeURIComponent(file.name)}&as=${find("#as").value}`, file);
    });
    find("#examples").addEventListener("click", () => start(`/posts/examples?as=${find("#as").value}`, null));
    find("#stop").addEventListener("click", () => {
      const id = job;
      job = null;
      if (id) { forget(id); fail("Stopped, and deleted."); } else if (sending) sending.abort();
    });
    outcome.addEventListener("click", async (event) => {
      const button = event.target.closest("#delete");
      if (!button) return;
      await forget(button.dataset.job);
      outcome.innerHTML = '<p class="card" role="status">Deleted: the file and its result are gone.</p>';
      input.focus();
    });
    input.addEventListener("change", () => setFile(input.files[0] || null));
    droppable(form, setFile);
    setFile(null);
  }

  const predict = find("#predict"), upload = find("#upload");
  if (predict) onePost(predict);
  if (upload) manyPosts(upload);
})();
