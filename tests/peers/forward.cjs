// Sends records with the official client of the forward protocol and waits until every one is answered.
// Argument: JSON with port, mode, count, key?, user?, password?, ca? (file), patience (ms).
// Prints how many were answered; exit 3 if the patience was not enough for all.
const fs = require("fs");
const { FluentClient } = require("@fluent-org/logger");

const wish = JSON.parse(process.argv[2]);
const socket = { host: wish.ca ? "localhost" : "127.0.0.1", port: wish.port, timeout: 10000 };
if (wish.ca) socket.tls = { ca: fs.readFileSync(wish.ca) };
const complain = (error) => console.error(String(error));
const options = { eventMode: wish.mode, socket, ack: { ackTimeout: 15000 }, milliseconds: true, onSocketError: complain };
if (wish.key) {
  options.security = { clientHostname: "peer", sharedKey: wish.key, username: wish.user, password: wish.password };
}
const client = new FluentClient("peer." + wish.mode.toLowerCase(), options);
if (client.socketOn) client.socketOn("error", complain);

let answered = 0;
const tell = (code) => {
  console.log(answered);
  process.exit(code);
};
setTimeout(() => tell(3), wish.patience);
for (let n = 0; n < wish.count; n++) {
  client.emit({ n, text: "grüße " + "x".repeat(n % 50) }).then(() => ++answered === wish.count && tell(0), complain);
}
