// While rehearsals are being played, their state and the button follow by themselves.
"use strict";
(() => {
  async function look() {
    const run = document.getElementById("run");
    if (!run?.dataset.going) return;
    try {
      const answer = await fetch(location.href, { headers: { "X-Background": "1" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const id of ["run", "go"]) {
          const fresh = page.getElementById(id);
          if (fresh) document.getElementById(id)?.replaceWith(fresh);
        }
      }
    } catch {
      /* asked again */
    }
    setTimeout(look, 1000);
  }
  setTimeout(look, 1000);
})();
