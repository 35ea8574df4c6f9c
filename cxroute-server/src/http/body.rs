//! Reading a body within bounds: of size, because memory is; of time, because a call waits.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout_at};

/// So much of a webhook's body is kept and used.
pub(super) const KEPT: usize = 1 << 20;
/// So much is read at most; what is beyond [`KEPT`] is thrown away, so that a client that sends before it listens gets
/// its answer.
const READ: usize = 64 << 20;
/// A body of which nothing comes for so long has stalled.
const STALLED: Duration = Duration::from_millis(800);
/// A body takes at most so long.
const LONGEST: Duration = Duration::from_secs(5);

/// A body, or what came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    /// As much as was to be kept.
    pub(super) bytes: Bytes,
    pub(super) end: End,
}

/// How the reading of a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At its end; what was too long has been thrown away.
    Whole,
    /// The rest did not come in time, or never ends.
    Stalled,
    /// The connection broke off, or its framing is nonsense.
    Broken,
}

/// Reads a body and keeps at most `most` bytes of it. Bytes that come in one piece are not copied.
pub(super) async fn read<B: Buf, E>(body: impl Stream<Item = Result<B, E>>, most: usize) -> Body {
    let mut body = pin!(body);
    let mut kept = Kept { most, first: Bytes::new(), all: BytesMut::new() };
    let mut taken = 0;
    let last = Instant::now() + LONGEST;
    loop {
        let patience = last.min(Instant::now() + STALLED);
        let end = match timeout_at(patience, body.next()).await {
            Ok(Some(Ok(chunk))) => {
                taken += chunk.remaining();
                kept.take(chunk);
                if taken <= READ {
                    continue;
                }
                End::Stalled
            }
            Ok(None) => End::Whole,
            Ok(Some(Err(_))) => End::Broken,
            Err(_) => End::Stalled,
        };
        return Body { bytes: kept.finish(), end };
    }
}

/// The kept part: the first piece as it is, a buffer as soon as there are two.
struct Kept {
    most: usize,
    first: Bytes,
    all: BytesMut,
}

impl Kept {
    fn take(&mut self, mut chunk: impl Buf) {
        let room = self.most - self.first.len().max(self.all.len());
        let piece = chunk.copy_to_bytes(chunk.remaining().min(room));
        if self.first.is_empty() && self.all.is_empty() {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&piece);
    }

    fn finish(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    type Pieces = Vec<Result<Bytes, ()>>;

    fn piece(size: usize) -> Result<Bytes, ()> {
        Ok(vec![b'x'; size].into())
    }

    #[tokio::test]
    async fn a_body_in_one_piece_is_not_copied() {
        let bytes = Bytes::from_static(b"{}");
        let read = read(stream::iter(vec![Ok::<_, ()>(bytes.clone())]), KEPT).await;
        assert_eq!(read, Body { bytes: bytes.clone(), end: End::Whole });
        assert_eq!(read.bytes.as_ptr(), bytes.as_ptr());
    }

    #[tokio::test]
    async fn of_a_large_body_the_first_mebibyte_is_kept() {
        let cases: [(Pieces, usize, End); 5] = [
            (vec![], 0, End::Whole),
            (vec![piece(3), piece(4)], 7, End::Whole),
            (vec![piece(KEPT), piece(1)], KEPT, End::Whole),
            (vec![piece(KEPT - 1), piece(5), piece(9)], KEPT, End::Whole),
            (vec![piece(7), Err(())], 7, End::Broken),
        ];
        for (pieces, size, end) in cases {
            let read = read(stream::iter(pieces), KEPT).await;
            assert_eq!((read.bytes.len(), read.end), (size, end));
        }
    }

    #[tokio::test]
    async fn of_a_body_that_nobody_wants_nothing_is_kept() {
        let read = read(stream::iter(vec![piece(5), piece(5)]), 0).await;
        assert_eq!((read.bytes.len(), read.end), (0, End::Whole));
    }

    #[tokio::test]
    async fn a_body_without_end_is_given_up() {
        let endless = stream::iter(std::iter::repeat_with(|| piece(1 << 20)));
        let read = read(endless, KEPT).await;
        assert_eq!((read.bytes.len(), read.end), (KEPT, End::Stalled));
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_stalled_body_that_is_used_which_came() {
        let stalled = stream::iter(vec![piece(5)]).chain(stream::pending());
        let start = Instant::now();
        let read = read(stalled, KEPT).await;
        assert_eq!((read.bytes.len(), read.end), (5, End::Stalled));
        assert!(start.elapsed() <= Duration::from_secs(1), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripping_body_is_given_up_in_the_end() {
        let dripping = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Some((piece(1), ()))
        });
        let start = Instant::now();
        let read = read(dripping, KEPT).await;
        assert_eq!(read.end, End::Stalled);
        assert!(start.elapsed() <= LONGEST + STALLED, "{:?}", start.elapsed());
    }
}
