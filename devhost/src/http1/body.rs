//! Message bodies: read piece by piece, whatever frames them.

use super::Reader;
use bytes::{Buf, Bytes};
use std::io;

/// How the end of a body is told (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Empty,
    Length(u64),
    Chunked,
    UntilClose,
}

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body broke off")]
    Truncated,
    #[error("a chunk is not framed as RFC 9112 §7.1 says")]
    Malformed,
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where a chunked body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
}

/// A body that is still on the wire. Dropping a read between two pieces loses nothing.
#[derive(Debug)]
pub(crate) struct Body<'r> {
    reader: &'r mut Reader,
    framing: Framing,
    chunk: Chunk,
    touched: bool,
}

impl<'r> Body<'r> {
    pub(crate) fn new(reader: &'r mut Reader, framing: Framing) -> Self {
        Self {
            reader,
            framing,
            chunk: Chunk::Size,
            touched: false,
        }
    }

    /// The next piece, or `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.touched = true;
        match self.framing {
            Framing::Empty => Ok(None),
            Framing::Length(left) => {
                let piece = self.take(left).await?;
                self.framing = match left - piece.len() as u64 {
                    0 => Framing::Empty,
                    left => Framing::Length(left),
                };
                Ok(Some(piece))
            }
            Framing::Chunked => self.next_of_chunk().await,
            Framing::UntilClose => {
                if self.reader.buffer.is_empty() && self.reader.fill().await? == 0 {
                    self.framing = Framing::Empty;
                    return Ok(None);
                }
                Ok(Some(self.reader.buffer.split().freeze()))
            }
        }
    }

    /// The rest of the body in one piece.
    pub(crate) async fn collect(&mut self, max_bytes: u64) -> Result<Bytes, BodyError> {
        if matches!(self.framing, Framing::Length(length) if length > max_bytes) {
            return Err(BodyError::TooLarge(max_bytes));
        }
        let mut whole = Vec::new();
        while let Some(piece) = self.next().await? {
            if (whole.len() + piece.len()) as u64 > max_bytes {
                return Err(BodyError::TooLarge(max_bytes));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }

    /// Whether the next message can be read from the same connection.
    pub(crate) fn is_finished(&self) -> bool {
        self.framing == Framing::Empty
    }

    /// Whether anybody asked for it: Kestrel sends `100 Continue` only then.
    pub(crate) fn is_untouched(&self) -> bool {
        !self.touched && self.framing != Framing::Empty
    }

    /// Resolves when the peer leaves after its body has been read.
    pub(crate) async fn peer_leaves(&mut self) {
        self.reader.closed().await;
    }

    async fn next_of_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match self.chunk {
                Chunk::Size => {
                    let line = self.line().await?;
                    let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
                    let size =
                        std::str::from_utf8(size.trim_ascii()).map_err(|_| BodyError::Malformed)?;
                    self.chunk =
                        match u64::from_str_radix(size, 16).map_err(|_| BodyError::Malformed)? {
                            0 => Chunk::Trailers,
                            length => Chunk::Data(length),
                        };
                }
                Chunk::Data(left) => {
                    let piece = self.take(left).await?;
                    self.chunk = match left - piece.len() as u64 {
                        0 => Chunk::DataEnd,
                        left => Chunk::Data(left),
                    };
                    return Ok(Some(piece));
                }
                Chunk::DataEnd => {
                    if !self.line().await?.is_empty() {
                        return Err(BodyError::Malformed);
                    }
                    self.chunk = Chunk::Size;
                }
                // Trailers are read and dropped, as the recorded host does in every mode.
                Chunk::Trailers => {
                    if self.line().await?.is_empty() {
                        self.framing = Framing::Empty;
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn take(&mut self, at_most: u64) -> Result<Bytes, BodyError> {
        if self.reader.buffer.is_empty() && self.reader.fill().await? == 0 {
            return Err(BodyError::Truncated);
        }
        let buffered = self.reader.buffer.len();
        let length = usize::try_from(at_most).map_or(buffered, |most| most.min(buffered));
        Ok(self.reader.buffer.split_to(length).freeze())
    }

    async fn line(&mut self) -> Result<Bytes, BodyError> {
        const MAX_LINE_BYTES: usize = 8 * 1024;
        loop {
            if let Some(end) = self.reader.buffer.windows(2).position(|end| end == b"\r\n") {
                let line = self.reader.buffer.split_to(end).freeze();
                self.reader.buffer.advance(2);
                return Ok(line);
            }
            if self.reader.buffer.len() > MAX_LINE_BYTES {
                return Err(BodyError::Malformed);
            }
            if self.reader.fill().await? == 0 {
                return Err(BodyError::Truncated);
            }
        }
    }
}
