// A standard OpenID provider on loopback: `node oidc-provider.mjs '{"api": "https://tasks.example.com"}'`.
//
// `api` is the resource whose access tokens are JWTs (RFC 9068); those of any other resource, and of none, are opaque.
// A client with a `backchannel_logout_uri` is told there when a session of its users ends; if it demands the session as
// well (`backchannel_logout_session_required`), its access tokens name it (`sid`).
// `page` is a public client, a page that asks the token endpoint from its own origin with PKCE (RFC 7636).
// Access tokens are good for `lifetime` seconds, and a refresh token for one use; `/test/revoke` revokes all of those.
// `mcp` makes it one for clients that register themselves (RFC 7591): it lists the `scopes` of every resource, whose
// tokens are JWTs then. Those of the user `late` have expired. A client that may use refresh tokens gets one, and with
// `strict` only the scopes that it registered for. Each request is a line of JSON in the log.
// `acrValues` are the kinds of login that it knows, the weakest first. A user logs in by the first that is asked for, and
// once more if the last login was of another kind. Its access tokens say how and when. `/test/later?seconds` moves its
// clock.
// Everything is kept in memory. The first line of its output is its issuer. It ends with its standard input, so that it
// never outlives the test that started it.
import { createServer } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import Provider, { interactionPolicy } from "oidc-provider";

const { api, algorithm = "ES256", client, others = [], page, lifetime = 3600, mcp, acrValues } = JSON.parse(process.argv[2]);
const resourceScopes = mcp?.scopes ?? ["tasks:read"];

const server = createServer();
server.listen(0, "127.0.0.1", async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      ...[...(client ? [client] : []), ...others].map((confidential) => ({
        grant_types: ["authorization_code", "client_credentials", "refresh_token"],
        token_endpoint_auth_method: "client_secret_post",
        id_token_signed_response_alg: algorithm,
        ...confidential,
      })),
      ...(page ? [{ ...page, token_endpoint_auth_method: "none", id_token_signed_response_alg: algorithm }] : []),
    ],
    clientBasedCORS: (context, origin, { clientId, redirectUris }) =>
      clientId === page?.client_id && redirectUris.some((uri) => new URL(uri).origin === origin),
    jwks: { keys: [await signingKey()] },
    cookies: { keys: ["signs the cookies of this process alone"] },
    scopes: ["openid", "offline_access", ...resourceScopes],
    ttl: { AccessToken: lifetime },
    rotateRefreshToken: true,
    // The provider itself puts the session into ID tokens alone.
    extraTokenClaims: ({ oidc: { entities } }) => {
      const { sid } = entities.AuthorizationCode ?? entities.RefreshToken ?? {};
      return sid ? { sid } : undefined;
    },
    // It sends nothing to addresses of special use, such as loopback, by a dispatcher of its own.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    ...(mcp ? forClientsThatRegister() : {}),
    ...(acrValues ? forKindsOfLogin() : {}),
    features: {
      backchannelLogout: { enabled: true },
      registration: { enabled: Boolean(mcp) },
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (context, resource) => ({
          scope: resourceScopes.join(" "),
          accessTokenFormat: mcp || resource === api ? "jwt" : "opaque",
          jwt: { sign: { alg: algorithm } },
        }),
        useGrantedResource: () => true,
      },
    },
  });
  if (mcp) provider.use(logRequest);
  const answer = provider.callback();
  const grants = new Set();
  provider.on("refresh_token.saved", ({ grantId }) => grants.add(grantId));
  server.on("request", async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, issuer);
    if (acrValues && request.method === "POST" && /^\/interaction\/[^/]+$/.test(pathname)) {
      if (await logIn(provider, request, response)) return;
    }
    if (pathname === "/test/later") moveClock(Number(searchParams.get("seconds")));
    else if (pathname !== "/test/revoke") return answer(request, response);
    else for (const grant of grants) await provider.RefreshToken.revokeByGrantId(grant);
    return response.end();
  });
  console.log(issuer);
});
process.stdin.resume().on("end", () => process.exit());

function forClientsThatRegister() {
  return {
    clientDefaults: { id_token_signed_response_alg: algorithm, application_type: "native" },
    // Clients register for the scopes they were asked for first, and could not step up to any other.
    extraClientMetadata: {
      properties: ["any"],
      validator: (context, name, value, metadata) => {
        if (!mcp.strict) delete metadata.scope;
      },
    },
    issueRefreshToken: (context, client) => client.grantTypeAllowed("refresh_token"),
    formats: {
      customizers: {
        jwt: (context, token, { payload }) => {
          if (token.accountId === "late") Object.assign(payload, { iat: payload.iat - 7200, exp: payload.exp - 7200 });
        },
      },
    },
  };
}

function forKindsOfLogin() {
  const { Check, base } = interactionPolicy;
  const policy = base();
  // Those that are asked for by acr_values are voluntary otherwise (OpenID Connect Core §3.1.2.1).
  policy.get("login").checks.add(
    new Check("acr_values", "the login was of another kind", ({ oidc }) => {
      const asked = oidc.params.acr_values?.split(" ");
      return Boolean(asked) && !asked.includes(oidc.acr) && !oidc.result?.login;
    }),
  );
  return {
    acrValues,
    interactions: { policy },
    extraTokenClaims: ({ oidc: { entities } }) => {
      const login = entities.AuthorizationCode ?? entities.RefreshToken;
      return login && { acr: login.acr, auth_time: login.authTime };
    },
  };
}

// The pages of the provider do not say how the user logged in.
async function logIn(provider, request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  if (prompt.name !== "login") return false;
  const chunks = await request.toArray();
  const accountId = new URLSearchParams(Buffer.concat(chunks).toString()).get("login");
  const acr = params.acr_values?.split(" ")[0] ?? acrValues[0];
  await provider.interactionFinished(request, response, { login: { accountId, acr } }, { mergeWithLastSubmission: false });
  return true;
}

function moveClock(seconds) {
  const before = Date.now;
  Date.now = () => before() + seconds * 1000;
}

async function logRequest(context, next) {
  await next();
  const { method, path, status } = context;
  console.error(JSON.stringify({ method, path, status, asked: context.oidc?.params ?? context.oidc?.body }));
}

async function signingKey() {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: algorithm, kid: `key-${Date.now()}`, use: "sig" };
}
