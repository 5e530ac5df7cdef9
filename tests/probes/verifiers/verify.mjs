// A bearer API that jose alone stands before: `node verify.mjs JOSE-FOLDER JWKS-FILE ISSUER AUDIENCE ALGORITHM,…`
// prints its port.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, jwks, issuer, audience, algorithms] = process.argv.slice(2);
const { createLocalJWKSet, importJWK, jwtVerify } = await import(pathToFileURL(`${folder}/dist/webapi/index.js`).href);
const published = JSON.parse(readFileSync(jwks, "utf8"));
const set = createLocalJWKSet(published);
// A set is of public keys; shared ones are chosen here, by their id and for their algorithm.
const shared = published.keys.filter((key) => key.kty === "oct");
const keys = (header, token) => {
  const own = shared.find((key) => key.kid === header.kid && (key.alg ?? header.alg) === header.alg);
  return own ? importJWK(own, header.alg) : set(header, token);
};
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
