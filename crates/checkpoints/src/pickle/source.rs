//! The bytes of a pickle, counted: no length in the file makes it allocate more than the file has.
use std::io::{self, Read};

use super::Limits;
use crate::CheckpointError;

pub(super) struct Source<R> {
    reader: R,
    position: u64,
    limits: Limits,
}

impl<R: Read> Source<R> {
    pub(super) fn new(reader: R, limits: Limits) -> Self {
        Self { reader, position: 0, limits }
    }

    /// An error at the place that is being read.
    pub(super) fn broken(&self, what: impl std::fmt::Display) -> CheckpointError {
        CheckpointError::Malformed(format!("broken pickle at byte {}: {what}", self.position))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let mut bytes = [0; N];
        self.count(N as u64)?;
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.broken("it ends too early")),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, CheckpointError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// So many bytes. The buffer grows with what is really there.
    pub(super) fn take(&mut self, length: u64) -> Result<Vec<u8>, CheckpointError> {
        self.count(length)?;
        let mut bytes = Vec::new();
        (&mut self.reader).take(length).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length { Err(self.broken("it ends too early")) } else { Ok(bytes) }
    }

    /// Up to the next line feed, without it.
    pub(super) fn line(&mut self) -> Result<Vec<u8>, CheckpointError> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(line),
                _ if line.len() >= self.limits.line => return Err(self.broken("a line has no end")),
                byte => line.push(byte),
            }
        }
    }

    fn count(&mut self, length: u64) -> Result<(), CheckpointError> {
        self.position = self.position.saturating_add(length);
        if self.position > self.limits.bytes {
            return Err(CheckpointError::Malformed(format!("its pickle is larger than {} bytes", self.limits.bytes)));
        }
        Ok(())
    }
}
