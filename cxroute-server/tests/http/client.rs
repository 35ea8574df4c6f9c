//! A client that sends any bytes and reads one answer: nothing of it is shared with the server.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer that takes longer does not come. Far above what is promised: whether that is kept is measured elsewhere,
/// on machines that do nothing else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A header's value, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    /// The one agent's number that is dialled; none if the document dials nobody.
    pub(crate) fn dialled(&self) -> Option<String> {
        let document = self.document();
        let service = document.descendants().find(|node| node.has_tag_name("Service"))?;
        service.text().map(str::to_owned)
    }

    /// The body, which must be a 200 with well-formed CXML.
    pub(crate) fn document(&self) -> roxmltree::Document<'_> {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/xml"), "{self:?}");
        let document = roxmltree::Document::parse(self.text()).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        assert!(document.root_element().has_tag_name("Response"), "{self:?}");
        assert!(document.root_element().has_children(), "{self:?}");
        document
    }
}

/// A request, built line by line.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    line: String,
    headers: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let line = format!("{method} {path} HTTP/1.1");
        Self { line, headers: vec![b"Host: localhost".to_vec()], body: Vec::new() }
    }

    pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", path).body(body)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len();
        self.header("Content-Length", &length.to_string())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(format!("{name}: {value}").into_bytes());
        self
    }

    pub(crate) fn raw_header(mut self, line: &[u8]) -> Self {
        self.headers.push(line.to_vec());
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("Authorization", &format!("Bearer {key}"))
    }

    /// Its bytes for a message.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).chars().take(2_000).collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.line.clone().into_bytes();
        for header in &self.headers {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(header);
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub(crate) async fn send(&self, address: SocketAddr) -> Reply {
        self.try_send(address).await.unwrap_or_else(|| panic!("no answer to {}", self.shown()))
    }

    /// The answer; none if nobody listens, or the connection ends before the whole answer has come.
    pub(crate) async fn try_send(&self, address: SocketAddr) -> Option<Reply> {
        let mut connection = Connection::try_open(address).await?;
        connection.write(&self.bytes()).await;
        connection.reply().await
    }
}

/// What carries bytes.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<W: AsyncRead + AsyncWrite + Send + Unpin> Wire for W {}

/// One connection.
pub(crate) struct Connection {
    stream: Box<dyn Wire>,
    unread: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::try_open(address).await.expect("somebody listens")
    }

    /// None if nobody listens.
    async fn try_open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self::over(stream))
    }

    /// Over what is open already.
    pub(crate) fn over(stream: impl Wire + 'static) -> Self {
        Self { stream: Box::new(stream), unread: Vec::new() }
    }

    /// Writes as much as the server takes: it may have answered and closed in the middle.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _answered_already =
            timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("the server reads");
    }

    /// Sends nothing more.
    pub(crate) async fn half_close(&mut self) {
        let _answered_already = self.stream.shutdown().await;
    }

    /// The next answer; none if the connection ended without one.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        timeout(PATIENCE, self.read_reply()).await.expect("an answer or the end in time")
    }

    /// Whether the server has closed, nothing more having come.
    pub(crate) async fn is_at_end(&mut self) -> bool {
        let mut byte = [0];
        let read = timeout(PATIENCE, self.stream.read(&mut byte)).await.expect("an end in time");
        self.unread.is_empty() && read.map_or(true, |read| read == 0)
    }

    async fn read_reply(&mut self) -> Option<Reply> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more().await?;
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply { status, head, body: Vec::new() };
        let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            self.read_more().await?;
        }
        reply.body = self.unread.drain(..length).collect();
        match status {
            100 => Box::pin(self.read_reply()).await,
            _ => Some(reply),
        }
    }

    async fn read_more(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.unread).await.unwrap_or(0);
        (read > 0).then_some(())
    }
}
