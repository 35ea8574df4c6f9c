//! As much HTTP/1.1 as readiness probes and the one checked request before a bench need.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Time-out of one exchange's connection, read and write.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The body, as far as it is UTF-8.
    pub(crate) body: String,
}

/// GETs `path`.
pub(crate) fn get(server: SocketAddr, path: &str) -> io::Result<Answer> {
    exchange(server, format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n").as_bytes())
}

/// Sends `request` as it is and reads one answer: a body of `Content-Length`, without it one up to the end.
pub(crate) fn exchange(server: SocketAddr, request: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    read_answer(BufReader::new(stream))
}

fn read_answer(mut from: impl BufRead) -> io::Result<Answer> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("expected an HTTP status line, got {line:?}"))
    })?;
    let mut length = None;
    loop {
        line.clear();
        if from.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<u64>().ok();
        }
    }
    let mut body = Vec::new();
    from.take(length.unwrap_or(u64::MAX)).read_to_end(&mut body)?;
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_its_length_or_to_its_end() {
        let by_length = read_answer(&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore"[..]).unwrap();
        assert_eq!((by_length.status, by_length.body.as_str()), (200, "ok"));
        let to_the_end = read_answer(&b"HTTP/1.1 503 Busy\r\n\r\nlater"[..]).unwrap();
        assert_eq!((to_the_end.status, to_the_end.body.as_str()), (503, "later"));
    }

    #[test]
    fn what_is_not_http_is_refused_with_what_came() {
        let refusal = read_answer(&b"SSH-2.0-OpenSSH\r\n"[..]).unwrap_err().to_string();
        assert!(refusal.contains("SSH-2.0"), "{refusal}");
    }
}
