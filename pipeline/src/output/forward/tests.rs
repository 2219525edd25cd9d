//! Against servers in the test that read messages, answer or misbehave.

use std::{collections::VecDeque, sync::Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    buffer::Buffer,
    output::{
        OutputCounters,
        bench::{block_on, context, count, plan, twenty},
        run,
    },
    wire::{
        forward::{
            self as wire,
            handshake::{Hello, Ping, Security},
        },
        inflate::Limits,
        msgpack::Scan,
    },
};

/// What a server does with the next message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Ack,
    /// Keeps it, closes the connection without an ack.
    LoseAck,
    /// Says nothing, for ever.
    Hang,
    /// Answers nonsense.
    Nonsense,
}

#[derive(Debug, Default)]
struct Server {
    script: Mutex<VecDeque<Does>>,
    kept: Mutex<Vec<(Vec<u8>, String)>>,
    security: Option<Security>,
}

async fn next(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut scan = Scan::new(64 << 20);
    loop {
        if let Some(len) = scan.advance(read).unwrap() {
            return Some(read.drain(..len).collect());
        }
        let mut block = [0; 4096];
        match stream.read(&mut block).await {
            Ok(n) if n > 0 => read.extend_from_slice(&block[..n]),
            _ => return None,
        }
    }
}

impl Server {
    async fn listen(self: Arc<Self>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&self).serve(stream));
            }
        });
        port
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) -> Option<()> {
        let mut read = Vec::new();
        if let Some(security) = &self.security {
            let hello = Hello {
                nonce: b"nonce".to_vec(),
                auth: if security.users.is_empty() { vec![] } else { b"auth".to_vec() },
            };
            let mut out = Vec::new();
            hello.encode(&mut out);
            stream.write_all(&out).await.ok()?;
            let given = Ping::decode(&next(&mut stream, &mut read).await?).unwrap();
            let pong = security.answer(&hello, &given);
            out.clear();
            pong.encode(&mut out);
            stream.write_all(&out).await.ok()?;
            if !pong.accepted {
                return None;
            }
        }
        loop {
            let bytes = next(&mut stream, &mut read).await?;
            let message = wire::decode(&bytes, &Limits::default()).unwrap();
            let chunk = message.options.chunk.clone().unwrap_or_default();
            let does = self.script.lock().unwrap().pop_front().unwrap_or(Does::Ack);
            if matches!(does, Does::Ack | Does::LoseAck) {
                let text = |event: &crate::event::Event| {
                    String::from_utf8(event.fields.get("log").unwrap().as_bytes().unwrap().to_vec()).unwrap()
                };
                self.kept.lock().unwrap().extend(message.events.iter().map(|event| (chunk.clone(), text(event))));
            }
            match does {
                Does::Ack if chunk.is_empty() => {}
                Does::Ack => {
                    let mut out = Vec::new();
                    wire::encode_ack(&chunk, &mut out);
                    stream.write_all(&out).await.ok()?;
                }
                Does::LoseAck => return None,
                Does::Hang => std::future::pending::<()>().await,
                Does::Nonsense => {
                    stream.write_all(b"\xc1\xff").await.ok()?;
                    return None;
                }
            }
        }
    }

    fn logs(&self) -> Vec<String> {
        self.kept.lock().unwrap().iter().map(|(_, log)| log.clone()).collect()
    }
}

fn deliver(server: &Arc<Server>, keys: &str, buffer: &Arc<Buffer>) -> Arc<OutputCounters> {
    block_on(async {
        let port = Arc::clone(server).listen().await;
        let plan = plan(&format!("Name forward\nPort {port}\n{keys}"));
        let context = context(&plan, buffer);
        let counters = Arc::clone(&context.counters);
        run(plan, context).await;
        counters
    })
}

fn all() -> Vec<String> {
    (101..=120).map(|n| format!("line {n}")).collect()
}

#[test]
fn chunks_arrive_whole_in_order_and_are_taken_by_their_acks() {
    for keys in ["", "Compress gzip", "Time_as_Integer on", "Tag other"] {
        let (server, buffer) = (Arc::new(Server::default()), twenty("t"));
        let counters = deliver(&server, keys, &buffer);
        assert_eq!((server.logs(), buffer.take_acks(0).len(), count(&counters.records)), (all(), 20, 20), "{keys}");
    }
}

#[test]
fn a_lost_ack_sends_the_chunk_again_under_the_same_id() {
    let (server, buffer) = (Arc::new(Server::default()), twenty("t"));
    server.script.lock().unwrap().extend([Does::Ack, Does::Ack, Does::LoseAck]);
    let counters = deliver(&server, "Hold_Off 1ms", &buffer);
    let kept = server.kept.lock().unwrap().clone();
    let twice: Vec<_> =
        kept.iter().filter(|(id, _)| kept.iter().filter(|(other, _)| other == id).count() == 2).collect();
    assert_eq!(twice.iter().map(|(_, log)| log.as_str()).collect::<Vec<_>>(), ["line 103", "line 103"]);
    assert_eq!((kept.len(), count(&counters.records), buffer.take_acks(0).len()), (21, 20, 20));
}

#[test]
fn a_silent_or_senseless_server_takes_nothing_and_is_left() {
    for does in [Does::Hang, Does::Nonsense] {
        let (server, buffer) = (Arc::new(Server::default()), twenty("t"));
        server.script.lock().unwrap().push_back(does);
        let counters = deliver(&server, "Ack_Timeout 2s\nHold_Off 1ms", &buffer);
        assert_eq!((server.logs(), count(&counters.retries)), (all(), 1), "{does:?}");
    }
}

#[test]
fn without_acks_a_chunk_is_taken_when_it_is_written() {
    let (server, buffer) = (Arc::new(Server::default()), twenty("t"));
    let counters = deliver(&server, "Require_ack_response off", &buffer);
    assert_eq!((count(&counters.records), buffer.take_acks(0).len()), (20, 20));
    assert!(server.kept.lock().unwrap().iter().all(|(id, _)| id.is_empty()));
}

#[test]
fn both_sides_show_that_they_know_the_key_and_a_wrong_one_gets_nothing() {
    let security = |users: &[(&str, &str)]| Security {
        shared_key: b"key".to_vec(),
        users: users.iter().map(|(user, password)| (user.as_bytes().to_vec(), password.as_bytes().to_vec())).collect(),
        hostname: "server".to_owned(),
    };
    for (users, keys, accepted) in [
        (&[][..], "Shared_Key key\nSelf_Hostname client", true),
        (&[("u", "p")][..], "Shared_Key key\nSelf_Hostname client\nUsername u\nPassword p", true),
        (&[("u", "p")][..], "Shared_Key key\nSelf_Hostname client\nUsername u\nPassword q", false),
        (&[][..], "Shared_Key other\nSelf_Hostname client", false),
    ] {
        let (server, buffer) = (Arc::new(Server { security: Some(security(users)), ..Server::default() }), twenty("t"));
        let counters = deliver(&server, &format!("{keys}\nRetry_Limit 1\nHold_Off 1ms"), &buffer);
        assert_eq!((server.logs().len(), count(&counters.dropped)), if accepted { (20, 0) } else { (0, 20) }, "{keys}");
    }
}

#[test]
fn servers_take_turns_by_weight_and_one_that_fails_is_left_alone() {
    let net = |port| {
        let OutputPlan { to, .. } = plan(&format!("Name forward\nPort {port}"));
        let crate::config::plan::Destination::Forward(forward) = to else { panic!("not forward") };
        forward
    };
    let mut three = *net(1);
    three.nodes =
        [(1, 60), (2, 30), (3, 0)].map(|(port, weight)| Node { weight, ..net(port).nodes[0].clone() }).to_vec();
    let output = plan("Name forward");
    let context = context(&output, &twenty("t"));
    let mut forward = ForwardOutput {
        peers: three.nodes.iter().map(|node| Balanced { peer: Peer::new(node), credit: 0, held: None }).collect(),
        packer: Packer::new(&three),
        retry: Retry::new(&output, &context, 0),
        plan: three,
    };
    let turns = |forward: &mut ForwardOutput| -> Vec<usize> { (0..9).map(|_| forward.turn()).collect() };
    let count_of = |turns: &[usize], node: usize| turns.iter().filter(|&&turn| turn == node).count();
    let first = turns(&mut forward);
    assert_eq!([0, 1, 2].map(|node| count_of(&first, node)), [6, 3, 0], "{first:?}");
    forward.peers[0].held = Some(Instant::now() + Duration::from_secs(60));
    assert_eq!(count_of(&turns(&mut forward), 0), 0);
    forward.peers[1].held = Some(Instant::now() + Duration::from_secs(50));
    forward.peers[2].held = Some(Instant::now() + Duration::from_secs(70));
    assert_eq!(forward.turn(), 1);
}

#[test]
fn servers_of_an_upstream_log_in_with_their_own_key_or_with_that_of_the_output() {
    let servers = "[UPSTREAM]\nName u\n[NODE]\nName a\nHost h\n[NODE]\nName b\nHost h\nShared_Key own";
    let keys = |output: &str| {
        let plan = plan(&format!("Name forward\nUpstream u\n{output}\n{servers}"));
        let crate::output::plan::Destination::Forward(forward) = plan.to else { panic!("it is another") };
        forward.nodes.into_iter().map(|node| node.login.map(|login| login.shared_key)).collect::<Vec<_>>()
    };
    assert_eq!(keys("Shared_Key all"), [Some("all".to_owned()), Some("own".to_owned())]);
    assert_eq!(keys(""), [None, Some("own".to_owned())]);
}
