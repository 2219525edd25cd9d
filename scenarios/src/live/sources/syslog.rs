//! Senders of syslog messages as the scenario means them.

use std::{net::Ipv4Addr, sync::Arc};

use loadgen::{
    clock::RunClock,
    send::{self, SendPlan, SendTo, SyslogSender},
    write::LoadPlan,
};
use results::{identity::StreamId, ledger::Ledger};

use crate::{
    live::{
        RunError,
        names::{NameError, Names, Whose},
    },
    plan::{Plan, names},
    spec::{Syslog, SyslogFormat, SyslogFraming, Transport, Via, WhenFull},
};

/// Records that lie in files and are sent as well: the writers of their files send them.
pub(in crate::live) fn tee(
    plan: &Plan,
    load: &mut LoadPlan,
    names: &mut Names,
    ledger: &Ledger,
) -> Result<(), RunError> {
    for (stream, syslog) in of(plan).filter(|(_, syslog)| syslog.file) {
        load.streams[usize::from(stream.0)].tee = Some(send_plan(plan, stream, syslog, names, ledger)?);
    }
    Ok(())
}

/// Starts those that send only.
pub(super) fn start(
    plan: &Plan,
    load: &LoadPlan,
    names: &mut Names,
    ledger: &Arc<Ledger>,
    clock: RunClock,
) -> Result<Vec<SyslogSender>, RunError> {
    let mut senders = Vec::new();
    for (stream, syslog) in of(plan).filter(|(_, syslog)| !syslog.file) {
        let sends = send_plan(plan, stream, syslog, names, ledger)?;
        senders.push(SyslogSender::start(sends, load, Arc::clone(ledger), clock)?);
    }
    Ok(senders)
}

/// True if datagrams go to a Unix socket, whose queue is limited by the network namespace.
pub(in crate::live) fn has_unix_datagrams(plan: &Plan) -> bool {
    of(plan).any(|(_, syslog)| syslog.transport == Transport::UnixDgram)
        || plan.fronts.iter().any(|front| front.syslog.is_some())
}

fn of(plan: &Plan) -> impl Iterator<Item = (StreamId, &Syslog)> {
    plan.streams.iter().enumerate().filter_map(|(at, stream)| match &stream.via {
        Via::Syslog(syslog) => Some((StreamId(at as u16), syslog)),
        Via::File | Via::Beats(_) | Via::Http(_) => None,
    })
}

fn send_plan(
    plan: &Plan,
    stream: StreamId,
    syslog: &Syslog,
    names: &mut Names,
    ledger: &Ledger,
) -> Result<SendPlan, RunError> {
    let root = names.root.clone();
    let whose = Whose { name: "", state: &root, logs: &root };
    let to = names.fill(&syslog.to, &whose)?;
    let relay = names::link_of(&syslog.to, &plan.known).and_then(|link| plan.links.get(link));
    let behind = relay.map(|link| names.fill(&link.to, &whose)).transpose()?;
    let behind = behind.and_then(|port| Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into()));
    let address = || {
        let why = "it is no address; write for example 127.0.0.1:{agent.port.in}".to_owned();
        to.parse().map_err(|_| NameError::Unknown { text: to.clone(), why })
    };
    Ok(SendPlan {
        behind,
        route: syslog.route.as_ref().and_then(|name| ledger.routes().named(name)),
        format: match syslog.format {
            SyslogFormat::Rfc3164 => send::SyslogFormat::Rfc3164,
            SyslogFormat::Rfc5424 => send::SyslogFormat::Rfc5424,
        },
        framing: match syslog.framing {
            SyslogFraming::Lf => send::Framing::Lf,
            SyslogFraming::Octet => send::Framing::Octets,
        },
        when_full: match syslog.when_full {
            WhenFull::Drop => send::WhenFull::Drop,
            WhenFull::Block => send::WhenFull::Block,
        },
        senders: syslog.senders,
        ..SendPlan::new(
            stream,
            match syslog.transport {
                Transport::UnixDgram => SendTo::UnixDatagram(to.into()),
                Transport::UnixStream => SendTo::UnixStream(to.into()),
                Transport::Udp => SendTo::Udp(address()?),
                Transport::Tcp => SendTo::Tcp(address()?),
            },
        )
    })
}
