// The login server and the page, which have one origin: `node server.mjs`.
//
// BETTER_AUTH_URL is that origin, TASKS_API_URL the origin of the tasks API.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const ORIGIN = process.env.BETTER_AUTH_URL ?? "http://127.0.0.1:3000";
const TASKS_API = process.env.TASKS_API_URL ?? "http://127.0.0.1:8000";

const auth = betterAuth({
  baseURL: ORIGIN,
  // Users and sessions are in memory, so a new secret at each start loses nothing more.
  // Not ??: with an empty secret, Better Auth takes one that is public.
  secret: process.env.BETTER_AUTH_SECRET || randomBytes(32).toString("hex"),
  database: memoryAdapter({ user: [], session: [], account: [], verification: [], jwks: [] }),
  emailAndPassword: { enabled: true },
  // The tasks API reads the id of the user and nothing else. By default, name and address stand in the token too.
  plugins: [jwt({ jwt: { definePayload: () => ({}) } })],
});

const FILES = {
  "/": ["text/html", read("index.html").replace("TASKS_API_URL", TASKS_API)],
  "/page.js": ["text/javascript", read("page.js")],
  "/page.css": ["text/css", read("page.css")],
};

// Scripts and styles come from these files alone, and the page sends requests to the two servers alone.
const SECURITY_HEADERS = {
  "Content-Security-Policy":
    `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ${TASKS_API}; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

const login = toNodeHandler(auth);
const { hostname, port } = new URL(ORIGIN);

createServer((request, response) => {
  if (request.url.startsWith("/api/auth/")) return login(request, response);
  const [type, content] = FILES[request.url] ?? [];
  if (!content) return response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": `${type}; charset=utf-8`, ...SECURITY_HEADERS }).end(content);
}).listen(port, hostname, () => console.log(ORIGIN));

function read(name) {
  return readFileSync(new URL(name, import.meta.url), "utf8");
}
