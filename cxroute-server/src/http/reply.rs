//! The forms of answers: CXML, JSON, problems.

use bytes::Bytes;
use cxroute_core::engine::Receipt;
use http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::body::End;

/// 200 with a CXML document.
pub(super) fn cxml(document: Bytes) -> Response {
    typed(StatusCode::OK, "application/xml", document)
}

/// 200, acknowledging a session update or CDR.
pub(super) fn receipt(receipt: Receipt) -> Response {
    let body: &'static [u8] = match receipt {
        Receipt::Taken => br#"{"status":"ok"}"#,
        Receipt::Duplicate => br#"{"status":"duplicate"}"#,
    };
    typed(StatusCode::OK, "application/json", Bytes::from_static(body))
}

/// A problem (RFC 9457) with our `message` and `errors` by field.
pub(super) fn problem(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "message": message,
        "errors": {},
    });
    typed(status, "application/problem+json", body.to_string().into())
}

/// An answer of any type.
pub(super) fn typed(status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The answer to a request of which something may still be on its way ends the connection.
pub(super) fn ending_after(mut response: Response, body: End) -> Response {
    if body != End::Whole {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
