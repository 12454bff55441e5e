//! A request's body that is read to its end though nobody wants it any more.
//!
//! Dropping the rest of a body resets the HTTP/2 stream behind an early answer (RFC 9113 §8.1). That is
//! allowed, but curl 7.88 then often loses the answer. So what a handler leaves is read and forgotten,
//! within limits.

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Octets that are read and forgotten.
const OCTETS_MAX: usize = 4 << 20;
/// How long that may take.
const TIME_MAX: Duration = Duration::from_secs(5);

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Drained {
    inner: Option<Incoming>,
}

impl Drained {
    /// Wraps it.
    pub(crate) fn new(inner: Incoming) -> Self {
        Self { inner: Some(inner) }
    }
}

impl Body for Drained {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(mut left) = self.inner.take() else {
            return;
        };
        // Outside a runtime (at shutdown) there is nobody to read it.
        if left.is_end_stream() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        tokio::spawn(async move {
            let all = async {
                let mut octets = 0;
                while octets < OCTETS_MAX {
                    match poll_fn(|context| Pin::new(&mut left).poll_frame(context)).await {
                        Some(Ok(frame)) => octets += frame.data_ref().map_or(0, Bytes::len),
                        Some(Err(_)) | None => return,
                    }
                }
            };
            let _ = tokio::time::timeout(TIME_MAX, all).await;
        });
    }
}
