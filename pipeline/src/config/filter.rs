//! `[FILTER]` sections: the closed list of what happens to records on the way.

use super::{
    Section,
    error::At,
    input::plugin,
    keys::Keys,
    shared::{self, Around},
};
use crate::filter::{
    FilterKind, FilterPlan, grep, kubernetes, lua, modify, multiline, nest, parser, record_modifier, rewrite_tag,
    throttle,
};

const PLUGINS: &[&str] = &[
    "grep",
    "kubernetes",
    "lua",
    "modify",
    "multiline",
    "nest",
    "parser",
    "record_modifier",
    "rewrite_tag",
    "throttle",
];

pub(super) fn plan(section: &Section, index: usize, around: &Around<'_>) -> At<FilterPlan> {
    let plugin = plugin(section, "filter plugin", PLUGINS)?;
    let (known, many) = match plugin {
        "grep" => (grep::KEYS, grep::MANY),
        "kubernetes" => (kubernetes::KEYS, &[][..]),
        "lua" => (lua::KEYS, &[][..]),
        "modify" => (modify::KEYS, modify::MANY),
        "multiline" => (multiline::KEYS, multiline::MANY),
        "nest" => (nest::KEYS, nest::MANY),
        "parser" => (parser::KEYS, parser::MANY),
        "record_modifier" => (record_modifier::KEYS, record_modifier::MANY),
        "rewrite_tag" => (rewrite_tag::KEYS, rewrite_tag::MANY),
        _ => (throttle::KEYS, &[][..]),
    };
    let keys = Keys::with(section, known, shared::FILTER, many)?;
    let parsers = &around.parsers;
    let what = match plugin {
        "grep" => FilterKind::Grep(grep::plan(&keys)?),
        "kubernetes" => FilterKind::Kubernetes(Box::new(kubernetes::plan(&keys, around)?)),
        "lua" => FilterKind::Lua(lua::plan(&keys, around)?),
        "modify" => FilterKind::Modify(modify::plan(&keys)?),
        "multiline" => FilterKind::Multiline(multiline::plan(&keys, parsers)?),
        "nest" => FilterKind::Nest(nest::plan(&keys)?),
        "parser" => FilterKind::Parser(parser::plan(&keys, parsers)?),
        "record_modifier" => FilterKind::RecordModifier(record_modifier::plan(&keys)?),
        "rewrite_tag" => FilterKind::RewriteTag(rewrite_tag::plan(&keys)?),
        _ => FilterKind::Throttle(throttle::plan(&keys)?),
    };
    Ok(FilterPlan {
        name: shared::name(&keys, plugin, index)?,
        log_level: shared::log_level(&keys)?,
        input: None,
        matches: shared::matching(&keys)?,
        what,
    })
}
