//! From the decoder's two pipes to whole frames with their times.
//!
//! The decision that shapes it: the times of *all* decoded frames come on a pipe of their own and
//! are read by a thread of their own, so neither pipe can hold up the other, and a decoder that
//! works its way to a far frame shows that it is alive. The planes come only for frames that the
//! decoder's filter lets through; which these are is known from the same list of stretches that
//! made the filter.
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError};

use crate::MediaError;
use crate::child::Patience;

/// One frame as it comes from the decoder.
pub(super) struct Raw {
    /// When it is shown.
    pub(super) time: Time,
    /// The planes.
    pub(super) bytes: Vec<u8>,
}

/// Place of a decoded frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    /// In ticks; `None` when the decoder does not know.
    pub(super) pts: Option<i64>,
    /// Number among the decoded frames of this pass.
    pub(super) number: i64,
}

/// Stretches of frames that pass the decoder's filter, ends included, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chosen {
    /// No filter.
    All,
    /// By presentation time in ticks.
    Times(Vec<(i64, i64)>),
    /// By number among the decoded frames.
    Numbers(Vec<(i64, i64)>),
}

impl Chosen {
    fn takes(&self, time: Time) -> bool {
        let within = |runs: &[(i64, i64)], value: i64| {
            let at = runs.partition_point(|(_, last)| *last < value);
            runs.get(at).is_some_and(|(first, _)| *first <= value)
        };
        match self {
            Self::All => true,
            Self::Times(runs) => time.pts.is_some_and(|pts| within(runs, pts)),
            Self::Numbers(runs) => within(runs, time.number),
        }
    }

    /// FFmpeg's filter for it.
    pub(super) fn filter(&self) -> Option<String> {
        let (variable, runs) = match self {
            Self::All => return None,
            Self::Times(runs) => ("pts", runs),
            Self::Numbers(runs) => ("n", runs),
        };
        let terms: Vec<String> =
            runs.iter().map(|(first, last)| format!("between({variable},{first},{last})")).collect();
        Some(format!("select='{}'", sum(&terms)))
    }
}

/// A sum as a balanced tree: FFmpeg's parser takes at most 100 terms in a row.
fn sum(terms: &[String]) -> String {
    match terms {
        [] => "0".into(),
        [one] => one.clone(),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            format!("({}+{})", sum(left), sum(right))
        }
    }
}

/// Reads the lines of `framecrc` (`stream, dts, pts, duration, size, crc`) and passes on the times
/// of chosen frames.
pub(super) fn read_times(lines: impl Read, chosen: &Chosen, send: &Sender<Result<Time, MediaError>>) {
    let mut size = None;
    // An error here is the end of the decoder, which the reader of the planes sees, too.
    let lines = BufReader::new(lines).lines().map_while(Result::ok).filter(|line| !line.starts_with('#'));
    for (number, line) in (0..).zip(lines) {
        let mut fields = line.split(',').map(str::trim).skip(2);
        let pts = fields.next().and_then(|text| text.parse().ok());
        let bytes: Option<u64> = fields.nth(1).and_then(|text| text.parse().ok());
        if number > 0 && bytes != size {
            let reason = format!("the picture size or pixel format changes at decoded frame {number}");
            let _ = send.send(Err(MediaError::Unsupported { format: "video", reason }));
            return;
        }
        size = bytes;
        let time = Time { pts, number };
        if chosen.takes(time) && send.send(Ok(time)).is_err() {
            return;
        }
    }
}

/// Puts planes and times together until either ends or nobody listens.
pub(super) fn pump(
    mut planes: impl Read,
    times: &Receiver<Result<Time, MediaError>>,
    patience: &Patience,
    frame_bytes: usize,
    send: &SyncSender<Result<Raw, MediaError>>,
    take_back: &Receiver<Vec<u8>>,
) {
    loop {
        let mut bytes = match take_back.try_recv() {
            Ok(bytes) => bytes,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => vec![0; frame_bytes],
        };
        let item = match read_frame(&mut planes, &mut bytes) {
            Ok(true) => match patience.wait(|| times.recv()) {
                Ok(time) => time.map(|time| Raw { time, bytes }),
                Err(_) => Err(MediaError::Decoder("it gave a frame without a time".into())),
            },
            Ok(false) => return,
            // A change of size shows in the times first, and here as planes that do not fit.
            Err(error) => Err(times.try_iter().find_map(Result::err).unwrap_or(error)),
        };
        let broken = item.is_err();
        if send.send(item).is_err() || broken {
            return;
        }
    }
}

/// True with a whole frame, false at the end.
fn read_frame(planes: &mut impl Read, bytes: &mut [u8]) -> Result<bool, MediaError> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match planes.read(rest) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(MediaError::Decoder("it ended in the middle of a frame".into())),
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn times(text: &str, chosen: &Chosen) -> Vec<Result<Time, String>> {
        let (send, receive) = channel();
        read_times(text.as_bytes(), chosen, &send);
        receive.try_iter().map(|time| time.map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn times_are_read_after_the_header_and_chosen() {
        let text = "#tb 0: 1/15360\n0,        512,        512,      512,     6144, 0xabc\n0, 1, -3, 1, 6144, 0x1\n0, 1, 9, 1, 6144, 0x1\n";
        let time = |pts, number| Ok(Time { pts: Some(pts), number });
        assert_eq!(times(text, &Chosen::All), [time(512, 0), time(-3, 1), time(9, 2)]);
        assert_eq!(times(text, &Chosen::Times(vec![(-5, 0), (9, 9)])), [time(-3, 1), time(9, 2)]);
        assert_eq!(times(text, &Chosen::Numbers(vec![(2, 7)])), [time(9, 2)]);
    }

    #[test]
    fn a_change_of_size_is_an_error() {
        let found = times("0, 1, 1, 1, 6144, 0x1\n0, 1, 2, 1, 1, 0x1\n", &Chosen::All);
        assert!(found[0].is_ok());
        assert!(found[1].as_ref().is_err_and(|text| text.contains("changes at decoded frame 1")), "{found:?}");
    }

    #[test]
    fn filters_are_balanced_sums() {
        assert_eq!(Chosen::All.filter(), None);
        let filter = Chosen::Numbers(vec![(0, 0), (2, 2), (4, 9)]).filter();
        assert_eq!(filter.as_deref(), Some("select='(between(n,0,0)+(between(n,2,2)+between(n,4,9)))'"));
    }

    #[test]
    fn half_a_frame_is_an_error() {
        let mut bytes = [0; 4];
        assert!(matches!(read_frame(&mut &b"abcd"[..], &mut bytes), Ok(true)));
        assert!(matches!(read_frame(&mut &b""[..], &mut bytes), Ok(false)));
        assert!(matches!(read_frame(&mut &b"abc"[..], &mut bytes), Err(MediaError::Decoder(_))));
    }
}
