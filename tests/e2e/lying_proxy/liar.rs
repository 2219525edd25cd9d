//! Lies about records on their way to the sink, and remembers which.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use results::identity::{self, RecordId, STAMP_LEN, Stamp, StreamId};
use serde_json::Value;

/// Every victim lies before this sequence, and every held record is let go before twice as many have passed.
pub(crate) const HORIZON: u64 = 240;

/// A way to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lie {
    /// The record never arrives.
    Drop,
    /// It arrives twice.
    Double,
    /// It arrives right after its successor.
    Swap,
    /// One bit of its text is another.
    Flip,
    /// It arrives under the path of another file.
    Relabel,
    /// It arrives long after later ones.
    Delay,
    /// It arrives, and once more long after.
    Resurrect,
    /// Beside it arrives one that nobody sent.
    Invent,
    /// Nothing of the stream arrives from there on.
    Stall,
}

impl Lie {
    pub(crate) const OF_SINGLE_RECORDS: [Self; 8] =
        [Self::Drop, Self::Double, Self::Swap, Self::Flip, Self::Relabel, Self::Delay, Self::Resurrect, Self::Invent];
}

/// What is to happen to one stream.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) lie: Lie,
    /// The records concerned; for [`Lie::Stall`] the first that does not arrive.
    pub(crate) victims: BTreeSet<u64>,
}

/// One stream for each way to lie about `k` records, and five of which `k` stall.
pub(crate) fn plans(k: usize, seed: u64) -> Vec<Plan> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut plans = Vec::new();
    for lie in Lie::OF_SINGLE_RECORDS {
        let mut victims = BTreeSet::new();
        while victims.len() < k {
            // Never neighbours: each lie is one lie.
            victims.insert(random.random_range(0..HORIZON / 4) * 4 + random.random_range(0..2u64));
        }
        plans.push(Plan { name: format!("{lie:?}").to_lowercase(), lie, victims });
    }
    for nth in 0..5 {
        let from = random.random_range(HORIZON / 2..HORIZON);
        let victims = if nth < k { BTreeSet::from([from]) } else { BTreeSet::new() };
        plans.push(Plan { name: format!("stall-{nth}"), lie: Lie::Stall, victims });
    }
    plans
}

/// Passes bodies on, with lies.
pub(crate) struct Liar {
    plans: Vec<Plan>,
    /// Per stream: lines that are let go once a sequence has passed.
    held: Vec<Vec<(u64, String)>>,
    /// Per stream: one past the last record that came by.
    pub(crate) seen: Vec<u64>,
}

impl Liar {
    pub(crate) fn new(plans: Vec<Plan>) -> Self {
        let streams = plans.len();
        Self { plans, held: vec![Vec::new(); streams], seen: vec![0; streams] }
    }

    /// A body of JSON lines as it is passed on.
    pub(crate) fn pass(&mut self, body: &str) -> String {
        let mut out = String::with_capacity(body.len());
        for line in body.lines() {
            self.line(line, &mut out);
        }
        out
    }

    fn line(&mut self, line: &str, out: &mut String) {
        let at = identity::find(line.as_bytes()).expect("every record of this test has a stamp");
        let (stamp, _) = Stamp::decode(&line.as_bytes()[at..]).expect("the agent does not damage stamps");
        let (stream, seq) = (usize::from(stamp.id.stream.0), stamp.id.seq);
        self.seen[stream] = seq + 1;
        let plan = &self.plans[stream];
        let stalled = plan.lie == Lie::Stall && plan.victims.first().is_some_and(|&from| seq >= from);
        let mut say = |line: &str| {
            out.push_str(line);
            out.push('\n');
        };
        match plan.lie {
            _ if stalled => {}
            Lie::Stall => say(line),
            _ if !plan.victims.contains(&seq) => say(line),
            Lie::Drop => {}
            Lie::Double => [line, line].into_iter().for_each(say),
            Lie::Swap => self.held[stream].push((seq + 1, line.to_owned())),
            Lie::Delay => self.held[stream].push((seq + 50, line.to_owned())),
            Lie::Resurrect => {
                say(line);
                self.held[stream].push((seq + 200, line.to_owned()));
            }
            Lie::Flip => say(&changed(line, |object| flip(object, seq))),
            Lie::Relabel => say(&changed(line, |object| object["file"] = "/var/log/containers/another.log".into())),
            Lie::Invent => {
                say(line);
                say(&changed(line, |object| invent(object, stamp)));
            }
        }
        for (_, line) in self.held[stream].extract_if(.., |(until, _)| *until <= seq) {
            out.push_str(&line);
            out.push('\n');
        }
    }
}

fn changed(line: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut object: Value = serde_json::from_str(line).expect("the agent sends JSON lines");
    change(&mut object);
    object.to_string()
}

/// Turns one bit of a byte that is chosen by the sequence, such that the text remains text.
fn flip(object: &mut Value, seq: u64) {
    let mut text = object["log"].as_str().expect("a record has its text under `log`").as_bytes().to_vec();
    let fit: Vec<usize> = (4..text.len())
        .filter(|&at| text[at].is_ascii_alphanumeric() && (text[at] ^ 1).is_ascii_alphanumeric())
        .collect();
    let at = fit[(seq as usize * 7) % fit.len()];
    text[at] ^= 1;
    object["log"] = String::from_utf8(text).expect("one ASCII letter became another").into();
}

/// Makes it a whole and well sealed record that nobody sent: of another run, another stream, or far in the future.
fn invent(object: &mut Value, stamp: Stamp) {
    let mut text = object["log"].as_str().expect("a record has its text under `log`").as_bytes().to_vec();
    let at = usize::from(stamp.at);
    let stranger = match stamp.id.seq % 3 {
        0 => Stamp { run: stamp.run ^ 1, ..stamp },
        1 => Stamp { id: RecordId { stream: StreamId(60_000), ..stamp.id }, ..stamp },
        _ => Stamp { id: RecordId { seq: stamp.id.seq + 1_000_000_000, ..stamp.id }, ..stamp },
    };
    let mut head = [0; STAMP_LEN];
    stranger.encode(&mut head);
    text[at..at + STAMP_LEN].copy_from_slice(&head);
    identity::seal(&mut text, at);
    object["log"] = String::from_utf8(text).expect("a stamp is ASCII").into();
}
