//! What the store answers: which events it rejected, or why it failed.

use std::{fmt, time::Duration};

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::output::request::Answer;

/// The events of an accepted call that were not taken. The call is in order of time, so they are at its ends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rejected {
    /// One past the last that is too old.
    pub(super) old_end: usize,
    /// One past the last that the group would not keep.
    pub(super) expired_end: usize,
    /// The first that is too new.
    pub(super) new_start: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Put {
    rejected_log_events_info: Option<Info>,
}

#[derive(Deserialize)]
struct Info {
    #[serde(rename = "tooOldLogEventEndIndex")]
    old_end: Option<usize>,
    #[serde(rename = "expiredLogEventEndIndex")]
    expired_end: Option<usize>,
    #[serde(rename = "tooNewLogEventStartIndex")]
    new_start: Option<usize>,
}

impl Rejected {
    pub(super) fn read(body: &[u8]) -> Self {
        // A body that says nothing rejects nothing: the status has accepted the call.
        let info = serde_json::from_slice::<Put>(body).ok().and_then(|put| put.rejected_log_events_info);
        info.map_or_else(Self::default, |info| Self {
            old_end: info.old_end.unwrap_or(0),
            expired_end: info.expired_end.unwrap_or(0),
            new_start: info.new_start,
        })
    }
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The group or the stream is not there.
    Missing(String),
    /// What was to be made is there.
    Exists,
    /// The same call was accepted before.
    Already,
    /// The store wants this token, as older ones do.
    Token(Option<String>),
    /// Something in the events.
    Events(String),
    /// The call is too large.
    Large(String),
    /// The keys.
    Keys(String),
    /// Anything else, and how long the store asks to be left alone.
    Other(String, Option<Duration>),
}

impl Failure {
    pub(super) fn read(action: &str, answer: &Answer) -> Self {
        let body: Json = serde_json::from_slice(&answer.body).unwrap_or(Json::Null);
        let kind = body["__type"].as_str().unwrap_or_default();
        let kind = kind.rsplit('#').next().unwrap_or_default();
        let said: String =
            body["message"].as_str().or(body["Message"].as_str()).unwrap_or_default().chars().take(200).collect();
        // What stands in between may answer in another format.
        let raw = || String::from_utf8_lossy(&answer.body).chars().take(200).collect();
        let said = if said.is_empty() { raw() } else { said };
        let why = format!("{action}: it answered {} {kind} {said:?}", answer.status);
        match kind {
            "ResourceNotFoundException" => Self::Missing(why),
            "ResourceAlreadyExistsException" => Self::Exists,
            "DataAlreadyAcceptedException" => Self::Already,
            "InvalidSequenceTokenException" => Self::Token(body["expectedSequenceToken"].as_str().map(str::to_owned)),
            "InvalidParameterException" | "SerializationException" | "ValidationException" => Self::Events(why),
            _ if answer.status == StatusCode::PAYLOAD_TOO_LARGE => Self::Large(why),
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "ExpiredTokenException"
            | "AccessDeniedException" => Self::Keys(why),
            _ if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Self::Keys(why),
            _ => Self::Other(why, answer.after),
        }
    }

    pub(super) fn too_large(&self) -> bool {
        matches!(self, Self::Large(_))
    }

    pub(super) fn about_events(&self) -> bool {
        matches!(self, Self::Events(_))
    }

    pub(super) fn about_keys(&self) -> bool {
        matches!(self, Self::Keys(_))
    }

    pub(super) fn after(&self) -> Option<Duration> {
        if let Self::Other(_, after) = self { *after } else { None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(why) | Self::Events(why) | Self::Large(why) | Self::Keys(why) | Self::Other(why, _) => {
                f.write_str(why)
            }
            Self::Exists => f.write_str("it is there already"),
            Self::Already => f.write_str("the call was accepted before"),
            Self::Token(_) => f.write_str("the store wants another sequence token"),
        }
    }
}
