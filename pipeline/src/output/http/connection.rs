//! One connection to the server, made when needed, thrown away after any doubt about its state.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, client::conn::http1, client::conn::http1::SendRequest, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use super::{HttpError, limit};
use crate::config::plan::HttpPlan;

/// Longest answer that is read, bytes; after a longer one the connection is not used again.
const ANSWER_MAX: usize = 64 << 10;

pub(super) struct Connection {
    address: String,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(super) fn new(plan: &HttpPlan) -> Self {
        let host = if plan.host.contains(':') { format!("[{}]", plan.host) } else { plan.host.clone() };
        Self { address: format!("{host}:{}", plan.port), open: None }
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    /// Sends one request and reads its answer to the end.
    pub(super) async fn request(&mut self, plan: &HttpPlan, body: Bytes) -> Result<StatusCode, HttpError> {
        let mut sender = match self.open.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect(plan).await?,
        };
        let limit_ms = plan.response_timeout_ms;
        let broken = |error| HttpError::Broken { address: self.address.clone(), error };
        let exchange = async {
            sender.ready().await.map_err(broken)?;
            let response = sender.send_request(self.build(plan, body)).await.map_err(broken)?;
            let status = response.status();
            let whole = Limited::new(response.into_body(), ANSWER_MAX).collect().await.is_ok();
            Ok((status, whole))
        };
        match timeout(limit(limit_ms), exchange).await {
            Ok(Ok((status, whole))) => {
                // The status counts even if the rest of the answer broke off: the server has decided.
                self.open = whole.then_some(sender);
                Ok(status)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(HttpError::Timeout { address: self.address.clone(), limit_ms }),
        }
    }

    async fn connect(&self, plan: &HttpPlan) -> Result<SendRequest<Full<Bytes>>, HttpError> {
        let limit_ms = plan.connect_timeout_ms;
        let connecting = TcpStream::connect((plan.host.as_str(), plan.port));
        let stream = timeout(limit(limit_ms), connecting)
            .await
            .map_err(|_| HttpError::ConnectTimeout { address: self.address.clone(), limit_ms })?
            .map_err(|error| HttpError::Connect { address: self.address.clone(), error })?;
        // Bodies are written whole; waiting for more before the last segment only delays the answer.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| HttpError::Broken { address: self.address.clone(), error })?;
        tokio::spawn(async move {
            // Its error comes to the sender as well.
            let _ = connection.await;
        });
        Ok(sender)
    }

    fn build(&self, plan: &HttpPlan, body: Bytes) -> Request<Full<Bytes>> {
        let kind = if plan.array { "application/json" } else { "application/x-ndjson" };
        let mut request = Request::post(&plan.uri).header(header::HOST, &self.address);
        if !plan.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if plan.gzip {
            request = request.header(header::CONTENT_ENCODING, "gzip");
        }
        for (name, value) in &plan.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(body)).expect("path and headers were checked with the configuration")
    }
}
