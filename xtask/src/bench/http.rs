//! Just enough of an HTTP/1.1 client to cost little: prepared requests, answers read as they come.
//!
//! Source: RFC 9112, sections 6 and 7.1.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The most bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const READ_BYTES: usize = 64 * 1024;

/// A kept connection.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Bytes that came and were not looked at.
    pending: Vec<u8>,
    space: Vec<u8>,
}

/// What ends an answer.
#[derive(Debug, PartialEq, Eq)]
enum Length {
    Bytes(usize),
    Chunked,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, pending: Vec::new(), space: vec![0; READ_BYTES] })
    }

    /// Sends a request and hands the pieces of its answer's body to `see` as they come. An answer
    /// with another status than 200 is an error.
    pub(crate) async fn call(&mut self, request: &[u8], see: impl FnMut(&[u8])) -> io::Result<()> {
        self.stream.write_all(request).await?;
        let head = self.head().await?;
        if !is_ok(&head) {
            let status = head.lines().next().unwrap_or_default();
            let said = String::from_utf8_lossy(&self.pending);
            return Err(invalid(&format!("{status}: {said}")));
        }
        self.body(&head, see).await
    }

    /// Sends a request and gives the head of its answer, whatever its status, and its body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<(String, Vec<u8>)> {
        self.stream.write_all(request).await?;
        let head = self.head().await?;
        let mut whole = Vec::new();
        self.body(&head, |piece| whole.extend_from_slice(piece)).await?;
        Ok((head, whole))
    }

    async fn body(&mut self, head: &str, mut see: impl FnMut(&[u8])) -> io::Result<()> {
        let mut body = Body::new(&length(head)?);
        loop {
            let used = body.read(&self.pending, &mut see)?;
            self.pending.drain(..used);
            if body.ended() {
                return Ok(());
            }
            self.more().await?;
        }
    }

    async fn head(&mut self) -> io::Result<String> {
        let end = loop {
            if let Some(at) = find(&self.pending, b"\r\n\r\n") {
                break at + 4;
            }
            if self.pending.len() > HEAD_BYTES_MAX {
                return Err(invalid("the head of the answer is too long"));
            }
            self.more().await?;
        };
        let head: Vec<u8> = self.pending.drain(..end).collect();
        Ok(String::from_utf8_lossy(&head).into_owned())
    }

    async fn more(&mut self) -> io::Result<()> {
        let count = self.stream.read(&mut self.space).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.pending.extend_from_slice(self.space.get(..count).unwrap_or_default());
        Ok(())
    }
}

fn is_ok(head: &str) -> bool {
    head.split(' ').nth(1) == Some("200")
}

fn length(head: &str) -> io::Result<Length> {
    for line in head.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            let bytes = value.trim().parse().map_err(|_| invalid("a bad content-length"))?;
            return Ok(Length::Bytes(bytes));
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok(Length::Chunked);
        }
    }
    Err(invalid("an answer without length"))
}

/// A body being read.
enum Body {
    /// So many bytes are to come.
    Left(usize),
    /// The size of a chunk is to come.
    Size,
    /// So many bytes of a chunk are to come, then its line end.
    Chunk(usize),
    /// The line that ends the last chunk's trailers is to come.
    Trailers,
    Ended,
}

impl Body {
    fn new(length: &Length) -> Self {
        match length {
            Length::Bytes(0) => Self::Ended,
            Length::Bytes(bytes) => Self::Left(*bytes),
            Length::Chunked => Self::Size,
        }
    }

    fn ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// Reads what it can and says how many bytes that were.
    fn read(&mut self, bytes: &[u8], see: &mut impl FnMut(&[u8])) -> io::Result<usize> {
        let mut used = 0;
        while let Some(step) = self.step(bytes.get(used..).unwrap_or_default(), see)? {
            used += step;
        }
        Ok(used)
    }

    /// One step; none if more bytes are needed or the body has ended.
    fn step(&mut self, rest: &[u8], see: &mut impl FnMut(&[u8])) -> io::Result<Option<usize>> {
        match *self {
            Self::Ended => Ok(None),
            Self::Left(left) => Ok(shown(rest, left, see).inspect(|count| {
                *self = if *count == left { Self::Ended } else { Self::Left(left - count) };
            })),
            Self::Chunk(0) => {
                let line_end = rest.len() >= 2;
                if line_end {
                    *self = Self::Size;
                }
                Ok(line_end.then_some(2))
            }
            Self::Chunk(left) => Ok(shown(rest, left, see).inspect(|count| {
                *self = Self::Chunk(left - count);
            })),
            Self::Size => {
                let Some(end) = find(rest, b"\r\n") else { return Ok(None) };
                let size = chunk_size(rest.get(..end).unwrap_or_default())?;
                *self = if size == 0 { Self::Trailers } else { Self::Chunk(size) };
                Ok(Some(end + 2))
            }
            Self::Trailers => {
                let Some(end) = find(rest, b"\r\n") else { return Ok(None) };
                if end == 0 {
                    *self = Self::Ended;
                }
                Ok(Some(end + 2))
            }
        }
    }
}

/// Shows up to `most` bytes of those there are.
fn shown(rest: &[u8], most: usize, see: &mut impl FnMut(&[u8])) -> Option<usize> {
    let piece = rest.get(..most.min(rest.len())).filter(|piece| !piece.is_empty())?;
    see(piece);
    Some(piece.len())
}

fn chunk_size(line: &[u8]) -> io::Result<usize> {
    let text = String::from_utf8_lossy(line);
    let digits = text.split(';').next().unwrap_or_default().trim();
    usize::from_str_radix(digits, 16).map_err(|_| invalid("a bad chunk size"))
}

pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an answer in pieces of `size` bytes; gives the body and whether it ended.
    fn read(length: &Length, wire: &[u8], size: usize) -> (Vec<u8>, bool) {
        let (mut body, mut seen, mut pending) = (Body::new(length), Vec::new(), Vec::new());
        for piece in wire.chunks(size) {
            pending.extend_from_slice(piece);
            let used = body.read(&pending, &mut |bytes| seen.extend_from_slice(bytes)).unwrap();
            pending.drain(..used);
        }
        (seen, body.ended())
    }

    #[test]
    fn bodies_are_read_however_they_are_cut() {
        let chunked =
            b"4\r\nWiki\r\n7;x=1\r\npedia i\r\nB\r\nn \r\nchunks.\r\n0\r\nTrailer: 1\r\n\r\n";
        for size in 1..=chunked.len() {
            let (seen, ended) = read(&Length::Chunked, chunked, size);
            assert_eq!(
                (seen.as_slice(), ended),
                (&b"Wikipedia in \r\nchunks."[..], true),
                "{size}"
            );
            assert_eq!(read(&Length::Bytes(5), b"whole", size), (b"whole".to_vec(), true));
        }
        assert_eq!(read(&Length::Bytes(9), b"whole", 2), (b"whole".to_vec(), false));
        assert_eq!(read(&Length::Bytes(0), b"", 1), (Vec::new(), true));
    }

    #[test]
    fn the_head_tells_the_length() {
        let head = |line: &str| length(&format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n"));
        assert_eq!(head("Content-Length: 12").unwrap(), Length::Bytes(12));
        assert_eq!(head("transfer-encoding: chunked").unwrap(), Length::Chunked);
        assert!(head("content-length: many").is_err());
        assert!(head("date: today").is_err());
    }
}
