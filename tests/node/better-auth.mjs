// A Better Auth server on loopback, as the tests want it: `node better-auth.mjs '{"algorithm": "ES256"}'`.
//
// Its secret is BETTER_AUTH_SECRET. Everything is kept in memory, and no mail leaves: GET /test/mails hands over what
// was sent. The first line of its output is its origin. It ends with its standard input, so that it never outlives the
// test that started it.
import { createServer } from "node:http";
import { oauthProvider } from "@better-auth/oauth-provider";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { fromNodeHeaders, toNodeHandler } from "better-auth/node";
import { admin, bearer, deviceAuthorization, emailOTP, jwt, magicLink, oneTimeToken } from "better-auth/plugins";
import { SignJWT } from "jose";

const { algorithm = "EdDSA", sharedSecret = false, pages = [] } = JSON.parse(process.argv[2] ?? "{}");

// One server for each way to keep the session in a cookie; they share users, secret and signing keys.
const COOKIE_CACHES = {
  "/api/auth": undefined,
  "/compact": { strategy: "compact" },
  "/jwt": { strategy: "jwt" },
  "/jwe": { strategy: "jwe" },
  ...(sharedSecret ? {} : { "/jwks-jwt": { strategy: "jwt", signedByJwks: true } }),
};

// What a page of another origin asks for to log a user in. Better Auth leaves CORS to the server around it.
const OPEN_TO_PAGES = ["/api/auth/.well-known/openid-configuration", "/api/auth/oauth2/token"];

const TABLES = [
  "user", "session", "account", "verification", "jwks", "deviceCode", "oauthClient", "oauthRefreshToken",
  "oauthAccessToken", "oauthConsent", "oauthResource", "oauthClientResource", "oauthClientAssertion",
];
const database = Object.fromEntries(TABLES.map((table) => [table, []]));
const mails = {};

const server = createServer();
server.listen(0, "127.0.0.1", async () => {
  const origin = `http://127.0.0.1:${server.address().port}`;
  const servers = Object.entries(COOKIE_CACHES).map(([path, cache]) => [path, authServer(origin, path, cache)]);
  const handlers = servers.map(([path, auth]) => [path, toNodeHandler(auth)]);
  server.on("request", (request, response) => {
    const path = request.url;
    if (path === "/test/mails") return answer(response, mails);
    if (path === "/test/rotation-interval-is-over") return answer(response, expireSigningKeys());
    if (path.startsWith("/test/logout-uri")) return answer(response, tellAboutLogouts(new URL(path, origin).searchParams));
    if (path === "/test/machine-client") return registerMachine(servers[0][1], request, response);
    if (OPEN_TO_PAGES.includes(path) && pages.includes(request.headers.origin)) {
      response.setHeader("Access-Control-Allow-Origin", request.headers.origin);
    }
    const [, handler] = handlers.find(([prefix]) => path.startsWith(prefix)) ?? [];
    return handler ? handler(request, response) : answer(response, null, 404);
  });
  console.log(origin);
});
process.stdin.resume().on("end", () => process.exit());

function authServer(origin, basePath, cookieCache) {
  return betterAuth({
    baseURL: origin,
    basePath,
    database: memoryAdapter(database),
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    logger: { level: "error" },
    session: { cookieCache: { enabled: Boolean(cookieCache), strategy: cookieCache?.strategy } },
    emailAndPassword: { enabled: true, sendResetPassword: remember("password reset") },
    emailVerification: { sendOnSignUp: true, sendVerificationEmail: remember("email verification") },
    user: {
      changeEmail: { enabled: true },
      deleteUser: { enabled: true, sendDeleteAccountVerification: remember("account deletion") },
    },
    databaseHooks: { user: { create: { before: giveRoles } } },
    plugins: [
      jwt(jwtOptions(origin, cookieCache?.signedByJwks)),
      admin(),
      bearer(),
      magicLink({ sendMagicLink: remember("magic link") }),
      emailOTP({ sendVerificationOTP: remember("one-time password") }),
      oneTimeToken(),
      deviceAuthorization({ verificationUri: `${origin}/device` }),
      ...(basePath === "/api/auth" ? [oauthServer(origin)] : []),
    ],
  });
}

function jwtOptions(origin, sessionCookieCache = false) {
  if (!sharedSecret) {
    return {
      sessionCookieCache,
      jwks: { keyPairConfig: { alg: algorithm }, rotationInterval: 3600, gracePeriod: 3600 },
    };
  }
  // The way to HS256: the plugin signs nothing itself and publishes no keys, so it demands to know who does.
  const key = new TextEncoder().encode(process.env.BETTER_AUTH_SECRET);
  return {
    jwks: { remoteUrl: `${origin}/no-keys`, keyPairConfig: { alg: "HS256" } },
    jwt: { sign: (claims, header) => new SignJWT(claims).setProtectedHeader({ ...header, alg: "HS256" }).sign(key) },
  };
}

function oauthServer(origin) {
  return oauthProvider({
    loginPage: "/sign-in",
    consentPage: "/consent",
    scopes: ["openid", "profile", "email", "offline_access", "tasks:read"],
    resources: [origin, "https://another-api.example.com"],
    enforcePerClientResources: false,
    clientPrivileges: () => true,
    silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
  });
}

// Users who sign up with such an address are administrators.
async function giveRoles(user) {
  return { data: { ...user, role: user.email.startsWith("admin") ? "admin,editor" : "user" } };
}

// A client with tokens of its own, registered by the user who is signed in: Better Auth has no endpoint for its scopes.
async function registerMachine(auth, request, response) {
  const body = {
    grant_types: ["client_credentials"],
    token_endpoint_auth_method: "client_secret_post",
    client_credentials_scopes: ["tasks:read"],
  };
  return answer(response, await auth.api.adminCreateOAuthClient({ headers: fromNodeHeaders(request.headers), body }));
}

// Who registers a client may name neither http nor loopback.
function tellAboutLogouts(wish) {
  const client = database.oauthClient.find(({ clientId }) => clientId === wish.get("client"));
  client.backchannelLogoutUri = wish.get("uri");
  return client.clientId;
}

function remember(name) {
  return async ({ token, otp, url }) => {
    mails[name] = { token: token ?? otp, url };
  };
}

// What passes in an hour of rotationInterval passes now: the next token is signed with a new key, the old keys stay in
// the JWKS through their grace period.
function expireSigningKeys() {
  for (const key of database.jwks) key.expiresAt = new Date();
  return database.jwks.length;
}

function answer(response, value, status = 200) {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}
