// Google's client for Node.js as a filter: a call on each line of stdin, its outcome on each line of stdout.
//
// In:  {"method": "events.list", "params": {...}, "body": {...}, "etag": "..."}, with "discover": true to go by the server's own
//      description
// Out: {"status": 200, "data": {...}} or {"status": 404, "error": {...}}; of a 304, which it takes for success, too
'use strict';
const readline = require('readline');
const {google} = require('googleapis');

const root = process.argv[2];
const auth = new google.auth.OAuth2({
  clientId: 'an-id', clientSecret: 'a-secret', endpoints: {oauth2TokenUrl: root + 'token'},
});
auth.setCredentials({refresh_token: 'a-refresh-token'});
const ours = google.calendar({version: 'v3', rootUrl: root, auth});
let discovered;

async function call({method, params, body, etag, discover}) {
  if (discover && !discovered) {
    discovered = await google.discoverAPI(root + 'discovery/v1/apis/calendar/v3/rest');
  }
  const [resource, verb] = method.split('.');
  const request = {...params, ...(body && {requestBody: body}), ...(etag && {headers: {'If-None-Match': etag}})};
  try {
    const api = discover ? discovered : ours;
    const response = await api[resource][verb](discover ? {...request, auth} : request);
    return response.status === 304 ? {status: 304, error: {}} : {status: response.status, data: response.data};
  } catch (e) {
    return e.response ? {status: e.response.status, error: e.response.data} : {status: 0, error: String(e)};
  }
}

(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    process.stdout.write(JSON.stringify(await call(JSON.parse(line))) + '\n');
  }
})();
