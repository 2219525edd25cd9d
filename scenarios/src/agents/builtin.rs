//! Our own pipeline, as a process of its own: `tailproof pipeline -c FILE`.
//!
//! The template is Fluent Bit's classic format, so that one template can serve both.

use std::path::Path;

use pipeline::defects::Defect;

use super::{Launch, SinkAt, Wiring};
use crate::spec::Layout;

const TEMPLATE: &str = include_str!("builtin.conf");

pub(super) fn launch(wiring: &Wiring, bench: &Path, defect: Option<Defect>) -> Launch {
    let config = wiring.state.join("agent.conf");
    let launch = with_config(&config, bench, defect);
    Launch { files: vec![(config, render(wiring))], ..launch }
}

pub(super) fn with_config(config: &Path, bench: &Path, defect: Option<Defect>) -> Launch {
    let mut args = vec!["pipeline".into(), "-c".into(), config.as_os_str().to_owned()];
    if let Some(defect) = defect {
        args.extend(["--defect".into(), defect.to_string().into()]);
    }
    Launch { program: bench.to_owned(), args, files: Vec::new(), env: None, leash: Vec::new() }
}

fn render(wiring: &Wiring) -> String {
    let parser = match (wiring.layout, wiring.settings.merge_json) {
        (Layout::Kubelet, _) => "multiline.parser  cri",
        (Layout::Docker, _) => "multiline.parser  docker",
        (Layout::Plain, true) => "Parser            json",
        (Layout::Plain, false) => "# lines as they are",
    };
    TEMPLATE
        .replace("{{pattern}}", &wiring.pattern.display().to_string())
        .replace("{{parser}}", parser)
        .replace("{{db}}", &wiring.state.join("tail.db").display().to_string())
        .replace("{{refresh}}", &(wiring.settings.refresh.0 / 1_000_000).to_string())
        .replace("{{rotate_wait}}", &(wiring.settings.rotate_wait.0 / 1_000_000).to_string())
        .replace("{{buffer}}", &format!("{}k", wiring.settings.buffer.0 / 1024))
        .replace("{{output}}", &output(wiring))
}

fn output(wiring: &Wiring) -> String {
    let lines: Vec<String> = match &wiring.sink {
        SinkAt::Http { addr, array } => {
            let format = if *array { "json" } else { "json_lines" };
            let compress = wiring.gzip.then(|| "    Compress          gzip".to_owned());
            let fixed = [
                "    Name              http".to_owned(),
                format!("    Host              {}", addr.ip()),
                format!("    Port              {}", addr.port()),
                "    URI               /records".to_owned(),
                format!("    Format            {format}"),
                "    Retry_Limit       no_limits".to_owned(),
            ];
            fixed.into_iter().chain(compress).collect()
        }
        SinkAt::Files(folder) => vec![
            "    Name              file".to_owned(),
            format!("    Path              {}", folder.display()),
            "    Format            plain".to_owned(),
        ],
    };
    lines.join("\n")
}
