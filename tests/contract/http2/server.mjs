// Echoes pushes, says GOAWAY after every 150th, and reports what it processed.
import fs from 'fs';
import http2 from 'http2';

const pem = fs.readFileSync(process.argv[2]);
const server = http2.createSecureServer({
  key: pem, cert: pem,
  settings: { maxConcurrentStreams: 20, initialWindowSize: 200, headerTableSize: 128 },
});
const processed = {};
let streams = 0;
server.on('session', (session) => session.on('error', () => {}));
server.on('stream', (stream, headers) => {
  let size = 0;
  stream.on('error', () => {});
  stream.on('data', (part) => { size += part.length; });
  stream.on('end', () => {
    if (headers[':path'] === '/report') {
      stream.respond({ ':status': 200 });
      return stream.end(JSON.stringify(processed));
    }
    const id = headers['apns-id'];
    processed[id] = (processed[id] || 0) + 1;
    stream.additionalHeaders({ ':status': 103 });
    stream.respond({ ':status': 200, 'apns-id': id, topic: headers['apns-topic'] },
                   { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ checksum: 'x' }));
    stream.end(String(size));
    streams += 1;
    if (streams % 150 === 0) stream.session.close();
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
