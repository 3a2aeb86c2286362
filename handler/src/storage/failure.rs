//! What goes wrong between the app and its storage account, in words of our own.

use azure_core::error::ErrorKind;

/// Why the storage account did not do what it was asked. No text holds anything that it said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The identity lacks the role.
    #[error("the app's identity may not do this in the storage account: grant it {0}")]
    Forbidden(&'static str),
    /// No token for the account could be had.
    #[error("the app's identity gets no token for the storage account")]
    Identity,
    /// Too many requests.
    #[error("the storage account is throttling")]
    Throttled,
    /// There is no such thing.
    #[error("the storage account has no such blob or container")]
    NotFound,
    /// It is there already, or has been changed meanwhile.
    #[error("the blob is there already, or has changed meanwhile")]
    Conflict,
    /// Another status.
    #[error("the storage account answers with status {0}")]
    Status(u16),
    /// No connection, or no whole answer.
    #[error("the storage account cannot be reached")]
    Unreachable,
    /// No answer came in time.
    #[error("the storage account takes too long")]
    TimedOut,
    /// The answer is not what was asked for.
    #[error("the storage account's answer is malformed: {0}")]
    Malformed(&'static str),
}

impl StorageError {
    /// The error of a request that needs `role`.
    pub(super) fn of(error: &azure_core::Error, role: &'static str) -> Self {
        if let Some(status) = error.http_status() {
            return match u16::from(status) {
                401 | 403 => Self::Forbidden(role),
                404 => Self::NotFound,
                409 | 412 => Self::Conflict,
                // The service's way to say that it is throttling is 503 (Microsoft Learn, "Status
                // and error codes", ServerBusy).
                429 | 503 => Self::Throttled,
                status => Self::Status(status),
            };
        }
        match error.kind() {
            ErrorKind::Credential => Self::Identity,
            ErrorKind::DataConversion => Self::Malformed("it cannot be read"),
            _ => Self::Unreachable,
        }
    }
}

#[cfg(test)]
mod tests {
    use azure_core::http::StatusCode;

    use super::*;

    const ROLE: &str = "a role";

    fn answered(status: StatusCode) -> azure_core::Error {
        ErrorKind::HttpResponse {
            status,
            error_code: Some("what the service said".to_owned()),
            raw_response: None,
        }
        .into_error()
    }

    #[test]
    fn each_status_has_its_words_and_none_of_the_services() {
        for (status, words) in [
            (StatusCode::Forbidden, "grant it a role"),
            (StatusCode::Unauthorized, "grant it a role"),
            (StatusCode::NotFound, "no such blob"),
            (StatusCode::Conflict, "there already"),
            (StatusCode::PreconditionFailed, "there already"),
            (StatusCode::ServiceUnavailable, "throttling"),
            (StatusCode::InternalServerError, "status 500"),
        ] {
            let text = StorageError::of(&answered(status), ROLE).to_string();
            assert!(text.contains(words), "{status}: {text}");
            assert!(!text.contains("said"), "{text}");
        }
    }

    #[test]
    fn without_a_status_the_kind_decides() {
        let error = |kind| azure_core::Error::with_message(kind, "secret words");

        let identity = StorageError::of(&error(ErrorKind::Credential), ROLE);
        let io = StorageError::of(&error(ErrorKind::Io), ROLE);

        assert!(matches!(identity, StorageError::Identity));
        assert!(matches!(io, StorageError::Unreachable));
        assert!(!format!("{identity} {identity:?} {io} {io:?}").contains("secret"));
    }
}
