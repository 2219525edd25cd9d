//! A real Chromium, driven over two pipes by its debugging protocol: one JSON document a message, ended by a NUL.
//!
//! A shell brings our pipes to the descriptors 3 and 4, where Chromium looks for them; no socket is opened.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest that any answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Names that distributions give it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
];

/// A browser with one page; dropping it ends it.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    asked: u64,
    /// What it told without being asked.
    pub(crate) told: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts it; `None` where there is none.
    pub(crate) fn start(place: &Path) -> Option<Self> {
        let there = |name: &&&str| {
            let found = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            found.is_ok_and(|status| status.success())
        };
        let name = NAMES.iter().find(there)?;
        let profile = tempfile::Builder::new().prefix("profile-").tempdir_in(place).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh", name]).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, from) = channel();
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut message = Vec::new();
            while out.read_until(0, &mut message).is_ok_and(|got| got > 0) {
                message.pop();
                let Ok(document) = serde_json::from_slice(&message) else { return };
                message.clear();
                if send.send(document).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { child, to, from, session: None, asked: 0, told: Vec::new(), _profile: profile };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", &attach);
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        browser.ask("Page.setLifecycleEventsEnabled", &json!({ "enabled": true }));
        Some(browser)
    }

    /// Asks and waits for the answer; panics where it is an error.
    pub(crate) fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let got = self.next(method);
            if got["id"] == self.asked {
                assert!(got.get("error").is_none(), "{method} {parameters}: {}", got["error"]);
                return got["result"].clone();
            }
        }
    }

    fn next(&mut self, what: &str) -> Value {
        let got = self.from.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what}: no answer: {error}"));
        if got.get("id").is_none() {
            self.told.push(got.clone());
        }
        got
    }

    /// Opens a file and waits until it is loaded.
    pub(crate) fn open(&mut self, path: &Path, anchor: &str) {
        // By way of an empty page: an anchor alone would load nothing.
        self.load("about:blank");
        self.load(&format!("file://{}{anchor}", path.display()));
    }

    fn load(&mut self, url: &str) {
        self.told.clear();
        let begun = self.ask("Page.navigate", &json!({ "url": url }));
        let loader = begun["loaderId"].as_str().unwrap_or_else(|| panic!("{url} is not loaded: {begun}")).to_owned();
        // That of the page before may come late.
        let is_loaded = |told: &Value| {
            let what = &told["params"];
            told["method"] == "Page.lifecycleEvent" && what["name"] == "load" && what["loaderId"] == loader
        };
        while !self.told.iter().any(is_loaded) {
            self.next("load");
        }
    }

    /// The value of an expression.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let got = self.ask("Runtime.evaluate", &asked);
        assert!(got.get("exceptionDetails").is_none(), "{expression:.200}: {got}");
        got["result"]["value"].clone()
    }

    /// The size of its window, and whether it prefers dark pages.
    pub(crate) fn look(&mut self, width: u32, height: u32, dark: bool) {
        let phone = width < 600;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.ask("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "media": "screen", "features": features }));
    }

    /// What went wrong since the page was opened: errors, exceptions, requests for anything but the page.
    pub(crate) fn complaints(&self, path: &Path) -> Vec<String> {
        let own = format!("file://{}", path.display());
        let say = |told: &Value| {
            let parameters = &told["params"];
            match told["method"].as_str()? {
                "Network.requestWillBeSent" => {
                    let url = parameters["request"]["url"].as_str().unwrap_or_default();
                    let mine = url.starts_with(&own) || url == "about:blank";
                    (!mine).then(|| format!("asked for {url}"))
                }
                "Runtime.exceptionThrown" => Some(format!("threw {}", parameters["exceptionDetails"])),
                "Runtime.consoleAPICalled"
                    if ["error", "warning", "assert"].contains(&parameters["type"].as_str()?) =>
                {
                    Some(format!("console: {}", parameters["args"]))
                }
                "Log.entryAdded" => Some(format!("log: {}", parameters["entry"]["text"])),
                _ => None,
            }
        };
        self.told.iter().filter_map(say).collect()
    }
}

/// What base64 stands for; that is how the protocol carries pictures.
pub(crate) fn bytes(coded: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut word, mut bits) = (0u32, 0);
    for c in coded.bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        (word, bits) = (word << 6 | u32::from(digit), bits + 6);
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits & 0xff) as u8);
        }
    }
    out
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
