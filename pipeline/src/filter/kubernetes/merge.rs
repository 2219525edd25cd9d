//! What is done to the records of a pod: left out if it asks for that, its text merged, `kubernetes` added.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{
    meta::Meta,
    plan::{KubernetesPlan, MergePlan},
    pod::Pod,
};
use crate::{
    event::{Event, Fields, Value, json},
    filter::Flow,
    parse::{
        Batch,
        parser::{Parser, Parsers},
    },
};

const TEXT: &[u8] = b"log";
const EXCLUDE: &str = "fluentbit.io/exclude";
const PARSER: &str = "fluentbit.io/parser";

/// Works on records; remembers parsers.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the configuration")]
pub(super) struct Merger {
    merge: Option<MergePlan>,
    parser: Option<Parser>,
    /// Those that pods ask for.
    suggested: BTreeMap<String, Option<Parser>>,
    parsers: Arc<Parsers>,
    suggestions: bool,
    exclude: bool,
    labels: bool,
    annotations: bool,
}

impl Merger {
    pub(super) fn new(plan: &KubernetesPlan) -> Self {
        let parser = plan.merge.as_ref().and_then(|merge| merge.parser.clone());
        Self {
            merge: plan.merge.clone(),
            parser: parser.map(Parser::new),
            suggested: BTreeMap::new(),
            parsers: Arc::clone(&plan.parsers),
            suggestions: plan.suggested_parser,
            exclude: plan.exclude,
            labels: plan.labels,
            annotations: plan.annotations,
        }
    }

    /// Hands the records of `pod` on.
    pub(super) fn apply(&mut self, batch: Batch, pod: &Pod, meta: Option<&Meta>, flow: &mut Flow<'_>) {
        let about = Value::Map(self.about(pod, meta));
        // By stream: whether its records are left out, and the parser that the pod asks for.
        let streams = ["stdout", "stderr"].map(|stream| {
            let annotation = |name| meta.and_then(|meta| meta.annotation(name, stream, &pod.container));
            let excluded = self.exclude && annotation(EXCLUDE).is_some_and(|value| value.eq_ignore_ascii_case("true"));
            (excluded, annotation(PARSER).filter(|_| self.suggestions).map(ToOwned::to_owned))
        });
        for (_, parser) in &streams {
            self.prepare(parser.as_deref(), flow);
        }
        flow.each(batch, |event| {
            let stderr = event.fields.get("stream").and_then(Value::as_bytes) == Some(b"stderr");
            let (excluded, parser) = &streams[usize::from(stderr)];
            if *excluded {
                return false;
            }
            self.merge(event, parser.as_deref());
            event.fields.set("kubernetes", about.clone());
            true
        });
    }

    /// Looks up a parser that a pod asks for.
    fn prepare(&mut self, name: Option<&str>, flow: &Flow<'_>) {
        let Some(name) = name.filter(|name| !self.suggested.contains_key(*name)) else { return };
        let parser = self.parsers.get(name).map(|plan| Parser::new(Arc::clone(plan)));
        if parser.is_none() {
            tracing::warn!(filter = flow.name, parser = ?name, "a pod asks for a parser that there is not; define it");
        }
        // Names come from annotations, so their number is bounded.
        if self.suggested.len() < 1024 {
            self.suggested.insert(name.to_owned(), parser);
        }
    }

    fn merge(&mut self, event: &mut Event, suggested: Option<&str>) {
        let Some(plan) = &self.merge else { return };
        let Some(text) = event.fields.get(TEXT).and_then(Value::as_bytes) else { return };
        let text = if plan.trim { trim(text) } else { text };
        let suggested = suggested.and_then(|name| self.suggested.get_mut(name)).and_then(Option::as_mut);
        let (time, mut fields) = match suggested.or(self.parser.as_mut()) {
            Some(parser) => match parser.parse(text, event.time) {
                Some(parsed) => (parsed.time, parsed.fields),
                None => return,
            },
            None if text.trim_ascii_start().first() != Some(&b'{') => return,
            None => match json::object(text) {
                Some(fields) => (None, fields),
                None => return,
            },
        };
        if plan.trim {
            for (_, value) in &mut fields.0 {
                if let Value::Text(text) = value {
                    text.truncate(trim(text).len());
                }
            }
        }
        if !plan.keep {
            event.fields.remove(TEXT);
        }
        event.time = time.unwrap_or(event.time);
        match &plan.key {
            Some(key) => event.fields.set(key, Value::Map(fields)),
            // The text itself stays whatever is in it.
            None => fields
                .0
                .into_iter()
                .filter(|(key, _)| !(plan.keep && key == TEXT))
                .for_each(|(key, value)| event.fields.set(key, value)),
        }
    }

    /// The value of `kubernetes`.
    fn about(&self, pod: &Pod, meta: Option<&Meta>) -> Fields {
        let mut fields = Fields::default();
        let mut add = |key: &str, value: Cow<'_, str>| {
            if !value.is_empty() {
                fields.push(key, Value::text(value.as_bytes()));
            }
        };
        let of = |text: &dyn Fn(&Meta) -> String| meta.map(text).unwrap_or_default();
        add("pod_name", (&pod.key.name).into());
        add("namespace_name", (&pod.key.namespace).into());
        let uid = of(&|meta| meta.metadata.uid.clone());
        add("pod_id", if uid.is_empty() { (&pod.uid).into() } else { uid.into() });
        if let Some(meta) = meta {
            let maps = [
                ("labels", self.labels, &meta.metadata.labels),
                ("annotations", self.annotations, &meta.metadata.annotations),
            ];
            for (key, wanted, map) in maps {
                if let Some(map) = map.as_ref().filter(|map| wanted && !map.is_empty()) {
                    let pairs = map.iter().map(|(key, value)| (key.clone().into_bytes(), Value::text(value))).collect();
                    fields.push(key, Value::Map(Fields(pairs)));
                }
            }
        }
        let mut add = |key: &str, value: Cow<'_, str>| {
            if !value.is_empty() {
                fields.push(key, Value::text(value.as_bytes()));
            }
        };
        let container = meta.and_then(|meta| meta.container(&pod.container));
        add("host", of(&|meta| meta.spec.node_name.clone()).into());
        add("pod_ip", of(&|meta| meta.status.pod_ip.clone()).into());
        add("container_name", (&pod.container).into());
        add("docker_id", (&pod.container_id).into());
        add("container_hash", container.map(|container| container.image_id.as_str()).unwrap_or_default().into());
        add("container_image", container.map(|container| container.image.as_str()).unwrap_or_default().into());
        fields
    }
}

/// Without the line ends behind it.
fn trim(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    &text[..end]
}
