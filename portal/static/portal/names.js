// Names the fields in which one searches after their labels: without it they are told by their value alone.
(() => {
  const name = () => {
    for (const box of document.querySelectorAll(".select2-selection[role='combobox']:not([aria-label])")) {
      const select = box.closest(".select2-container").previousElementSibling;
      const label = document.querySelector(`label[for="${select.id}"]`);
      const said = select.getAttribute("aria-label") || (label && label.textContent.trim());
      if (!said) continue;
      box.id = box.id || `${select.id}_box`;
      box.setAttribute("aria-label", said);
      const shown = box.querySelector(".select2-selection__rendered");
      for (const kept of ["role", "aria-readonly"]) shown.removeAttribute(kept); // a field in a field, without a name
      box.setAttribute("aria-labelledby", `${box.id} ${box.getAttribute("aria-labelledby")}`);
    }
  };
  // After those of jQuery that make the fields, which may be later than the load.
  window.addEventListener("load", () => window.django && django.jQuery && django.jQuery(name));
  document.addEventListener("formset:added", () => setTimeout(name));
})();
