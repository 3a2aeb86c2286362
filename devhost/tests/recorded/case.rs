//! One recorded case, normalised: ids, ports and keys are replaced, header order is left out.

use crate::devhost::Devhost;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::time::Duration;

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) sent: Sent,
    pub(crate) received: Vec<Received>,
    pub(crate) received_count: Option<usize>,
    pub(crate) answer: Value,
    pub(crate) got: Got,
    /// Some recordings leave the answer's headers out.
    pub(crate) tells_fields: bool,
    pub(crate) seconds: Option<f64>,
    pub(crate) down: Option<Duration>,
}

/// What the client does: bytes, then more bytes after a while.
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) then: Vec<(Duration, Vec<u8>)>,
    /// How long to listen where no answer is expected.
    pub(crate) gives_up: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Got {
    pub(crate) status: Option<u16>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) is_broken: bool,
}

pub(crate) fn lines(file: &str) -> impl Iterator<Item = Value> {
    let path = format!(
        "{}/../tests/fixtures/recorded/{file}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).expect(&path);
    let lines: Vec<Value> = text
        .trim()
        .split('\n')
        .map(|line| serde_json::from_str(line).expect("a recording is JSON"))
        .collect();
    lines.into_iter()
}

/// The cases of a file, with this host's keys in place of the recorded ones.
pub(crate) fn cases(file: &str, devhost: &Devhost) -> impl Iterator<Item = Case> {
    let key = devhost.master_key().to_owned();
    lines(file).map(move |line| {
        let text = line.to_string().replace("EXAMPLE-KEY", &key);
        Case::read(&serde_json::from_str(&text).expect("only a string was replaced"))
    })
}

impl Case {
    fn read(line: &Value) -> Self {
        let client = &line["client"];
        let got = Got::read(&line["clientGot"]);
        let target = client["target"].as_str().unwrap_or_default();
        Self {
            name: line["case"].as_str().expect("a name").to_owned(),
            sent: Sent::read(client, got.status.is_none() && !got.is_broken),
            received: array(&line["handlerReceived"])
                .iter()
                .map(Received::read)
                .collect(),
            received_count: line["handlerReceivedCount"]
                .as_u64()
                .and_then(|count| count.try_into().ok()),
            answer: line["handlerAnswered"].clone(),
            got,
            tells_fields: line["clientGot"].get("text").is_none()
                || line["clientGot"].get("headers").is_some(),
            seconds: line["seconds"].as_f64(),
            down: target
                .split_once("down=")
                .map(|(_, seconds)| Duration::from_secs_f64(seconds.parse().expect("seconds"))),
        }
    }
}

impl Sent {
    fn read(client: &Value, expects_nothing: bool) -> Self {
        let gives_up = expects_nothing.then_some(Duration::from_millis(500));
        if let Some(raw) = client["raw"].as_str() {
            let then = array(&client["then"]);
            return Self {
                method: raw.split(' ').next().unwrap_or_default().to_owned(),
                bytes: latin1(raw),
                then: then
                    .iter()
                    .map(|piece| {
                        let delay = Duration::from_secs_f64(piece[0].as_f64().expect("seconds"));
                        (delay, latin1(piece[1].as_str().expect("text")))
                    })
                    .collect(),
                gives_up,
            };
        }
        let method = client["method"].as_str().expect("a method").to_owned();
        let mut head = format!(
            "{method} {} HTTP/1.1\r\n",
            client["target"].as_str().expect("a target")
        );
        let body = bytes_of(client);
        let fields = pairs(&client["headers"]);
        let has = |name: &str| {
            fields
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        if !has("Host") {
            head.push_str("Host: 127.0.0.1:7071\r\n");
        }
        if !has("Transfer-Encoding")
            && !has("Content-Length")
            && (!body.is_empty() || method == "POST")
        {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        // The recording client put its own `Connection: close` in the place of a case's.
        for (name, value) in fields
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("Connection"))
        {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("Connection: close\r\n\r\n");
        Self {
            method,
            bytes: [head.as_bytes(), &body].concat(),
            then: Vec::new(),
            gives_up,
        }
    }
}

impl Received {
    pub(crate) fn read(value: &Value) -> Self {
        Self::new(
            value["method"].as_str().expect("a method").to_owned(),
            value["target"].as_str().expect("a target").to_owned(),
            pairs(&value["headers"]),
            bytes_of(value),
        )
    }

    pub(crate) fn new(
        method: String,
        target: String,
        fields: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Self {
        let mut fields: Vec<(String, String)> = fields
            .into_iter()
            .map(|(name, value)| {
                let name = name.to_lowercase();
                let value = match name.as_str() {
                    "host" if value.starts_with("127.0.0.1:") => "127.0.0.1:<port>".to_owned(),
                    _ => without_ids(&value),
                };
                (name, value)
            })
            .collect();
        fields.sort();
        let (body, is_envelope) = normalised(body);
        // Ids and times of any length: an envelope's own length says nothing.
        let is_framing = |name: &str| matches!(name, "content-length" | "transfer-encoding");
        fields.retain(|(name, _)| !is_envelope || !is_framing(name));
        Self {
            method,
            target,
            fields,
            body,
        }
    }
}

/// An envelope of an HTTP function without what differs from call to call.
fn normalised(body: Vec<u8>) -> (Vec<u8>, bool) {
    match serde_json::from_slice::<Value>(&body) {
        Ok(mut json) if json["Metadata"].is_object() && json["Data"]["req"].is_object() => {
            for name in ["sys", "$sys"] {
                if json["Metadata"][name].get("UtcNow").is_some() {
                    json["Metadata"][name]["UtcNow"] = "now".into();
                    json["Metadata"][name]["RandGuid"] = "random".into();
                }
            }
            (json.to_string().into_bytes(), true)
        }
        _ => (body, false),
    }
}

impl Got {
    fn read(value: &Value) -> Self {
        if value.get("error").is_some() {
            return Self {
                is_broken: true,
                ..Self::default()
            };
        }
        if let Some(raw) = value["rawBase64"].as_str() {
            return Self::parse(&STANDARD.decode(raw).expect("base64"));
        }
        if let Some(raw) = value["raw"].as_str() {
            return Self::parse(&latin1(raw));
        }
        let status = value["status"]
            .as_u64()
            .and_then(|status| status.try_into().ok());
        Self::new(status, pairs(&value["headers"]), bytes_of(value))
    }

    fn new(status: Option<u16>, fields: Vec<(String, String)>, body: Vec<u8>) -> Self {
        const NOT_COMPARED: [&str; 5] = [
            "date",
            "server",
            "connection",
            "content-length",
            "transfer-encoding",
        ];
        let mut fields: Vec<(String, String)> = fields
            .into_iter()
            .map(|(name, value)| (name.to_lowercase(), value))
            .filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str()))
            .collect();
        fields.sort();
        Self {
            status,
            fields,
            body,
            is_broken: false,
        }
    }

    /// Reads a whole answer off its bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else {
            return Self {
                is_broken: !bytes.is_empty(),
                ..Self::default()
            };
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let fields: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": ").or_else(|| line.split_once(':')))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if status.is_none_or(|status: u16| !(100..1000).contains(&status)) {
            return Self {
                is_broken: true,
                ..Self::default()
            };
        }
        if status == Some(100) {
            return Self::parse(&bytes[end + 4..]);
        }
        let rest = &bytes[end + 4..];
        let is_chunked = fields
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
        let body = if is_chunked {
            dechunk(rest)
        } else {
            Some(rest.to_vec())
        };
        match body {
            Some(body) => Self::new(status, fields, body),
            None => Self {
                is_broken: true,
                ..Self::default()
            },
        }
    }
}

/// The bytes in a chunked body, if it is whole.
pub(crate) fn dechunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|end| end == b"\r\n")?;
        let line = std::str::from_utf8(&bytes[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        bytes = bytes.get(end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(..size)?);
        bytes = bytes.get(size + 2..)?;
    }
}

fn array(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

pub(crate) fn pairs(value: &Value) -> Vec<(String, String)> {
    array(value)
        .iter()
        .map(|pair| {
            let text = |index: usize| pair[index].as_str().expect("name and value").to_owned();
            (text(0), text(1))
        })
        .collect()
}

pub(crate) fn bytes_of(value: &Value) -> Vec<u8> {
    match value["base64"].as_str() {
        Some(base64) => STANDARD.decode(base64).expect("base64"),
        None => value["text"]
            .as_str()
            .unwrap_or_default()
            .as_bytes()
            .to_vec(),
    }
}

/// Recorded raw bytes stand as one character each.
fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("one byte"))
        .collect()
}

/// Puts `<guid>` in the place of each id.
fn without_ids(text: &str) -> String {
    let is_id = |candidate: &str| {
        candidate.len() == 36
            && candidate.char_indices().all(|(at, c)| match at {
                8 | 13 | 18 | 23 => c == '-',
                _ => c.is_ascii_hexdigit(),
            })
    };
    let parts = text
        .split(", ")
        .map(|part| if is_id(part) { "<guid>" } else { part });
    parts.collect::<Vec<_>>().join(", ")
}
