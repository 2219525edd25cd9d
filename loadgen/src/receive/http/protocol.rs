//! What a sink takes requests for: bare records, or the calls of a store that answers in its own words.

use bytes::Bytes;
use hyper::{HeaderMap, Method, Response, StatusCode, header::CONTENT_TYPE};
use results::ledger::Intake;

use super::{
    cloudwatch::{self, CloudWatchPlan},
    elastic::{self, ElasticPlan},
    stream::forward::ForwardPlan,
};
use crate::receive::decode::Decoder;

/// What the sink understands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Any POST or PUT carries records; the answer is a bare status.
    #[default]
    Records,
    /// Elasticsearch's `_bulk`.
    Elastic(ElasticPlan),
    /// The calls of CloudWatch Logs.
    CloudWatch(CloudWatchPlan),
    /// The forward protocol of Fluentd and Fluent Bit.
    Forward(ForwardPlan),
    /// Lumberjack version 2, the protocol of Beats.
    Lumberjack,
    /// Syslog over TCP, framed either way.
    Syslog,
}

/// What the sink remembers between requests.
#[derive(Debug)]
pub(super) enum Store {
    Records,
    Elastic(elastic::Store),
    CloudWatch(cloudwatch::Store),
}

/// A request without its body.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
}

impl Head<'_> {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Where records of a request go.
pub(super) struct Taking<'a> {
    pub(super) decoder: &'a mut Decoder,
    pub(super) intake: &'a mut Intake,
    /// The second half of the records is to be refused, with this status.
    pub(super) half: Option<u16>,
    /// Milliseconds since 1970.
    pub(super) now_ms: i64,
    /// Records booked.
    pub(super) records: u64,
}

impl Taking<'_> {
    /// Books every record of `document`.
    pub(super) fn book(&mut self, document: &[u8]) {
        let (intake, records) = (&mut *self.intake, &mut self.records);
        self.decoder.decode(document, &mut |record, seen| {
            *records += 1;
            record.book(seen, intake);
        });
    }
}

/// An answer in the words of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// Half of the records were refused and the sender was not told which were kept: they may come again.
    pub(super) is_vague: bool,
}

impl Reply {
    pub(super) fn bare(status: StatusCode) -> Self {
        Self { status, body: Bytes::new(), headers: &[], is_vague: false }
    }

    pub(super) fn response(self) -> Response<http_body_util::Full<Bytes>> {
        let mut response = Response::new(http_body_util::Full::new(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().insert(*name, hyper::header::HeaderValue::from_static(value));
        }
        debug_assert!(self.headers.is_empty() || response.headers().contains_key(CONTENT_TYPE));
        response
    }
}

impl Store {
    pub(super) fn new(protocol: &Protocol) -> Self {
        match protocol {
            // A conversation remembers nothing from one connection to the next.
            Protocol::Records | Protocol::Forward(_) | Protocol::Lumberjack | Protocol::Syslog => Self::Records,
            Protocol::Elastic(plan) => Self::Elastic(elastic::Store::new(plan.clone())),
            Protocol::CloudWatch(plan) => Self::CloudWatch(cloudwatch::Store::new(plan.clone())),
        }
    }

    /// Whether the body of such a request carries records.
    pub(super) fn carries_records(&self, head: &Head<'_>) -> bool {
        let writes = head.method == Method::POST || head.method == Method::PUT;
        writes
            && match self {
                Self::Records => true,
                Self::Elastic(_) => elastic::is_bulk(head.path),
                Self::CloudWatch(_) => cloudwatch::carries_records(head),
            }
    }

    /// The answer to a request that carries none.
    pub(super) fn other(&mut self, head: &Head<'_>, body: &[u8]) -> Reply {
        match self {
            Self::Records => Reply::bare(StatusCode::OK),
            Self::Elastic(_) => elastic::other(head),
            Self::CloudWatch(store) => store.other(head, body),
        }
    }

    /// Books the records of a body and answers.
    pub(super) fn take(&mut self, head: &Head<'_>, body: &[u8], taking: &mut Taking<'_>) -> Reply {
        match self {
            Self::Records => records(body, taking),
            Self::Elastic(store) => store.bulk(head, body, taking),
            Self::CloudWatch(store) => store.put(head, body, taking),
        }
    }

    /// How a whole request is refused.
    pub(super) fn refusal(&self, status: StatusCode) -> Reply {
        match self {
            Self::Records => Reply::bare(status),
            Self::Elastic(_) => elastic::refusal(status),
            Self::CloudWatch(_) => cloudwatch::refusal(status),
        }
    }
}

fn records(body: &[u8], taking: &mut Taking<'_>) -> Reply {
    let Some(status) = taking.half else {
        taking.book(body);
        return Reply::bare(StatusCode::OK);
    };
    let mut left = 0u64;
    taking.decoder.decode(body, &mut |_, _| left += 1);
    let left = left.div_ceil(2);
    let (intake, records) = (&mut *taking.intake, &mut taking.records);
    taking.decoder.decode(body, &mut |record, seen| {
        if *records < left {
            *records += 1;
            record.book(seen, intake);
        }
    });
    Reply { is_vague: true, ..Reply::bare(super::serve::error_status(status)) }
}
