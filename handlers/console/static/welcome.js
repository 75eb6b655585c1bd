// The code stands behind the # of the link, where browsers keep it to themselves: put it into the form, and go on.
"use strict";
(() => {
  const code = location.hash.slice(1);
  const form = document.getElementById("welcome");
  if (!code || !form) return;
  history.replaceState(null, "", location.pathname);
  form.elements.code.value = code;
  form.submit();
})();
