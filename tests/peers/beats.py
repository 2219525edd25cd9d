"""Sends records with a real lumberjack client and waits for their answers. Arguments: port, count, batch, CA file or -."""

import sys

from pylogbeat import PyLogBeatClient

port, count, batch, ca = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
tls = {} if ca == "-" else {"ssl_enable": True, "ssl_verify": True, "ca_certs": ca}
client = PyLogBeatClient("localhost" if tls else "127.0.0.1", port, timeout=20, **tls)
client.connect()
common = {"@timestamp": "2026-11-21T05:50:01.250Z", "host": "shop/web-0"}
records = [common | {"n": n, "message": "grüße %d" % n} for n in range(count)]
for start in range(0, count, batch):
    client.send(records[start : start + batch])
client.close()
print(count)
