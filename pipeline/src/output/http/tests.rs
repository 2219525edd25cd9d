use std::{
    collections::VecDeque,
    convert::Infallible,
    io::Read,
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::{
    buffer::{Buffer, tests::batch},
    output::{
        OutputCounters,
        bench::{block_on, buffer, context, count, plan, twenty},
        run,
    },
};

/// What the server does with one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    Take,
    Answer(u16),
    /// Reads the request, keeps nothing, closes the connection.
    Reset,
    /// Keeps the records, closes the connection without an answer.
    LoseAnswer,
    /// Never answers.
    Hang,
    /// 413 for a body over so many bytes.
    AtMost(usize),
}

#[derive(Debug, Default)]
pub(crate) struct Server {
    pub(crate) script: Mutex<VecDeque<Does>>,
    pub(crate) always: Mutex<Option<Does>>,
    bodies: Mutex<Vec<String>>,
    requests: Mutex<usize>,
    changed: Condvar,
}

impl Server {
    pub(crate) async fn listen(self: &Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = Arc::clone(&server);
                tokio::spawn(async move {
                    let service = service_fn(move |request| Arc::clone(&server).serve(request));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        address
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::io::Error> {
        let gzip = request.headers().get("content-encoding").is_some_and(|value| value == "gzip");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let len = body.len();
        let mut text = String::new();
        if gzip {
            flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(body.to_vec()).unwrap();
        }
        *self.requests.lock().unwrap() += 1;
        self.changed.notify_all();
        let next = self.script.lock().unwrap().pop_front().or(*self.always.lock().unwrap());
        let answer = |status: u16| Ok(Response::builder().status(status).body(Full::default()).unwrap());
        let keep = || self.bodies.lock().unwrap().push(text);
        let _told = Tell(&self);
        match next.unwrap_or(Does::Take) {
            Does::Answer(status) => answer(status),
            Does::AtMost(most) if len > most => answer(413),
            Does::Take | Does::AtMost(_) => {
                keep();
                answer(201)
            }
            Does::LoseAnswer => {
                keep();
                Err(std::io::ErrorKind::ConnectionReset.into())
            }
            Does::Reset => Err(std::io::ErrorKind::ConnectionReset.into()),
            Does::Hang => {
                std::future::pending::<Infallible>().await;
                answer(500)
            }
        }
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        *self.requests.lock().unwrap()
    }

    /// Waits until `done` holds, asked after each request; panics after 20 s.
    pub(crate) fn wait(&self, what: &str, done: impl Fn(&Self, usize) -> bool) {
        let requests = self.requests.lock().unwrap();
        let limit = Duration::from_secs(20);
        let (guard, waited) =
            self.changed.wait_timeout_while(requests, limit, |requests| !done(self, *requests)).unwrap();
        drop(guard);
        assert!(!waited.timed_out(), "waited in vain until {what}; kept {}", self.kept().len());
    }

    /// The records that were kept, by the offset at which their line ends.
    pub(crate) fn kept(&self) -> Vec<u64> {
        let bodies = self.bodies.lock().unwrap();
        let of = |body: &String| {
            let whole =
                if body.starts_with('[') { body.clone() } else { format!("[{}]", body.trim_end().replace('\n', ",")) };
            let records: Vec<serde_json::Value> = serde_json::from_str(&whole).unwrap();
            let end = |record: &serde_json::Value| record["log"].as_str().unwrap()[5..].parse().unwrap();
            records.iter().map(end).collect::<Vec<u64>>()
        };
        bodies.iter().flat_map(of).collect()
    }
}

/// Wakes those who wait for the server, once a request has been dealt with.
struct Tell<'a>(&'a Server);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        let _lock = self.0.requests.lock().unwrap();
        self.0.changed.notify_all();
    }
}

/// Sends 20 records through the scripted server; returns it, the buffer and what was counted.
fn through(keys: &str, script: &[Does], always: Option<Does>) -> (Arc<Server>, Arc<Buffer>, Arc<OutputCounters>) {
    let server = Arc::new(Server::default());
    *server.script.lock().unwrap() = script.iter().copied().collect();
    *server.always.lock().unwrap() = always;
    let buffer = twenty("t");
    let counters = block_on(async {
        let port = server.listen().await.port();
        let plan = plan(&format!("Name http\nPort {port}\n{keys}"));
        let context = context(&plan, &buffer);
        let counters = Arc::clone(&context.counters);
        run(plan, context).await;
        counters
    });
    (server, buffer, counters)
}

fn all() -> Vec<u64> {
    (101..=120).collect()
}

#[test]
fn lines_arrays_and_gzip_all_carry_the_same_records_in_order() {
    for keys in ["", "Format json_lines", "Format json_lines\nCompress gzip", "Format json\nCompress gzip"] {
        let (server, buffer, counters) = through(keys, &[], None);
        assert_eq!(server.kept(), all(), "{keys}");
        // Seen with Fluent Bit 5.1.1: an array unless stated.
        assert_eq!(server.bodies.lock().unwrap()[0].starts_with('['), !keys.contains("lines"), "{keys}");
        assert_eq!((buffer.take_acks(0).len(), buffer.is_empty()), (20, true));
        assert_eq!((count(&counters.records), count(&counters.retries)), (20, 0));
    }
}

#[test]
fn refusals_and_resets_only_delay() {
    let script = [Does::Answer(503), Does::Reset, Does::Answer(400), Does::Answer(302)];
    let (server, buffer, counters) = through("", &script, None);
    assert_eq!(server.kept(), all());
    assert_eq!((buffer.take_acks(0).len(), count(&counters.retries)), (20, 4));
}

#[test]
fn a_server_that_never_answers_is_left_after_the_timeout() {
    let (server, buffer, counters) = through("http.response_timeout 2s", &[Does::Hang], None);
    assert_eq!((server.kept(), buffer.take_acks(0).len()), (all(), 20));
    assert_eq!(count(&counters.retries), 1);
}

#[test]
fn a_lost_answer_doubles_but_never_loses() {
    let (server, buffer, _) = through("", &[Does::LoseAnswer], None);
    assert_eq!(server.kept(), [all(), all()].concat());
    assert_eq!(buffer.take_acks(0).len(), 20);
}

#[test]
fn a_request_that_is_too_large_is_halved_until_it_fits() {
    let (server, buffer, counters) = through("", &[], Some(Does::AtMost(100)));
    assert_eq!(server.kept(), all());
    assert_eq!((buffer.take_acks(0).len(), count(&counters.refused)), (20, 0));
}

#[test]
fn a_record_that_alone_is_too_large_is_counted_and_does_not_block() {
    let (server, buffer, counters) = through("", &[], Some(Does::AtMost(1)));
    assert_eq!((server.kept().len(), count(&counters.refused), buffer.take_acks(0).len()), (0, 20, 20));
}

#[test]
fn answers_about_the_hour_or_the_place_are_waited_out_whatever_their_number_and_a_stated_limit_ends_that() {
    for status in [401, 403, 404, 405, 407, 408, 409, 410, 415, 421, 423, 425, 429, 431, 500, 502, 503, 504, 507] {
        let (server, buffer, counters) = through("", &[Does::Answer(status); 4], None);
        assert_eq!((server.kept(), buffer.take_acks(0).len()), (all(), 20), "{status}");
        let counted = [&counters.retries, &counters.refused, &counters.dropped].map(count);
        assert_eq!(counted, [4, 0, 0], "{status}");
        let (server, buffer, counters) = through("Retry_Limit 2", &[], Some(Does::Answer(status)));
        assert_eq!((server.requests(), buffer.take_acks(0).len()), (3, 20), "{status}");
        assert_eq!((count(&counters.dropped), count(&counters.refused)), (20, 0), "{status}");
    }
}

#[test]
fn only_a_stated_limit_makes_it_drop() {
    let (server, buffer, counters) = through("Retry_Limit 1", &[], Some(Does::Answer(500)));
    assert_eq!((server.kept().len(), *server.requests.lock().unwrap()), (0, 2));
    assert_eq!((count(&counters.dropped), buffer.take_acks(0).len()), (20, 20));
}

#[test]
fn nothing_is_acknowledged_while_the_server_refuses() {
    let server = Arc::new(Server::default());
    *server.always.lock().unwrap() = Some(Does::Answer(503));
    let buffer = buffer();
    buffer.push(batch("t", 100));
    block_on(async {
        let port = server.listen().await.port();
        let plan = plan(&format!("Name http\nPort {port}"));
        let context = context(&plan, &buffer);
        let running = run(plan, context);
        let refused = async {
            while *server.requests.lock().unwrap() < 3 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! { () = running => panic!("it gave up"), () = refused => {} }
    });
    assert!(buffer.take_acks(0).is_empty() && !buffer.is_empty());
}
