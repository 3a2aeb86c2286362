//! The latest requests one by one, in the order in which they began and ended.

use std::collections::VecDeque;

use serde::Serialize;

use super::fault::FaultKind;

/// How many requests are remembered.
const REMEMBERED: usize = 1000;

/// What happened last. Beginnings and ends are numbered together, so that it shows which requests were
/// under way at once, whatever the clock says.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    #[serde(skip)]
    events: u64,
}

/// A request as it came.
#[derive(Debug, Serialize)]
pub(super) struct Request {
    pub(super) operation: &'static str,
    pub(super) name: String,
    /// The host that was asked for.
    pub(super) host: Option<String>,
    /// What was wrong with the vault.
    pub(super) fault: FaultKind,
    /// Whether there was an `Authorization` header, whatever it said.
    pub(super) authorization: bool,
}

#[derive(Debug, Serialize)]
struct Entry {
    began: u64,
    ended: Option<u64>,
    /// None without an answer.
    status: Option<u16>,
    #[serde(flatten)]
    request: Request,
}

impl History {
    /// Notes a request, and gives the number of its beginning.
    pub(super) fn begin(&mut self, request: Request) -> u64 {
        let began = self.next();
        if self.entries.len() == REMEMBERED {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            began,
            ended: None,
            status: None,
            request,
        });
        began
    }

    /// Notes how the request that began so ended.
    pub(super) fn end(&mut self, began: u64, status: Option<u16>) {
        let ended = self.next();
        let mut entries = self.entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.began == began) {
            entry.ended = Some(ended);
            entry.status = status;
        }
    }

    fn next(&mut self) -> u64 {
        self.events += 1;
        self.events
    }
}
