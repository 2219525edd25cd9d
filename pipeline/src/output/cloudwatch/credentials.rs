//! Who this side is, and the signature that proves it.
//!
//! Keys come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`) or from a profile
//! of the credentials file. They are read again after the store refused them, because others may renew the file. The
//! metadata service of a virtual machine is not asked: an agent that reads hostile logs should not talk to it.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use thiserror::Error;

use crate::service::clock::Clock;

/// Looks up a variable of the environment.
pub type Env = fn(&str) -> Option<String>;

/// Largest credentials file, bytes.
const FILE_MAX: u64 = 1 << 20;

/// Where the keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The profile, if it is not the environment's.
    pub profile: Option<String>,
}

/// Why nothing can be signed.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// There are no keys.
    #[error(
        "find credentials: neither AWS_ACCESS_KEY_ID nor the profile {profile:?} in {path} gives any; set one of them (the \
         metadata service of a virtual machine is not asked)"
    )]
    Missing {
        /// The profile.
        profile: String,
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be used.
    #[error("read credentials from {path}: {error}; correct the file or its permissions")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: std::io::Error,
    },
    /// The request cannot be signed.
    #[error("sign a request: {0}")]
    Sign(String),
}

impl Source {
    /// The keys as they are now.
    pub fn read(&self, env: Env) -> Result<Credentials, CredentialsError> {
        let some = |name| env(name).filter(|value| !value.is_empty());
        if self.profile.is_none()
            && let (Some(key), Some(secret)) = (some("AWS_ACCESS_KEY_ID"), some("AWS_SECRET_ACCESS_KEY"))
        {
            return Ok(Credentials::new(key, secret, some("AWS_SESSION_TOKEN"), None, "environment"));
        }
        let profile = self.profile.clone().or_else(|| some("AWS_PROFILE")).unwrap_or_else(|| "default".to_owned());
        let home = some("HOME").unwrap_or_else(|| "/root".to_owned());
        let path = some("AWS_SHARED_CREDENTIALS_FILE")
            .map_or_else(|| PathBuf::from(home).join(".aws/credentials"), PathBuf::from);
        let failed = |error| CredentialsError::File { path: path.clone(), error };
        let text = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
            Ok(about) if about.len() > FILE_MAX => return Err(failed(std::io::ErrorKind::FileTooLarge.into())),
            Ok(_) => std::fs::read_to_string(&path).map_err(failed)?,
        };
        of_profile(&text, &profile).ok_or(CredentialsError::Missing { profile, path })
    }
}

/// The keys of a profile: `[name]`, then `key = value`.
fn of_profile(text: &str, profile: &str) -> Option<Credentials> {
    let mut here = false;
    let (mut key, mut secret, mut token) = (None, None, None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            here = name.trim_end_matches(']').trim() == profile;
        } else if here && let Some((name, value)) = line.split_once('=') {
            let value = value.trim().to_owned();
            match name.trim() {
                "aws_access_key_id" => key = Some(value),
                "aws_secret_access_key" => secret = Some(value),
                "aws_session_token" => token = Some(value),
                _ => {}
            }
        }
    }
    Some(Credentials::new(key?, secret?, token, None, "profile"))
}

/// Signs requests.
pub(super) struct Signer {
    region: String,
    source: Source,
    env: Env,
    clock: Clock,
    known: Option<Credentials>,
}

impl Signer {
    pub(super) fn new(region: &str, source: &Source, env: Env, clock: Clock) -> Self {
        Self { region: region.to_owned(), source: source.clone(), env, clock, known: None }
    }

    /// The store refused the keys: they are read again.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    pub(super) fn sign(&mut self, request: &mut Request<Full<Bytes>>, body: &[u8]) -> Result<(), CredentialsError> {
        let credentials = match &self.known {
            Some(known) => known.clone(),
            None => self.known.insert(self.source.read(self.env)?).clone(),
        };
        let identity = credentials.into();
        let now = SystemTime::UNIX_EPOCH + Duration::from_nanos(self.clock.unix_ns().max(0) as u64);
        let failed = |error: &dyn std::fmt::Display| CredentialsError::Sign(error.to_string());
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("logs")
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| failed(&error))?
            .into();
        let uri = request.uri().to_string();
        let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
        let signable = SignableRequest::new("POST", uri, headers, SignableBody::Bytes(body));
        let signable = signable.map_err(|error| failed(&error))?;
        let (instructions, _) = sign(signable, &parameters).map_err(|error| failed(&error))?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_among_others() {
        let text = "[default]\naws_access_key_id = A\naws_secret_access_key=B\n\n[ logs ]\naws_access_key_id=C\n\
                    aws_secret_access_key = D=E\naws_session_token = F\n[half]\naws_access_key_id=X\n";
        let logs = of_profile(text, "logs").unwrap();
        assert_eq!((logs.access_key_id(), logs.secret_access_key(), logs.session_token()), ("C", "D=E", Some("F")));
        assert_eq!(of_profile(text, "default").unwrap().session_token(), None);
        assert!(of_profile(text, "half").is_none() && of_profile(text, "none").is_none());
    }

    #[test]
    fn without_keys_the_message_says_where_they_were_looked_for() {
        // Not where this machine's own may lie, in somebody's home.
        let env = |name: &str| (name == "AWS_SHARED_CREDENTIALS_FILE").then(|| "/nowhere/credentials".to_owned());
        let error = Source { profile: Some("logs".into()) }.read(env).unwrap_err().to_string();
        assert!(
            ["AWS_ACCESS_KEY_ID", "\"logs\"", "/nowhere", "not asked"].iter().all(|word| error.contains(word)),
            "{error}"
        );
    }
}
