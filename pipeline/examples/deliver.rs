//! How many records a CPU-second delivers: lines of 300 bytes from a file, with acks and checkpoints on.
//!
//! ```text
//! cri, gzip   CRI lines ─▶ HTTP, JSON lines, plain or compressed; the server is another process
//! raw         bare lines ─▶ null
//! json        JSON lines, parsed ─▶ null
//! nginx       access log, the combined format by a regular expression ─▶ HTTP
//! ```
//! `cargo run --release -p tailproof-pipeline --example deliver -- [RECORDS] [cri|gzip|raw|json|nginx]`; for a comparison with
//! other agents (`docs/ratios.sh`) `deliver fill FILE RECORDS KIND` writes the lines alone, and `deliver sink RECORDS` is the
//! server: it prints its port, and the seconds once all have come.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
};

use nix::sys::resource::{UsageWho, getrusage};
use pipeline::{config::Config, service::Service};

type Failure = Box<dyn std::error::Error>;

/// As in the command itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "sink") {
        return sink(args.get(1).ok_or("how many records?")?.parse()?);
    }
    if let [verb, path, records, kind] = args.as_slice()
        && verb == "fill"
    {
        return fill(Path::new(path), records.parse()?, kind_of(kind)?.0).map(drop);
    }
    let records: usize = args.first().map_or(Ok(2_000_000), |arg| arg.parse())?;
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tests");
    fs::create_dir_all(&target)?;
    let folder = tempfile::tempdir_in(target)?;
    let at = folder.path().canonicalize()?;
    let kind = args.get(1).map_or("cri", String::as_str);
    let (line, keys) = kind_of(kind)?;
    let bytes = fill(&at.join("a.log"), records, line)?;
    let input = format!(
        "[INPUT]\nName tail\nPath {at}/*.log\n{keys}\nDB {at}/tail.db\nRead_from_Head on\n[OUTPUT]\nMatch *\n",
        at = at.display()
    );
    if matches!(kind, "raw" | "json") {
        let text = input.replace("[OUTPUT]", "Exit_On_Eof on\n[OUTPUT]\nName null");
        let plan = Config::parse(Path::new("deliver"), &text, &|_| None)?.plan()?;
        let before = used()?;
        let ended = Service::start(&plan, None)?.run(None)?;
        return tell(&format!("{ended:?}"), records, bytes, used()? - before);
    }

    let mut child =
        Command::new(std::env::current_exe()?).args(["sink", &records.to_string()]).stdout(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(child.stdout.take().ok_or("the sink has no output")?).lines();
    let port = said.next().ok_or("the sink said nothing")??;
    let compress = if kind == "gzip" { "Compress gzip" } else { "# not compressed" };
    let text = format!("{input}Name http\nPort {port}\nFormat json_lines\n{compress}\n");
    let plan = Config::parse(Path::new("deliver"), &text, &|_| None)?.plan()?;
    let before = used()?;
    let service = Service::start(&plan, None)?;
    let stop = service.stop();
    let waiter = std::thread::spawn(move || {
        let done = said.next();
        stop.ask();
        done
    });
    let ended = service.run(None)?;
    let cpu = used()? - before;
    let seconds = waiter.join().map_err(|_| "the waiter broke")?.ok_or("the sink ended early")??;
    child.wait()?;
    tell(&format!("{ended:?}, {seconds} s at the sink"), records, bytes, cpu)
}

/// What the lines look like, and the keys of the input that reads them.
fn kind_of(kind: &str) -> Result<(Line, &'static str), Failure> {
    Ok(match kind {
        "cri" | "gzip" => (cri, "multiline.parser cri"),
        "raw" => (raw, ""),
        "json" => (json, "Parser json"),
        "nginx" => (nginx, "Parser nginx"),
        _ => return Err(format!("{kind}: cri, gzip, raw, json or nginx").into()),
    })
}

fn tell(ended: &str, records: usize, bytes: u64, cpu: f64) -> Result<(), Failure> {
    let (rate, rss) = (records as f64 / cpu, getrusage(UsageWho::RUSAGE_SELF)?.max_rss() / 1024);
    let text = format!(
        "{ended}: {records} records, {bytes} bytes, {cpu:.3} CPU-s\n\
         {rate:.0} records per CPU-s, {:.3} CPU-s per GB, peak RSS {rss} MiB\n",
        cpu / bytes as f64 * 1e9
    );
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn used() -> Result<f64, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// Writes record `n` into a line, which is made 300 bytes long afterwards.
type Line = fn(&mut String, usize) -> std::fmt::Result;

const FIELDS: &str = "\"status\":200,\"bytes\":5120,\"agent\":\"Mozilla/5.0 (X11; Linux x86_64)\",\"upstream\":\"10.1.2.3:8080\",\"took\":0.012";

fn fill(path: &Path, records: usize, write: Line) -> Result<u64, Failure> {
    let mut file = std::io::BufWriter::with_capacity(1 << 20, fs::File::create(path)?);
    let mut line = String::new();
    for n in 0..records {
        line.clear();
        write(&mut line, n)?;
        // What closes the line stays at its end.
        let close = line.pop().ok_or("an empty line")?;
        while line.len() < 298 {
            line.push(if close == '}' { ' ' } else { 'x' });
        }
        line.extend([close, '\n']);
        file.write_all(line.as_bytes())?;
    }
    file.flush()?;
    Ok(fs::metadata(path)?.len())
}

fn json(line: &mut String, n: usize) -> std::fmt::Result {
    write!(
        line,
        "{{\"remote\":\"10.0.0.7\",\"method\":\"GET\",\"uri\":\"/api/items/{n:09}\",{FIELDS},\
         \"id\":\"tp1-5eed0017-0003-{n:012x}-00001e8480-00012c07-9f3a61c2\"}}"
    )
}

fn cri(line: &mut String, n: usize) -> std::fmt::Result {
    write!(line, "2026-11-21T05:50:{:02}.{:09}Z stdout F ", n / 1_000_000 % 60, n % 1_000_000 * 1000)?;
    json(line, n)
}

fn raw(line: &mut String, n: usize) -> std::fmt::Result {
    write!(line, "{n:012} the quick brown fox jumps over the lazy dog and goes on to say more than it has to.")
}

fn nginx(line: &mut String, n: usize) -> std::fmt::Result {
    write!(
        line,
        "10.0.0.7 - - [21/Nov/2026:05:50:{:02} +0000] \"GET /api/items/{n:09}?of=tp1-5eed0017-0003-{n:012x} HTTP/1.1\" 200 5120 \
         \"https://example.org/from/here\" \"Mozilla/5.0 (X11; Linux x86_64) \"",
        n / 1_000_000 % 60
    )
}

/// Counts line feeds in the bodies of requests (or, compressed, requests' bodies until the connection ends).
/// A server that takes everything, on as many connections as come; it ends once all records are there.
fn sink(records: usize) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", listener.local_addr()?.port())?;
    let (sender, arrived) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || take(&stream, &sender));
        }
    });
    let (mut got, mut started) = (0, None);
    while got < records {
        let more = arrived.recv_timeout(std::time::Duration::from_secs(60))?;
        started.get_or_insert_with(now);
        got += more;
    }
    writeln!(out, "{:.3}", started.map_or(0.0, |started: std::time::Instant| started.elapsed().as_secs_f64()))?;
    Ok(())
}

/// Answers the requests of a connection, and tells how many lines each brought.
fn take(stream: &TcpStream, arrived: &std::sync::mpsc::Sender<usize>) -> Option<()> {
    let mut reader = BufReader::with_capacity(1 << 20, stream.try_clone().ok()?);
    let mut stream = stream;
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let (mut length, mut gzip) = (0usize, false);
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            gzip |= lower.starts_with("content-encoding: gzip");
            if line == "\r\n" {
                break;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
        let mut plain = Vec::new();
        if gzip {
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).ok()?;
        }
        let text = if gzip { &plain } else { &body };
        let last = usize::from(text.last().is_some_and(|byte| *byte != b'\n'));
        arrived.send(memchr::memchr_iter(b'\n', text).count() + last).ok()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

#[expect(clippy::disallowed_methods, reason = "a measuring program needs a clock")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
