//! `[OUTPUT]` sections: the list of the output plugins. Their keys stand in their own files.

use super::{
    Section,
    error::At,
    keys::Keys,
    shared::{self, Around},
};
use crate::output::{
    cloudwatch, es, file, forward, http,
    plan::{Destination, OutputPlan},
    stdout, syslog,
};

const PLUGINS: &[&str] =
    &["http", "file", "null", "stdout", "forward", "es", "cloudwatch_logs", "cloudwatch", "syslog"];
const NULL_KEYS: &[&str] = &["Format"];

pub(super) fn plan(section: &Section, index: usize, around: &Around<'_>) -> At<OutputPlan> {
    let plugin = super::input::plugin(section, "output plugin", PLUGINS)?;
    let own: &'static [&'static str] = match plugin {
        "http" => http::KEYS,
        "file" => file::KEYS,
        "stdout" => stdout::KEYS,
        "forward" => forward::KEYS,
        "es" => es::KEYS,
        "cloudwatch_logs" | "cloudwatch" => cloudwatch::KEYS,
        "syslog" => syslog::KEYS,
        _ => NULL_KEYS,
    };
    let keys = Keys::with(section, own, shared::OUTPUT, &["Header"])?;
    let to = match plugin {
        "http" => Destination::Http(Box::new(http::plan(&keys)?)),
        "file" => Destination::File(Box::new(file::plan(&keys, &shared::matching(&keys)?)?)),
        "stdout" => Destination::Stdout(stdout::plan(&keys)?),
        "forward" => Destination::Forward(Box::new(forward::plan(&keys, around)?)),
        "es" => Destination::Es(Box::new(es::plan(&keys)?)),
        "cloudwatch_logs" | "cloudwatch" => Destination::CloudWatch(Box::new(cloudwatch::plan(&keys)?)),
        "syslog" => Destination::Syslog(Box::new(syslog::plan(&keys)?)),
        _ => Destination::Null,
    };
    OutputPlan::of(&keys, shared::name(&keys, plugin, index)?, around.service, to)
}
