//! The four webhooks: one filter, one way, two kinds of answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use cxroute_core::cloudonix::{Cdr, CxHeaders, DialResult, SessionUpdate, VoiceRequest, Webhook};
use cxroute_core::cxml;
use cxroute_core::engine::{Admitted, Answer, Arrival, Engine, EngineError, Receipt};
use futures_util::Stream;
use http::{HeaderMap, Method, header};
use tokio::time::Instant;
use warp::path::FullPath;
use warp::reject::Rejection;
use warp::reply::Response;
use warp::{Filter, filters};

use super::app::App;
use super::body::{self, Body, End};
use super::door::{Door, cx_headers};
use super::refusal::Refusal;
use super::target::{Endpoint, Target};
use super::uncancelled::{self, Unfinished};
use super::{late, reply};
use crate::meters::Reason;

/// A session update or CDR is acknowledged within this, or the platform is told to send it again.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(900);

/// The webhooks' end points.
pub(super) fn webhooks(
    app: &Arc<App>,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + use<> {
    let app = Arc::clone(app);
    target()
        .and(warp::path::full())
        .and(query())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .and_then(move |target, path, query, headers, body| {
            serve(Arc::clone(&app), target, Request { path, query, headers }, body)
        })
}

/// Everything of a request but its body.
struct Request {
    path: FullPath,
    query: String,
    headers: HeaderMap,
}

/// The end point and domain of the path, if it can be asked by the method.
fn target() -> impl Filter<Extract = (Target,), Error = Rejection> + Copy + Send + Sync {
    warp::path::full().and(warp::method()).and_then(|path: FullPath, method: Method| async move {
        let target = Target::parse(path.as_str()).ok_or_else(warp::reject::not_found)?;
        match target.endpoint.takes(&method) {
            true => Ok::<_, Rejection>(target),
            false => Err(Refusal::Method(target.endpoint.allow()).into()),
        }
    })
}

/// The query as it came; empty if there is none.
fn query() -> impl Filter<Extract = (String,), Error = Rejection> + Copy + Send + Sync {
    filters::query::raw().or_else(|_| async { Ok::<_, Rejection>((String::new(),)) })
}

async fn serve<B: Buf>(
    app: Arc<App>,
    target: Target,
    request: Request,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Result<Response, Rejection> {
    let door = Door::knock(&app, &target, &request.headers).await;
    let most = if door.is_ok() { body::KEPT } else { 0 };
    let body = body::read(body, most).await;
    let (since, end) = (Instant::now(), body.end);
    note_end(&app, end);
    let answered = match door {
        Ok(door) => answer(&app, target.endpoint, door, request, body).await,
        Err(refusal) => Err(refusal),
    };
    let status = answered.as_ref().map_or_else(|refusal| refusal.status(), Response::status);
    app.meters.answered(target.endpoint, status, since.elapsed());
    match answered {
        Ok(response) => Ok(reply::ending_after(response, end)),
        Err(refusal) => {
            note_refusal(&app, &target, refusal);
            Err(refusal.into())
        }
    }
}

async fn answer(
    app: &App,
    endpoint: Endpoint,
    door: Door,
    request: Request,
    body: Body,
) -> Result<Response, Refusal> {
    let admitted = door.enter(app, endpoint, &request.headers, &body.bytes)?;
    if body.end == End::Broken {
        // Nobody waits for it. A retry must find nothing of half a request.
        return if endpoint.answers_cxml() { Ok(hangup()) } else { Err(Refusal::Broken) };
    }
    let received = Arc::new(Received { endpoint, request, body: body.bytes });
    let work = work(Arc::clone(&app.engine), admitted, Arc::clone(&received), app.arrival());
    let deadline = if endpoint.answers_cxml() { app.deadline } else { ACKNOWLEDGED_WITHIN };
    match uncancelled::run(work, deadline, &app.guests).await {
        Ok(outcome) => outcome.response(app),
        Err(unfinished) => without_outcome(app, &received, unfinished),
    }
}

/// A webhook that was let in.
struct Received {
    endpoint: Endpoint,
    request: Request,
    body: Bytes,
}

impl Received {
    fn webhook<'a>(&'a self, headers: &'a CxHeaders<'a>) -> Webhook<'a> {
        let content_type = self.request.headers.get(header::CONTENT_TYPE);
        Webhook {
            body: (&self.body).into(),
            content_type: content_type.and_then(|value| value.to_str().ok()),
            path: self.request.path.as_str(),
            query: &self.request.query,
            headers: Some(headers),
        }
    }
}

/// What the engine made of a webhook.
enum Outcome {
    Answer(Answer),
    Receipt(Receipt),
    /// The body names another domain than the path.
    OtherDomain,
    /// Neither store nor spool took it.
    NotKept(EngineError),
}

/// The engine's work on a webhook; owns everything it needs, so that no connection is needed to finish it.
async fn work(engine: Arc<Engine>, admitted: Admitted, received: Arc<Received>, arrival: Arrival) -> Outcome {
    let headers = cx_headers(&received.request.headers);
    let webhook = received.webhook(&headers);
    let is_anothers = |request: &VoiceRequest<'_>| {
        let snapshot = admitted.gate().snapshot();
        request.disagreeing_domain(snapshot.tenant().domain.as_str()).is_some()
    };
    match received.endpoint {
        Endpoint::Voice => match VoiceRequest::read(&webhook) {
            request if is_anothers(&request) => Outcome::OtherDomain,
            request => Outcome::Answer(engine.voice_request(&admitted, &request, arrival).await),
        },
        Endpoint::Dial => match DialResult::read(&webhook) {
            result if is_anothers(&result.request) => Outcome::OtherDomain,
            result => Outcome::Answer(engine.dial_result(&admitted, &result, arrival).await),
        },
        Endpoint::SessionUpdate => {
            let update = SessionUpdate::read(&webhook);
            let taken = engine.session_update(&admitted, &update, arrival).await;
            taken.map_or_else(Outcome::NotKept, Outcome::Receipt)
        }
        Endpoint::Cdr => {
            let taken = engine.cdr(&admitted, &Cdr::read(&webhook), arrival).await;
            taken.map_or_else(Outcome::NotKept, Outcome::Receipt)
        }
    }
}

impl Outcome {
    fn response(self, app: &App) -> Result<Response, Refusal> {
        match self {
            Self::Answer(answer) => {
                app.meters.decided(answer.durability);
                Ok(reply::cxml(answer.cxml))
            }
            Self::Receipt(receipt) => Ok(reply::receipt(receipt)),
            Self::OtherDomain => Err(Refusal::Unauthorized(Reason::OtherDomain)),
            Self::NotKept(error) => {
                // There are many of them when there are some, and room for logs may be what is missing.
                if let Some(unmentioned) = app.unkept.due() {
                    tracing::error!(%error, unmentioned, "a session update or CDR could not be kept");
                }
                Err(Refusal::Unavailable)
            }
        }
    }
}

/// What is answered when the work is late or has panicked: a live call gets CXML all the same; what would have to be
/// durable is not acknowledged.
fn without_outcome(app: &App, received: &Received, unfinished: Unfinished) -> Result<Response, Refusal> {
    let endpoint = received.endpoint;
    match unfinished {
        Unfinished::Late => app.meters.late.increment(1),
        Unfinished::Panicked => {
            app.meters.panics.increment(1);
            tracing::error!(endpoint = endpoint.name(), "a panic while a webhook was worked on");
        }
    }
    match (endpoint.answers_cxml(), unfinished) {
        (false, _) => Err(Refusal::Unavailable),
        (true, Unfinished::Panicked) => Ok(hangup()),
        (true, Unfinished::Late) => {
            let headers = cx_headers(&received.request.headers);
            let webhook = received.webhook(&headers);
            Ok(reply::cxml(late::document(endpoint, &app.public_url, &webhook).into()))
        }
    }
}

fn hangup() -> Response {
    reply::cxml(cxml::Response::hangup().render().into())
}

fn note_end(app: &App, end: End) {
    match end {
        End::Whole => {}
        End::Stalled => app.meters.stalled.increment(1),
        End::Broken => app.meters.broken.increment(1),
    }
}

/// Counts a refusal and, now and then, logs one; never what was presented.
fn note_refusal(app: &App, target: &Target, refusal: Refusal) {
    let Refusal::Unauthorized(reason) = refusal else { return };
    app.meters.unauthorized(reason);
    if let Some(unmentioned) = app.refusals.due() {
        let domain = target.domain.as_ref().map_or("(no domain)", |domain| domain.as_str());
        let endpoint = target.endpoint.name();
        tracing::warn!(endpoint, domain, reason = reason.name(), unmentioned, "a webhook was refused");
    }
}
