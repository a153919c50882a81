const find = (selector) => document.querySelector(selector);
let user, csrfToken;

// Cookies go along by themselves; no token is ever here.
async function call(path, method = "GET", content = undefined) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrfToken };
  const answer = await fetch(path, { method, headers: method === "GET" ? {} : headers, body: JSON.stringify(content) });
  if (answer.status === 401) signedOut();
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

function signedOut() {
  find("main").hidden = true;
  find("#login").hidden = false;
  find("#status").textContent = "Signed out";
}

async function show() {
  ({ user, csrf_token: csrfToken } = await call("/bff/user"));
  const { items } = await call(`/api/${encodeURIComponent(user)}/tasks`);
  find("ul").replaceChildren(...items.map((task) => Object.assign(document.createElement("li"), { textContent: task.title })));
  find("#status").textContent = `Signed in as ${user}`;
  find("main").hidden = false;
}

find("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await call(`/api/${encodeURIComponent(user)}/tasks`, "POST", { title: event.target.title.value });
  event.target.reset();
  await show();
});

find("#logout").addEventListener("click", async () => {
  await call("/bff/logout", "POST");
  signedOut();
});

show().catch(() => {});
