// A client of oauth4webapi that knows the URL of a server and nothing else: `node oauth4webapi-client.mjs URL '{…}'`.
//
// Its arguments, commands and answers are those of mcp-client.mjs. What an application decides, it decides as RFC 9728,
// RFC 8707 and the specification of MCP say: oauth4webapi makes the requests and judges the answers.
import { createInterface } from "node:readline";
import * as oauth from "oauth4webapi";

const resource = new URL(process.argv[2]);
const { grants } = JSON.parse(process.argv[3]);
const REDIRECT = "http://127.0.0.1:1/callback";
const VERSION = "2026-07-28";
const options = { [oauth.allowInsecureRequests]: true };
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const say = (value) => console.log(JSON.stringify(value));

let server;
let client;
let scopes = new Set();
let tokens = { access_token: "none" };

async function rpc(method, params = {}) {
  const headers = new Headers({
    "Content-Type": "application/json",
    Accept: "application/json, text/event-stream",
    "MCP-Protocol-Version": VERSION,
    "Mcp-Method": method,
    ...(params.name ? { "Mcp-Name": params.name } : {}),
  });
  const _meta = { "io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {} };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } });
  const response = await oauth.protectedResourceRequest(tokens.access_token, "POST", resource, headers, body, options);
  const { result, error } = await response.json();
  if (error) throw new Error(error.message);
  return result;
}

async function withToken(method, params) {
  try {
    return await rpc(method, params);
  } catch (error) {
    if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error;
    const [challenge] = error.cause;
    server ??= await discover(new URL(challenge.parameters.resource_metadata));
    client ??= await register();
    tokens = await (tokens.refresh_token && error.status === 401 ? refresh() : authorize(challenge.parameters.scope));
    return rpc(method, params);
  }
}

async function discover(metadataUrl) {
  const expected = `/.well-known/oauth-protected-resource${resource.pathname}`;
  if (metadataUrl.pathname !== expected) throw new Error(`the metadata should be at ${expected}`);
  const answer = await oauth.resourceDiscoveryRequest(resource, options);
  const { authorization_servers: [issuer] } = await oauth.processResourceDiscoveryResponse(resource, answer);
  const metadata = await oauth.discoveryRequest(new URL(issuer), { ...options, algorithm: "oauth2" });
  return oauth.processDiscoveryResponse(new URL(issuer), metadata);
}

async function register() {
  const metadata = { redirect_uris: [REDIRECT], grant_types: grants, token_endpoint_auth_method: "none" };
  const answer = await oauth.dynamicClientRegistrationRequest(server, metadata, options);
  return oauth.processDynamicClientRegistrationResponse(answer);
}

async function authorize(scope) {
  scopes = new Set([...scopes, ...scope.split(" ")]);
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: REDIRECT,
    response_type: "code",
    scope: [...scopes].join(" "),
    resource: resource.href,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  say({ authorize: url });
  const answer = oauth.validateAuthResponse(server, client, new URL(await read()), state);
  const granted = await oauth.authorizationCodeGrantRequest(
    server, client, oauth.None(), answer, REDIRECT, verifier,
    { ...options, additionalParameters: { resource: resource.href } },
  );
  return oauth.processAuthorizationCodeResponse(server, client, granted);
}

async function refresh() {
  const granted = await oauth.refreshTokenGrantRequest(
    server, client, oauth.None(), tokens.refresh_token,
    { ...options, additionalParameters: { resource: resource.href } },
  );
  return oauth.processRefreshTokenResponse(server, client, granted);
}

const COMMANDS = {
  connect: async () => {
    const { supportedVersions } = await withToken("server/discover");
    return { version: supportedVersions.find((version) => version === VERSION) };
  },
  tools: async () => (await withToken("tools/list")).tools.map(({ name }) => name),
  call: async (name, arguments_) => (await withToken("tools/call", { name, arguments: arguments_ })).structuredContent,
  present: (token) => { tokens.access_token = token; return null; },
};

for await (const line of lines) {
  const [command, ...rest] = JSON.parse(line);
  try {
    say({ result: await COMMANDS[command](...rest) });
  } catch (error) {
    say({ error: error.message });
  }
}
process.exit();
