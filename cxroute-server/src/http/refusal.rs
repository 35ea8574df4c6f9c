//! Why a request is not served, and the one place where that becomes an answer.
//!
//! Content is never a reason once a webhook has proven its tenant: a live call is answered with CXML (FACTS §7.4).

use std::convert::Infallible;

use http::{HeaderValue, StatusCode, header};
use warp::reject::{Reject, Rejection};
use warp::reply::Response;

use super::reply::problem;
use crate::meters::Reason;

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It has not proven that it speaks for its tenant. The reason is counted, not told: an unknown domain and a wrong
    /// key look the same.
    Unauthorized(Reason),
    /// The end point cannot be asked like this; what it can be asked by.
    Method(&'static str),
    /// The body broke off, and it is not about a live call.
    Broken,
    /// What would have to be durable is not, or nothing is known of the tenant while the store is away.
    Unavailable,
}

impl Reject for Refusal {}

/// Every rejection's answer.
pub(super) async fn answer(rejection: Rejection) -> Result<Response, Infallible> {
    Ok(match rejection.find::<Refusal>() {
        Some(refusal) => refusal.response(),
        None if rejection.is_not_found() => problem(StatusCode::NOT_FOUND, "there is nothing at this path"),
        None => problem(StatusCode::BAD_REQUEST, "expected a request as the documentation describes it"),
    })
}

impl Refusal {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn response(self) -> Response {
        match self {
            Self::Unauthorized(_) => with(
                problem(
                    self.status(),
                    "expected Authorization: Bearer or X-CX-APIKey with a key of this domain",
                ),
                header::WWW_AUTHENTICATE,
                "Bearer realm=\"cxroute\"",
            ),
            Self::Method(allowed) => {
                with(problem(self.status(), "this path is not asked by this method"), header::ALLOW, allowed)
            }
            Self::Broken => with(
                problem(self.status(), "expected a body as long as announced, it broke off"),
                header::CONNECTION,
                "close",
            ),
            Self::Unavailable => with(
                problem(self.status(), "it could not be kept durably; send it again"),
                header::RETRY_AFTER,
                "1",
            ),
        }
    }
}

fn with(mut response: Response, name: header::HeaderName, value: &'static str) -> Response {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}
