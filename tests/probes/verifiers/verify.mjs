// A bearer API that jose alone stands before: `node verify.mjs JOSE-FOLDER JWKS-FILE ISSUER AUDIENCE ALGORITHM,…`
// prints its port.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, jwks, issuer, audience, algorithms] = process.argv.slice(2);
const { createLocalJWKSet, jwtVerify } = await import(pathToFileURL(`${folder}/dist/webapi/index.js`).href);
const keys = createLocalJWKSet(JSON.parse(readFileSync(jwks, "utf8")));
const server = createServer(async (request, response) => {
  const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  let status = 200;
  try {
    await jwtVerify(token, keys, { issuer, audience, algorithms: algorithms.split(",") });
  } catch {
    status = 401;
  }
  response.writeHead(status, { "Content-Length": 0 }).end();
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit());
