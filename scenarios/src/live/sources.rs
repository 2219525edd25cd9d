//! The near ends: what brings the records of the run to the agent, each stream by the way that its group says.
//!
//! ```text
//! files    written from before the agent starts on, so that its patterns find them        loadgen::write
//! beats    sent in Filebeat's protocol once the agent listens                             loadgen::beats
//! syslog   sent as messages once the agent listens; or written, and sent by the writer    loadgen::send
//! http     asked of front ends; their logs are there before the agent starts              loadgen::{drive,front}
//! ```
//! Adding one: a variant of `spec::Via`, its senders here (started by [`Sources::start_senders`], told the pace, asked for
//! lateness and errors, stopped with a report), and `is_sent` of its streams, so that no file is written for them.

pub(super) mod http;
pub(super) mod syslog;

use std::sync::Arc;

use loadgen::{
    beats::{BeatsPlan, BeatsSender},
    clock::RunClock,
    send::SyslogSender,
    write::{LoadPlan, LoadReport, Writers},
};
use results::{identity::StreamId, ledger::Ledger};

use super::{
    RunError,
    names::{NameError, Names, Whose},
};
use crate::{plan::Plan, spec::Via};

/// Everything that brings records.
pub(super) struct Sources {
    /// The writers of files; they are there even if no stream is written to one.
    files: Option<Arc<Writers>>,
    beats: Vec<BeatsSender>,
    syslog: Vec<SyslogSender>,
    fronts: Vec<http::Fronted>,
}

impl Sources {
    /// The writers of files run already, and front ends listen.
    pub(super) fn of(files: Arc<Writers>, fronts: Vec<http::Fronted>) -> Self {
        Self { files: Some(files), beats: Vec::new(), syslog: Vec::new(), fronts }
    }

    /// Starts what connects to the agent by itself; the agent's processes have been started.
    pub(super) fn start_senders(
        &mut self,
        plan: &Plan,
        load: &LoadPlan,
        names: &mut Names,
        ledger: &Arc<Ledger>,
        clock: RunClock,
    ) -> Result<(), RunError> {
        let root = names.root.clone();
        let whose = Whose { name: "", state: &root, logs: &root };
        for (at, stream) in plan.streams.iter().enumerate() {
            let Via::Beats(beats) = &stream.via else { continue };
            let to = names.fill(&beats.to, &whose)?;
            let port = to.parse().map_err(|_| NameError::Unknown { text: to, why: "it is no port".to_owned() })?;
            let sender = BeatsPlan {
                stream: StreamId(at as u16),
                name: stream.name.clone(),
                to: (std::net::Ipv4Addr::LOCALHOST, port).into(),
                window: beats.window,
                compress: beats.compress,
            };
            self.beats.push(BeatsSender::start(sender, load, Arc::clone(ledger), clock)?);
        }
        self.syslog = syslog::start(plan, load, names, ledger, clock)?;
        self.fronts.iter_mut().try_for_each(|fronted| fronted.start(load, ledger, clock))
    }

    /// Processes of front ends that are running.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.fronts.iter().flat_map(http::Fronted::pids).collect()
    }

    /// From now on the load runs at so many times the scenario's rate; 0 pauses it.
    pub(super) fn set_rate(&self, factor: f64) {
        self.files.iter().for_each(|writers| writers.set_rate(factor));
        self.beats.iter().for_each(|sender| sender.set_rate(factor));
        self.syslog.iter().for_each(|sender| sender.set_rate(factor));
        self.fronts.iter().for_each(|fronted| fronted.set_rate(factor));
    }

    /// How late the load is, microseconds at most so far.
    pub(super) fn late_us(&self) -> u64 {
        let files = self.files.iter().map(|writers| writers.late().max_us);
        let beats = self.beats.iter().map(|sender| sender.late().max_us);
        let syslog = self.syslog.iter().map(|sender| sender.late().max_us);
        let asked = self.fronts.iter().map(http::Fronted::late_us);
        files.chain(beats).chain(syslog).chain(asked).max().unwrap_or(0)
    }

    /// True if records had to be given up by a writer of files.
    pub(super) fn cannot_write(&self) -> bool {
        self.files.iter().any(|writers| !writers.errors().is_empty())
            || self.fronts.iter().any(http::Fronted::cannot_write)
    }

    /// Ends the load: the report, once.
    pub(super) fn stop(&mut self) -> Option<LoadReport> {
        let mut report = Arc::into_inner(self.files.take()?).map(Writers::stop)?;
        let beats = self.beats.drain(..).map(BeatsSender::stop);
        let asked = self.fronts.drain(..).flat_map(http::Fronted::stop);
        for sent in beats.chain(self.syslog.drain(..).map(SyslogSender::stop)).chain(asked) {
            if sent.late.share > report.late.share {
                report.late.share = sent.late.share;
            }
            report.late.max_us = report.late.max_us.max(sent.late.max_us);
            report.errors.extend(sent.errors);
            report.error_count += sent.error_count;
        }
        Some(report)
    }
}
