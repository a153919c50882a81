// The whole page. Its session is a cookie of the login server, which no script can read. The access token for the tasks
// API stands in a variable here and nowhere else, so it is gone with the page.

const TASKS_API = document.querySelector("meta[name=tasks-api]").content;

const welcome = document.querySelector("#welcome");
const signIn = document.querySelector("#sign-in");
const signUp = document.querySelector("#sign-up");
const signOut = document.querySelector("#sign-out");
const tasks = document.querySelector("#tasks");
const add = document.querySelector("#add");
const list = document.querySelector("#list");
const more = document.querySelector("#more");

let user; // who has signed in: id, name, and the access token once it is fetched
let next; // the cursor of the next page of tasks: null after the last page, undefined before the first
let newId = crypto.randomUUID(); // the id of the task that is being written

// What has gone wrong, as a sentence for the user.
class Problem extends Error {}

// The session is over: the user has to sign in again.
class SignedOut extends Problem {}

const SIGNED_OUT = "Your session is over. Sign in again: what you have typed is still there.";
const ANOTHER_USER = "Another user has signed in with this browser. Load the page again.";

// The two servers.

async function ask(server, url, method, body, headers = {}) {
  if (body) headers = { ...headers, "Content-Type": "application/json" };
  let answer, text;
  try {
    answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    text = await answer.text();
  } catch {
    throw new Problem(`The ${server} does not answer. Nothing that you have typed is lost: try again in a moment.`);
  }
  try {
    return { ok: answer.ok, status: answer.status, body: text ? JSON.parse(text) : null };
  } catch {
    // A proxy in front answers in HTML.
    throw new Problem(`The ${server} is not available (${answer.status}). Try again in a moment.`);
  }
}

async function askLogin(path, body) {
  const answer = await ask("login server", `/api/auth/${path}`, body ? "POST" : "GET", body);
  if (answer.ok) return answer.body;
  if (path === "token" && answer.status === 401) throw new SignedOut(SIGNED_OUT);
  throw new Problem(answer.body?.message ?? `The login server answers ${answer.status}.`);
}

async function askTasks(path, method = "GET", body = undefined) {
  const who = user;
  const url = `${TASKS_API}/api/${encodeURIComponent(who.id)}/tasks${path}`;
  const send = async () => {
    who.token ??= (await askLogin("token")).token;
    return ask("tasks API", url, method, body, { Authorization: `Bearer ${who.token}` });
  };
  let answer;
  try {
    answer = await send();
    if (answer.body?.error === "token_expired") {
      who.token = undefined;
      answer = await send();
    }
  } finally {
    // After a sign-out, the answer and its problems are for nobody: another user may be here.
    if (user !== who) throw new Problem("");
  }
  if (answer.ok) return answer.body;
  if (answer.body?.error === "not_owner") throw new Problem(ANOTHER_USER);
  throw new Problem(answer.body?.message ?? `The tasks API answers ${answer.status}.`);
}

// What the user sees.

function say(text) {
  document.querySelector("#said").textContent = text;
}

async function attempt(place, action) {
  const focused = document.activeElement;
  const controls = place.querySelectorAll("button, [type=checkbox]");
  for (const control of controls) control.disabled = true;
  say("");
  try {
    await action();
  } catch (problem) {
    if (problem instanceof SignedOut) leave();
    if (!(problem instanceof Problem)) throw problem;
    say(problem.message);
  } finally {
    for (const control of controls) control.disabled = false;
    // A control that was disabled has lost the focus.
    if (document.activeElement === document.body) focused.focus();
  }
}

async function enter(who) {
  // What one user has typed is not for the next.
  if (who.id !== user?.id) add.reset();
  user = who;
  document.querySelector("#name").textContent = user.name;
  welcome.hidden = true;
  tasks.hidden = false;
  signIn.reset();
  signUp.reset();
  await showMore();
}

function leave() {
  next = undefined;
  list.replaceChildren();
  tasks.hidden = true;
  welcome.hidden = false;
}

async function showMore() {
  showState();
  const page = await askTasks(next ? `?cursor=${encodeURIComponent(next)}` : "");
  if (!next) list.replaceChildren();
  list.append(...page.items.map(line));
  next = page.next;
  showState();
}

function showState() {
  more.hidden = next === null;
  more.textContent = next ? "Show more" : "Show my tasks";
  document.querySelector("#empty").hidden = next !== null || list.children.length > 0;
}

function line(task) {
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = task.completed;
  const title = document.createElement("span");
  title.textContent = task.title; // never innerHTML: the title may be text of anybody
  const label = document.createElement("label");
  label.append(box, title);
  const item = document.createElement("li");
  item.append(label);
  box.addEventListener("change", () => attempt(item, () => complete(task.id, box)));
  return item;
}

async function complete(id, box) {
  const completed = box.checked;
  try {
    await askTasks(`/${id}/complete`, "PATCH", { completed });
  } catch (problem) {
    box.checked = !completed;
    throw problem;
  }
}

// What the user does.

function onSubmit(form, action) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(form, () => action(Object.fromEntries(new FormData(form))));
  });
}

onSubmit(signIn, async (fields) => enter((await askLogin("sign-in/email", fields)).user));
onSubmit(signUp, async (fields) => enter((await askLogin("sign-up/email", fields)).user));

// If the answer is lost and the user presses Add again, the API knows the task by its id and keeps one.
onSubmit(add, async ({ title }) => {
  const task = await askTasks("", "POST", { id: newId, title });
  list.prepend(line(task));
  add.reset();
  newId = crypto.randomUUID();
  showState();
});
add.addEventListener("input", () => { newId = crypto.randomUUID(); });

more.addEventListener("click", () => attempt(tasks, showMore));

signOut.addEventListener("click", () => attempt(tasks, async () => {
  await askLogin("sign-out", {});
  leave();
  user = undefined;
  add.reset();
}));

attempt(welcome, async () => {
  const session = await askLogin("get-session");
  if (session) await enter(session.user);
  else leave();
});
