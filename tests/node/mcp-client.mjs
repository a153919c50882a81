// The clients of the official MCP SDK. They know the URL of a server and nothing else: `node mcp-client.mjs URL '{…}'`.
//
// The second argument says which `grants` to register for, and whether to take the `split` packages that follow
// @modelcontextprotocol/sdk. The program reads one command in a line of JSON and answers with one: ["connect"], ["tools"], ["call", name, arguments], ["present", accessToken] to go on with another token. When
// the user has to log in, it prints {"authorize": URL} and reads the URL that the browser was sent back to.
import { createInterface } from "node:readline";

const url = new URL(process.argv[2]);
const { grants, split } = JSON.parse(process.argv[3]);
const SDK = "@modelcontextprotocol/sdk/client";
const modules = split ? ["@modelcontextprotocol/client"] : [`${SDK}/index.js`, `${SDK}/auth.js`, `${SDK}/streamableHttp.js`];
const imported = await Promise.all(modules.map((name) => import(name)));
const { Client, StreamableHTTPClientTransport, UnauthorizedError } = Object.assign({}, ...imported);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const say = (value) => console.log(JSON.stringify(value));

const kept = {};
const provider = {
  redirectUrl: "http://127.0.0.1:1/callback",
  clientMetadata: {
    client_name: "A client of the MCP SDK",
    redirect_uris: ["http://127.0.0.1:1/callback"],
    grant_types: grants,
    token_endpoint_auth_method: "none",
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  discoveryState: () => kept.discovery,
  saveDiscoveryState: (discovery) => { kept.discovery = discovery; },
  redirectToAuthorization: (authorizationUrl) => say({ authorize: authorizationUrl }),
};

let client;
let transport;

async function connect() {
  client = new Client({ name: "tests", version: "1" }, { versionNegotiation: { mode: "auto" } });
  transport = new StreamableHTTPClientTransport(url, { authProvider: provider });
  await client.connect(transport);
  return { version: client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion };
}

// An application starts again after the login, as the SDK's own examples do.
async function withLogin(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    const back = new URL(await read()).searchParams;
    await transport.finishAuth(back.get("code"), back.get("iss"));
    return action();
  }
}

const COMMANDS = {
  connect: () => withLogin(connect),
  tools: async () => (await client.listTools()).tools.map(({ name }) => name),
  call: (name, arguments_) =>
    withLogin(async () => (await client.callTool({ name, arguments: arguments_ })).structuredContent),
  present: (token) => { kept.tokens.access_token = token; return null; },
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
