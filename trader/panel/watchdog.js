// Runs once in each tab. The strip's first element carries a mark that changes with every beat of the page (`data-beat`), the
// tab's title (`data-title`), and what is at stake when no beat comes any more (`data-lost`).
(() => {
  if (window.strangleDesk) return;
  const LATE = 4000, CUT_OFF_LATE = 2500, LOOK = 250, AWAY = 2000, HIDDEN_LATE = 150000; // ms
  const desk = { mark: "", heard: performance.now(), looked: performance.now(), said: Date.now(), late: false, title: "", lost: "" };
  window.strangleDesk = desk;

  const bar = document.createElement("div");
  bar.id = "sd-alarm";
  bar.hidden = true;
  document.body.append(bar);

  function say(silence) {
    if (bar.hidden) {
      const command = document.createElement("code");
      command.textContent = "python -m trader status";
      const seconds = document.createElement("span");
      seconds.setAttribute("aria-hidden", "true"); // said once, not every second
      bar.replaceChildren("This page has heard nothing from the desk", seconds, `. Figures are old. ${desk.lost}: `, command);
      bar.setAttribute("role", "alert");
      bar.hidden = false;
      document.documentElement.classList.add("sd-silent");
    }
    bar.querySelector("span").textContent = ` for ${Math.floor(silence / 1000)} s`;
  }

  function listen() {
    const now = performance.now();
    // A tab in the background and a machine asleep run their timers late: what nobody listened to is not silence.
    const away = now - desk.looked;
    if (document.hidden) desk.heard = now;
    else if (away > AWAY) desk.heard += away;
    desk.looked = now;
    const beat = document.querySelector("[data-beat]");
    if (beat && beat.dataset.beat !== desk.mark) {
      desk.heard = now;
      desk.said = Date.now();
      [desk.mark, desk.title, desk.lost] = [beat.dataset.beat, beat.dataset.title, beat.dataset.lost];
    }
    const silence = now - desk.heard;
    // A server that is gone takes the connection with it, which Streamlit tells; one that hangs only keeps silent.
    const cut_off = Boolean(document.querySelector('.stApp:not([data-test-connection-state="CONNECTED"])'));
    desk.late = silence > (cut_off ? CUT_OFF_LATE : LATE);
    if (desk.late) say(silence);
    else if (!bar.hidden) {
      bar.hidden = true;
      document.documentElement.classList.remove("sd-silent");
    }
    const old = desk.late || (document.hidden && Date.now() - desk.said > HIDDEN_LATE);
    const title = old ? `no answer · ${desk.title}` : desk.title;
    if (title && document.title !== title) document.title = title;
  }
  setInterval(listen, LOOK);

  // Popovers, dialogs and toasts stand outside the element that Streamlit gives its theme's `color-scheme`: in the dark theme
  // our colours (`light-dark`) would be the light ones in them.
  function dress() {
    const app = document.querySelector(".stApp");
    if (app) document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme;
  }
  setInterval(dress, LOOK);

  // Streamlit calls the hint of a text just "Help"; it is named after that text.
  function name_hints() {
    for (const hint of document.querySelectorAll('[data-testid="stTooltipIcon"] button:is([aria-label="Help"], [data-hint])')) {
      const about = hint.closest(".stMarkdown, .stElementContainer")?.textContent.replace(/\s+/g, " ").trim();
      if (!about || hint.dataset.hint === about) continue;
      hint.dataset.hint = about;
      hint.setAttribute("aria-label", `Help for ${about.slice(0, 60)}`);
    }
  }
  document.addEventListener("visibilitychange", () => {
    desk.heard = performance.now();
    listen();
  });

  // Streamlit knocks at a lost server every 2 to 4 s; while the page is silent it does so twice a second.
  const later = window.setTimeout;
  window.setTimeout = (run, ms, ...rest) => later(run, desk.late && ms > 500 && ms <= 4000 ? 500 : ms, ...rest);

  // While its tab is in the background a notice is shown by the browser, too, once a person has allowed it on the System page.
  document.addEventListener("click", (event) => {
    if (event.target.closest(".st-key-sys_notify button")) window.Notification?.requestPermission();
  });
  function tell_outside() {
    for (const toast of document.querySelectorAll('[data-testid="stToast"]:not([data-told])')) {
      toast.dataset.told = "1";
      if (document.hidden && window.Notification?.permission === "granted") {
        new Notification("Strangle Desk", { body: toast.innerText.trim().slice(0, 200) });
      }
    }
  }

  // The question of Stop takes the keyboard's focus, so that Enter answers it, and gives it back to the button.
  let asking = false;
  new MutationObserver(() => {
    name_hints();
    tell_outside();
    const answer = document.querySelector(".st-key-stop_yes button, .st-key-stop_no button");
    if (Boolean(answer) === asking) return;
    asking = Boolean(answer);
    (answer || document.querySelector(".st-key-stop button"))?.focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });
})();
