//! What nginx is told: one server on loopback that answers everything, and one log.

use std::{net::SocketAddr, os::unix::fs::MetadataExt, path::Path};

use super::NginxPlan;
use crate::front::{LogFormat, Outlet};

/// Connections that a worker keeps, those in waiting included.
pub const MAX_CONNECTIONS: usize = 4_000;
/// Longest text of a request, bytes: its line has to fit into one of nginx's buffers.
pub const MAX_TEXT: u64 = 32 << 10;

/// The configuration, for a server at `at`.
pub(super) fn text(plan: &NginxPlan, at: SocketAddr) -> String {
    let dir = plan.dir.display();
    // The workers of a master that is root would be somebody who may not open the log again.
    let is_root = std::fs::metadata(&plan.dir).is_ok_and(|dir| dir.uid() == 0);
    let user = if is_root { "user root;\n" } else { "" };
    let name = match plan.format {
        LogFormat::Combined => "combined",
        _ => "bench",
    };
    let format = match plan.format {
        LogFormat::Combined => String::new(),
        other => format!("  log_format bench {};\n", other.nginx()),
    };
    let buffer = match (&plan.outlet, plan.buffer) {
        (Outlet::File, Some(buffer)) => format!(" buffer={} flush={}ms", buffer.bytes, buffer.flush.as_millis().max(1)),
        _ => String::new(),
    };
    let log = match &plan.outlet {
        Outlet::File => plan.log.display().to_string(),
        Outlet::Syslog(path) => format!("syslog:server=unix:{}", path.display()),
    };
    let (workers, folders) = (plan.workers.max(1), folders(&plan.dir));
    let (connections, line) = (MAX_CONNECTIONS + 96, MAX_TEXT + (1 << 10));
    format!(
        "daemon off;\nworker_processes {workers};\n{user}pid \"{dir}/nginx.pid\";\nerror_log \"{dir}/error.log\" warn;\n\
         events {{ worker_connections {connections}; }}\nhttp {{\n{folders}{format}  access_log \"{log}\" {name}{buffer};\n  \
         large_client_header_buffers 4 {line};\n  keepalive_requests 1000000000;\n  keepalive_timeout 1h;\n  \
         server {{\n    listen {at} backlog=4096;\n    location / {{ return 200 \"ok\\n\"; }}\n  }}\n}}\n"
    )
}

/// Its own folders for bodies, which it would otherwise look for where its package put them.
const KINDS: [&str; 5] = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

fn folders(dir: &Path) -> String {
    KINDS.map(|kind| format!("  {kind}_temp_path \"{}/{kind}\";\n", dir.display())).concat()
}

/// Removes the folders that it made and never used.
pub(super) fn tidy(dir: &Path) {
    for kind in KINDS {
        // One that holds something is kept.
        let _ = std::fs::remove_dir(dir.join(kind));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::front::Buffer;

    fn written(format: LogFormat, buffer: Option<Buffer>, outlet: Outlet) -> String {
        let (dir, log) = ("/run/n".into(), "/logs/a.log".into());
        let plan = NginxPlan { dir, log, format, buffer, outlet, workers: 2, leash: Vec::new() };
        text(&plan, ([127, 0, 0, 1], 4000).into())
    }

    #[test]
    fn the_log_is_a_file_that_may_be_buffered_or_a_socket_that_never_is() {
        let buffer = Some(Buffer { bytes: 4096, flush: Duration::from_millis(500) });
        let file = written(LogFormat::Combined, buffer, Outlet::File);
        assert!(file.contains("  access_log \"/logs/a.log\" combined buffer=4096 flush=500ms;\n"), "{file}");
        assert!(file.contains("worker_processes 2;") && file.contains("listen 127.0.0.1:4000 "), "{file}");
        let socket = written(LogFormat::Json, buffer, Outlet::Syslog("/s/a.sock".into()));
        assert!(socket.contains("  access_log \"syslog:server=unix:/s/a.sock\" bench;\n"), "{socket}");
        assert!(socket.contains("  log_format bench escape=json '{\"time\":\"$time_iso8601\","), "{socket}");
    }
}
