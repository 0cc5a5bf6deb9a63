//! Running the binary in a folder of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder in which the binary runs, with an environment that has a key for providers only.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
        command.args(line.split_whitespace()).current_dir(self.path());
        command.env_clear().env("KEY", "provider-key");
        command
    }

    /// Runs a command to its end: exit code, stdout, stderr.
    pub(crate) fn run(&self, line: &str) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(line).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// Runs a command that must succeed and prints JSON.
    pub(crate) fn json(&self, line: &str) -> Value {
        let (code, out, err) = self.run(&format!("{line} --format json"));
        assert_eq!(code, 0, "{line}: {err}");
        serde_json::from_str(&out).unwrap()
    }

    /// Starts a command that runs until a signal, and waits for its line that says it is ready.
    pub(crate) fn start(&self, line: &str) -> Server {
        let mut command = self.command(&format!("{line} --format json"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        assert!(!ready.is_empty(), "{line} ended: {}", rest(&mut child));
        Server { ready: serde_json::from_str(&ready).unwrap(), child, _stdout: stdout }
    }
}

fn rest(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

/// A command that runs until a signal. Dropped, it is killed.
pub(crate) struct Server {
    pub(crate) ready: Value,
    child: Child,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for a line on stderr with this text.
    pub(crate) fn says(&mut self, text: &str) {
        let stderr = BufReader::new(self.child.stderr.as_mut().unwrap());
        let mut lines = stderr.lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains(text)), "it never says {text}");
    }

    /// Waits for its end: the exit code.
    pub(crate) fn wait(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request and gives the connection to read its answer from; the server closes it.
pub(crate) fn post(authority: &str, path: &str, headers: &str, body: &Value) -> TcpStream {
    let mut stream = TcpStream::connect(authority).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
         content-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

/// A chat request, streamed or not.
pub(crate) fn chat(model: &str, stream: bool) -> Value {
    serde_json::json!({
        "model": model,
        "stream": stream,
        "messages": [{ "role": "user", "content": "Hello" }],
    })
}

/// Reads on until `text` has come; gives all that was read.
pub(crate) fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut all = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).unwrap();
        all.extend_from_slice(&chunk[..read]);
        let seen = String::from_utf8_lossy(&all);
        if seen.contains(text) {
            return seen.into_owned();
        }
        assert!(read > 0, "{text} never came: {seen}");
    }
}

/// Reads to the end.
pub(crate) fn read_all(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
