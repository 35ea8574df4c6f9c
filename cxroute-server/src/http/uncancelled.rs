//! Work that a client which goes away does not cancel, and that is not waited for longer than a deadline.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::app::Guests;

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// It goes on, but nobody waits for it any more.
    Late,
    /// It panicked.
    Panicked,
}

/// Runs `work` to its end, whatever becomes of the caller, and waits for it until `deadline`.
///
/// The caller does the work itself. A task is made of it only when the caller goes away or the deadline has passed: one per
/// call would be woken for every step of it, and wake the caller in turn. A server that drains waits for its guests.
pub(super) async fn run<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    deadline: Duration,
    guests: &Guests,
) -> Result<T, Unfinished> {
    let mut work = Work { future: Some(Box::pin(work)), guests };
    timeout(deadline, poll_fn(|context| work.look(context))).await.unwrap_or(Err(Unfinished::Late))
}

/// Work that goes on by itself when it is dropped before its end.
struct Work<'a, F: Future + Send + 'static> {
    future: Option<Pin<Box<F>>>,
    guests: &'a Guests,
}

impl<F: Future + Send + 'static> Work<'_, F> {
    fn look(&mut self, context: &mut Context<'_>) -> Poll<Result<F::Output, Unfinished>> {
        let Some(future) = &mut self.future else { return Poll::Ready(Err(Unfinished::Panicked)) };
        // After a panic the work is dropped, never polled again.
        let looked = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        let ended = match looked {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => Ok(result),
            Err(_) => Err(Unfinished::Panicked),
        };
        self.future = None;
        Poll::Ready(ended)
    }
}

impl<F: Future + Send + 'static> Drop for Work<'_, F> {
    fn drop(&mut self) {
        // Without a runtime there is nobody left to do it.
        let (Some(future), Ok(runtime)) = (self.future.take(), Handle::try_current()) else { return };
        let guest = self.guests.enter();
        runtime.spawn(async move {
            let _until_its_end = guest;
            future.await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn work_is_answered_whether_it_is_done_at_once_or_later() {
        assert_eq!(run(async { 1 }, SOON, &Guests::new()).await, Ok(1));
        let later = async {
            yield_now().await;
            2
        };
        assert_eq!(run(later, Duration::from_secs(60), &Guests::new()).await, Ok(2));
    }

    #[tokio::test]
    async fn a_panic_at_once_or_later_is_told() {
        let at_once = async { panic!("planted") };
        assert_eq!(run::<()>(at_once, SOON, &Guests::new()).await, Err(Unfinished::Panicked));
        let later = async {
            yield_now().await;
            panic!("planted")
        };
        assert_eq!(
            run::<()>(later, Duration::from_secs(60), &Guests::new()).await,
            Err(Unfinished::Panicked)
        );
    }

    #[tokio::test]
    async fn late_work_goes_on_and_so_does_work_whose_caller_went_away() {
        for caller_stays in [true, false] {
            let done = Arc::new(AtomicBool::new(false));
            let (go, gone) = oneshot::channel::<()>();
            let (finished, wait) = oneshot::channel();
            let flag = Arc::clone(&done);
            let work = async move {
                let _went = gone.await;
                flag.store(true, Ordering::SeqCst);
                let _nobody = finished.send(());
            };
            if caller_stays {
                assert_eq!(run(work, SOON, &Guests::new()).await, Err(Unfinished::Late));
            } else {
                let caller =
                    tokio::spawn(async move { run(work, Duration::from_secs(60), &Guests::new()).await });
                yield_now().await;
                caller.abort();
                assert!(caller.await.is_err());
            }
            assert!(!done.load(Ordering::SeqCst));
            go.send(()).unwrap();
            wait.await.unwrap();
            assert!(done.load(Ordering::SeqCst));
        }
    }

    #[tokio::test]
    async fn a_server_that_drains_waits_for_work_that_nobody_waits_for_any_more() {
        let guests = Guests::new();
        let (go, gone) = oneshot::channel::<()>();
        let work = async move {
            let _went = gone.await;
        };
        assert_eq!(run(work, SOON, &guests).await, Err(Unfinished::Late));
        assert!(guests.left().now_or_never().is_none());
        go.send(()).unwrap();
        guests.left().await;
    }
}
