// A receiver of push notifications as programs write one, on Node's own http: tells each on a line of stdout.
//
// First {"port": N}, then for each request {"method", "url", "headers", "bytes"}, which it answers with 204.
'use strict';
const http = require('http');

function say(what) {
  process.stdout.write(JSON.stringify(what) + '\n');
}

const server = http.createServer((request, response) => {
  let bytes = 0;
  request.on('data', (chunk) => { bytes += chunk.length; });
  request.on('end', () => {
    say({method: request.method, url: request.url, headers: request.headers, bytes});
    response.writeHead(204).end();
  });
});
server.listen(0, '127.0.0.1', () => say({port: server.address().port}));
process.stdin.resume().on('end', () => process.exit(0));
