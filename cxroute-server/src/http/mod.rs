//! HTTP: Cloudonix's webhooks in, CXML out; health, readiness and metrics beside them.
//!
//! Filters know HTTP, the engine knows calls: one function per concern makes a filter of the `App`, and every
//! rejection becomes an answer in one place (`refusal`).
//!
//! What a webhook goes through:
//! 1. `target`: which end point, whose domain.
//! 2. `door`: the domain's gate, the credential, the header's domain; the signature once the body is there.
//! 3. `body`: read within bounds of size and time.
//! 4. `uncancelled`: the engine works on it; a client that goes away cancels nothing, a deadline bounds the waiting.
//! 5. `reply`: CXML, an acknowledgement, or (`late`) what is said when the deadline has passed.

mod app;
mod body;
mod door;
mod health;
mod late;
mod meter_page;
mod readiness;
mod refusal;
mod reply;
mod strangers;
mod target;
mod uncancelled;
mod webhook;

pub(crate) use app::{App, Guests};
pub(crate) use readiness::{Part, Readiness};
pub(crate) use strangers::Strangers;
pub use target::Endpoint;

use std::convert::Infallible;
use std::sync::Arc;

use warp::Filter;
use warp::reply::Response;

/// Everything the server answers. Webhooks come first: they are what is asked most.
pub(crate) fn routes(
    app: &Arc<App>,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    webhook::webhooks(app)
        .or(health::healthz())
        .unify()
        .or(health::readyz(app))
        .unify()
        .or(meter_page::metrics(app))
        .unify()
        .recover(refusal::answer)
        .unify()
}
