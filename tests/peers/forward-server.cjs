// Receives records with the official server of the forward protocol, which answers every chunk.
// Argument: JSON, a list of servers: name, port, key?, user?, password?, crt?, crtKey? (files).
// Prints a line once all listen, then a JSON line for each record.
const fs = require("fs");
const { FluentServer } = require("@fluent-org/logger");

const start = async (wish) => {
  const options = { listenOptions: { host: "127.0.0.1", port: wish.port } };
  if (wish.key) {
    const userDict = wish.user ? { [wish.user]: wish.password } : {};
    options.security = { serverHostname: "peer", sharedKey: wish.key, authorize: Boolean(wish.user), userDict };
  }
  if (wish.crt) options.tlsOptions = { cert: fs.readFileSync(wish.crt), key: fs.readFileSync(wish.crtKey) };
  const server = new FluentServer(options);
  server.on("entry", (tag, time, record) => {
    const at = typeof time === "number" ? { whole: time } : { seconds: time.seconds ?? time.epoch, nanos: time.nanoseconds ?? time.nano };
    console.log(JSON.stringify({ server: wish.name, tag, at, record }));
  });
  await server.listen();
};
Promise.all(JSON.parse(process.argv[2]).map(start)).then(() => console.log("listening"));
