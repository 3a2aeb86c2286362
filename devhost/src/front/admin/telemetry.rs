//! What receives telemetry: what came, and faults.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /admin/devhost/telemetry` | tells faults, requests, items by source and signal, and metrics |
//! | `DELETE /admin/devhost/telemetry` | forgets all that |
//! | `POST /admin/devhost/telemetry/fault` | switches a fault of both sources on or off |
//! | `POST …/telemetry/fault/applicationInsights`, `…/otlp` | so for one source |
//! | `GET …/telemetry/traces/<trace id>` | tells everything of a trace, in the words of each source |
//! | `GET …/telemetry/logs` | tells the lines of no trace and the audit events, in those words |
//! | `GET …/telemetry/received` | tells the latest requests byte for byte, without the sender's token |

use super::stand_ins::{Wrong, read};
use super::storage::{json, no_content};
use crate::fault::Fault;
use crate::http1::Response;
use crate::telemetry::{Source, Telemetry};

/// What a request wants of the telemetry.
pub(super) enum OfTelemetry<'a> {
    Report,
    Forget,
    /// Of one source, or of all.
    Fault(Option<Source>),
    Trace(&'a str),
    Logs,
    Received,
}

impl<'a> OfTelemetry<'a> {
    pub(super) fn of(method: &str, path: &[&'a str]) -> Option<Self> {
        Some(match (method, path) {
            ("GET", []) => Self::Report,
            ("DELETE", []) => Self::Forget,
            ("POST", ["fault"]) => Self::Fault(None),
            ("POST", ["fault", source]) => Self::Fault(Some(Source::of(source)?)),
            ("GET", ["traces", trace]) => Self::Trace(trace),
            ("GET", ["logs"]) => Self::Logs,
            ("GET", ["received"]) => Self::Received,
            _ => return None,
        })
    }
}

pub(super) fn answer_telemetry(
    telemetry: &Telemetry,
    asked: &OfTelemetry<'_>,
    body: &[u8],
) -> Result<Response, Wrong> {
    match asked {
        OfTelemetry::Report => {}
        OfTelemetry::Forget => {
            telemetry.forget();
            return Ok(no_content());
        }
        OfTelemetry::Fault(source) => {
            let fault = read::<Fault<_>>(body)?;
            for each in [Source::ApplicationInsights, Source::Otlp] {
                if source.is_none_or(|source| source == each) {
                    telemetry.set_fault(each, fault.clone());
                }
            }
        }
        OfTelemetry::Trace(trace) => {
            let told = telemetry.raw_trace(trace).ok_or(Wrong::Missing)?;
            return Ok(Response::json(200, told));
        }
        OfTelemetry::Logs => return Ok(Response::json(200, telemetry.raw_logs())),
        OfTelemetry::Received => return Ok(json(200, &telemetry.received())),
    }
    Ok(json(200, &telemetry.report()))
}
