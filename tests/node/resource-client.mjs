// A client that knows only the URL of an API: it reads the challenge of a refused request, and the metadata of the resource.
import * as oauth from 'oauth4webapi';

const { resource, api } = JSON.parse(process.argv[2]);
const options = { [oauth.allowInsecureRequests]: true };

const challenges = await oauth
  .protectedResourceRequest('no-token', 'GET', new URL(api), undefined, undefined, options)
  .then(
    () => [],
    (error) => error.cause,
  );
const identifier = new URL(resource);
const response = await oauth.resourceDiscoveryRequest(identifier, options);
const metadata = await oauth.processResourceDiscoveryResponse(identifier, response);
console.log(JSON.stringify({ challenges, metadata, asked: response.url }));
