//! What the peers' tests share: which programs there are, a pipeline that writes what it takes into files by tag,
//! certificates.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use nix::sys::signal::Signal;
use serde_json::Value;

pub(super) use crate::support::free_port as port;
use crate::support::{Ended, Running, ci, start_command, until};

/// How long anything may take, seconds: a machine may have much else to do, and what goes well ends earlier.
pub(super) const PATIENCE: u64 = 90;

/// Where `.ci/peers` puts what no package manager installs for the whole machine.
fn installed() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder").join("ci")
}

/// The program of that name: the one that was installed for these tests, else the machine's.
pub(super) fn program(name: &str) -> Command {
    let places = [installed().join("bin"), installed().join("venv/bin"), "/usr/sbin".into()];
    let own = places.map(|place| place.join(name)).into_iter().find(|path| path.exists());
    let mut command = Command::new(own.unwrap_or_else(|| name.into()));
    command.env("NODE_PATH", installed().join("node/node_modules"));
    command
}

/// One of the scripts that drive libraries of other languages.
pub(super) fn script(language: &str, name: &str) -> Command {
    let mut command = program(language);
    command.arg(format!("{}/tests/peers/{name}", env!("CARGO_MANIFEST_DIR")));
    command
}

/// Whether a program can be started this way; otherwise says what is missing.
pub(super) fn there(name: &str, args: &[&str], what: &str) -> bool {
    let there = program(name).args(args).output().is_ok_and(|output| output.status.success());
    assert!(there || !ci(), "{what} is not installed: run .ci/peers, CI must run this test");
    if !there {
        println!("skipped: {what} is not installed (.ci/peers installs it)");
    }
    there
}

/// Whether these tests may do everything.
pub(super) fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Waits until somebody accepts connections there.
pub(super) fn listens(what: &str, port: u16) {
    until(&format!("{what} listens"), PATIENCE, || TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// A configuration file: `[SERVICE]` as all of these tests want it, and the rest.
pub(super) fn config(place: &Path, rest: &str) -> String {
    let path = place.join("agent.conf").display().to_string();
    std::fs::write(&path, format!("[SERVICE]\n    Flush 0.05\n    Grace 10\n    scheduler.cap 200ms\n{rest}")).unwrap();
    path
}

/// A pipeline at work.
pub(super) struct Pipeline {
    pub(super) running: Running,
    out: PathBuf,
}

impl Pipeline {
    /// With these inputs and filters; what they take is written into a file a tag.
    pub(super) fn taking(place: &Path, inputs: &str) -> Self {
        let out = place.join("out");
        let output = format!("[OUTPUT]\n    Name file\n    Match *\n    Path {}\n    Format plain\n", out.display());
        Self::start(place, &format!("{inputs}{output}"), &[])
    }

    /// With these inputs and outputs, and these variables in its environment.
    pub(super) fn start(place: &Path, rest: &str, environment: &[(&str, &str)]) -> Self {
        let path = config(place, rest);
        let mut command = Command::new(crate::support::program());
        command.args(["pipeline", "-c", &path]).envs(environment.iter().copied());
        let mut running = start_command(command, format!("tailproof pipeline -c {path}"));
        // An address that is already in use is not what it says when it is ready.
        until("the pipeline is ready", PATIENCE, || running.stderr().contains(" ready inputs=") || running.has_ended());
        assert!(!running.has_ended(), "the pipeline has ended\n{}", running.stderr());
        Self { running, out: place.join("out") }
    }

    /// Every record under a tag, in order.
    pub(super) fn records(&self, tag: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.out.join(tag)).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// Waits for so many records under a tag, and gives them.
    pub(super) fn awaits(&self, tag: &str, count: usize) -> Vec<Value> {
        let clock = loadgen::clock::RunClock::start();
        while self.records(tag).len() < count {
            let late = clock.now_us() > PATIENCE * 1_000_000;
            assert!(!late, "{tag}: {} of {count} came\n{}", self.records(tag).len(), self.running.stderr());
            clock.park_until(clock.now_us() + 5_000);
        }
        self.records(tag)
    }

    /// Stops it, and makes sure that it has delivered everything that it had read.
    pub(super) fn end(self) -> Ended {
        self.running.signal(Signal::SIGTERM);
        let ended = self.running.wait(PATIENCE).expect(0);
        assert!(ended.stderr.contains("drained"), "{ended}");
        ended
    }
}

/// The body of one of the pipeline's pages.
pub(super) fn page(port: u16, path: &str) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{answer}");
    body.to_owned()
}

/// Whether the numbers 0 to `count` are all there, each once.
pub(super) fn each_once(what: &str, count: u64, numbers: impl IntoIterator<Item = u64>) {
    let numbers: Vec<u64> = numbers.into_iter().collect();
    let different: BTreeSet<u64> = numbers.iter().copied().collect();
    let missing: Vec<u64> = (0..count).filter(|number| !different.contains(number)).take(10).collect();
    assert!(missing.is_empty(), "{what}: {} came, these did not: {missing:?}", numbers.len());
    assert_eq!(numbers.len() as u64, count, "{what}: some came twice, or nobody sent them");
}

/// A certificate for `localhost` by an authority of its own: authority, certificate, key.
pub(super) fn papers(place: &Path) -> [String; 3] {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    // One that has the name of its authority would count as its own authority.
    params.distinguished_name.push(DnType::CommonName, "authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(params, authority_key);
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let files = [("ca.pem", authority.pem()), ("crt.pem", certificate.pem()), ("key.pem", key.serialize_pem())];
    files.map(|(name, text)| {
        std::fs::write(place.join(name), text).unwrap();
        place.join(name).display().to_string()
    })
}
