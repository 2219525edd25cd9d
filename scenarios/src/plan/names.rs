//! Names in braces: what the bench fills in when it knows it, checked before a run begins.
//!
//! ```text
//! {state} {logs} {root} {sockets} {name} {seed}    of the process itself, and of the run
//! {logs_tag}                                       {logs} with dots for slashes, as a tag has it
//! {port.X} {NAME.port.X} {socket.X}                a port of this process, of another; a socket all processes see
//! {sink.host} {sink.store.port}                    where a route ends
//! {link.L.host} {link.L.port}                      where a link listens
//! {kube.url} {kube.token_file} {kube.ca_file}      the Kubernetes API server
//! {{                                               a brace
//! ```

use std::fmt;

/// A piece of a text with names in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// What the bench fills in.
    Name(Name),
}

/// What the bench fills in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// The folder of the process that survives its restarts.
    State,
    /// The folder in which the files lie that are to be tailed.
    Logs,
    /// The same as a tag: with dots for slashes.
    LogsTag,
    /// The folder under which all logs of the run lie.
    Root,
    /// The folder of the Unix sockets of the run; its path is short enough for one.
    Sockets,
    /// The name of the process.
    Process,
    /// The seed of the run.
    Seed,
    /// A free port, the same after each restart: of which process (absent: this one), called what.
    Port(Option<String>, String),
    /// The path of a Unix socket.
    Socket(String),
    /// Where a route ends.
    Sink(usize, SinkPart),
    /// Where a link listens.
    Link(usize, LinkPart),
    /// The Kubernetes API server.
    Kube(KubePart),
}

/// What is asked about the Kubernetes API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KubePart {
    /// Its address.
    Url,
    /// The file with the token.
    TokenFile,
    /// The file with the certificate of its authority.
    CaFile,
}

/// What is asked about the end of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkPart {
    /// Its address.
    Host,
    /// Its port.
    Port,
    /// Its folder or socket.
    Path,
}

/// What is asked about a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPart {
    /// Its address.
    Host,
    /// Its port.
    Port,
}

/// What a scenario has names for.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its processes.
    pub processes: Vec<String>,
    /// Its routes; a sink without a name is one that is called nothing.
    pub routes: Vec<String>,
    /// Its links.
    pub links: Vec<String>,
    /// Whether there is a Kubernetes API server.
    pub kube: bool,
}

/// A text that cannot be filled in; fits after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Takes a text apart.
pub fn parts(text: &str, known: &Known) -> Result<Vec<Part>, Unknown> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            plain.push('{');
            rest = after;
            continue;
        }
        let end =
            rest.find('}').ok_or_else(|| Unknown(format!("`{{{rest}` is never closed; write }} after the name")))?;
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        parts.push(Part::Name(name(&rest[..end], known)?));
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    Ok(parts)
}

/// The routes that a text names.
pub fn routes_of(parts: &[Part]) -> impl Iterator<Item = usize> {
    parts.iter().filter_map(|part| match part {
        Part::Name(Name::Sink(route, _)) => Some(*route),
        _ => None,
    })
}

/// The routes at whose ends a text arrives: those that it names, and those that the links that it names lead to; `to` says
/// where each link leads.
pub fn ends_of(text: &str, known: &Known, to: &[&str]) -> Vec<usize> {
    let found = parts(text, known).unwrap_or_default();
    let links = found.iter().filter_map(|part| match part {
        Part::Name(Name::Link(link, _)) => to.get(*link),
        _ => None,
    });
    let behind = links.flat_map(|to| routes_of(&parts(to, known).unwrap_or_default()).collect::<Vec<_>>());
    routes_of(&found).chain(behind).collect()
}

/// The link that a text names first.
pub fn link_of(text: &str, known: &Known) -> Option<usize> {
    parts(text, known).ok()?.into_iter().find_map(|part| match part {
        Part::Name(Name::Link(link, _)) => Some(link),
        _ => None,
    })
}

fn name(name: &str, known: &Known) -> Result<Name, Unknown> {
    let words: Vec<&str> = name.split('.').collect();
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if let Some(word) = words.iter().find(|word| !is_word(word)) {
        return Err(Unknown(format!("`{word}` in `{{{name}}}` is no name; use letters, digits and dashes")));
    }
    Ok(match words[..] {
        ["state"] => Name::State,
        ["logs"] => Name::Logs,
        ["logs_tag"] => Name::LogsTag,
        ["root"] => Name::Root,
        ["sockets"] => Name::Sockets,
        ["name"] => Name::Process,
        ["seed"] => Name::Seed,
        ["port", port] => Name::Port(None, port.to_owned()),
        ["socket", socket] => Name::Socket(socket.to_owned()),
        ["sink", part] => Name::Sink(place("route", "", &known.routes)?, sink_part(part)?),
        ["sink", route, part] => Name::Sink(place("route", route, &known.routes)?, sink_part(part)?),
        ["link", link, part] => Name::Link(place("link", link, &known.links)?, link_part(part)?),
        ["kube", part] => Name::Kube(kube_part(part, known.kube)?),
        [process, "port", port] => {
            place("process", process, &known.processes)?;
            Name::Port(Some(process.to_owned()), port.to_owned())
        }
        _ => {
            return Err(Unknown(format!(
                "the bench knows nothing called `{{{name}}}`; it fills in state, logs, logs_tag, root, sockets, name, seed, port.X, \
                 PROCESS.port.X, socket.X, sink.ROUTE.host|port|path, link.LINK.host|port and kube.url|token_file|ca_file"
            )));
        }
    })
}

fn place(kind: &str, name: &str, all: &[String]) -> Result<usize, Unknown> {
    all.iter().position(|known| known == name).ok_or_else(|| {
        let list = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
        match name {
            "" => Unknown(format!("there are several routes; write {{sink.ROUTE.…}} with one of: {list}")),
            _ => Unknown(format!("no {kind} is called `{name}`; there are: {list}")),
        }
    })
}

fn kube_part(part: &str, is_there: bool) -> Result<KubePart, Unknown> {
    Ok(match part {
        _ if !is_there => return Err(Unknown("there is no API server; write [kube]".to_owned())),
        "url" => KubePart::Url,
        "token_file" => KubePart::TokenFile,
        "ca_file" => KubePart::CaFile,
        other => return Err(Unknown(format!("the API server has no `{other}`; it has url, token_file and ca_file"))),
    })
}

fn sink_part(part: &str) -> Result<SinkPart, Unknown> {
    Ok(match part {
        "host" => SinkPart::Host,
        "port" => SinkPart::Port,
        "path" => SinkPart::Path,
        other => return Err(Unknown(format!("a sink has no `{other}`; it has host, port and path"))),
    })
}

fn link_part(part: &str) -> Result<LinkPart, Unknown> {
    Ok(match part {
        "host" => LinkPart::Host,
        "port" => LinkPart::Port,
        other => return Err(Unknown(format!("a link has no `{other}`; it has host and port"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known {
            processes: vec!["forwarder".into(), "aggregator-0".into()],
            routes: vec!["store".into(), "syslog".into()],
            links: vec!["west".into()],
            kube: false,
        }
    }

    #[test]
    fn a_text_is_taken_apart() {
        let parts = parts("http://{sink.syslog.host}:{aggregator-0.port.forward}/{{x}", &known()).unwrap();
        let text = |text: &str| Part::Text(text.to_owned());
        assert_eq!(
            parts,
            [
                text("http://"),
                Part::Name(Name::Sink(1, SinkPart::Host)),
                text(":"),
                Part::Name(Name::Port(Some("aggregator-0".into()), "forward".into())),
                text("/{x}"),
            ]
        );
        assert_eq!(routes_of(&parts).collect::<Vec<_>>(), [1]);
        let ends = |text: &str| ends_of(text, &known(), &["{sink.store.port}"]);
        assert_eq!(
            (ends("{sink.syslog.port}"), ends("127.0.0.1:{link.west.port}"), ends("{port.x}")),
            (vec![1], vec![0], vec![])
        );
    }

    #[test]
    fn what_nobody_can_fill_in_says_what_there_is() {
        for (text, why) in [
            ("{sink.stor.port}", "no route is called `stor`; there are: store, syslog"),
            ("{sink.port}", "there are several routes"),
            ("{sink.store.uri}", "a sink has no `uri`"),
            ("{link.east.port}", "no link is called `east`; there are: west"),
            ("{aggregator-1.port.x}", "no process is called `aggregator-1`"),
            ("{kube.url}", "there is no API server"),
            ("{home}", "the bench knows nothing called `{home}`"),
            ("{state", "is never closed"),
            ("{port.}", "is no name"),
        ] {
            let error = parts(text, &known()).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
