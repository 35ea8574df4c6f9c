//! Work that a client which goes away does not cancel, and that is not waited for longer than a deadline.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::poll_fn;

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
/// Work that is done at the first look, as it is on in-memory adapters, costs neither a task nor a timer. A task is made
/// of it before anything can cancel it: nothing is awaited in between. A server that drains waits for its guests.
pub(super) async fn run<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    deadline: Duration,
    guests: &Guests,
) -> Result<T, Unfinished> {
    let mut work = Box::pin(work);
    let first = poll_fn(|context| Poll::Ready(look(work.as_mut(), context))).await;
    match first {
        Err(panicked) => Err(panicked),
        Ok(Poll::Ready(result)) => Ok(result),
        Ok(Poll::Pending) => {
            let guest = guests.enter();
            let task = tokio::spawn(async move {
                let _until_its_end = guest;
                work.await
            });
            match tokio::time::timeout(deadline, task).await {
                Ok(Ok(result)) => Ok(result),
                Ok(Err(_)) => Err(Unfinished::Panicked),
                Err(_) => Err(Unfinished::Late),
            }
        }
    }
}

fn look<T>(
    work: Pin<&mut (impl Future<Output = T> + Send)>,
    context: &mut Context<'_>,
) -> Result<Poll<T>, Unfinished> {
    // After a panic the work is dropped, never polled again.
    catch_unwind(AssertUnwindSafe(|| work.poll(context))).map_err(|_| Unfinished::Panicked)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

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
}
