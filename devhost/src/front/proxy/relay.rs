//! The two directions of a proxied request.

use super::attempts::Attempts;
use super::passed_back;
use crate::http1::{
    Body, BodyError, Client, Connection, Framing, HeadError, LAST_CHUNK, Outgoing, Reader,
    RequestHead, Responder, ResponseHead, SendError, chunk, write_request,
};
use crate::invoke::InvokeError;
use bytes::Bytes;
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

/// How long nothing may happen (YARP's `ActivityTimeout` as the host sets it).
const MAX_SILENCE: Duration = Duration::from_secs(240);
/// `SocketsHttpHandler` repeats by itself what has no content at all.
const SENDS_WITHOUT_CONTENT: u32 = 4;

/// What goes to the handler after the head.
pub(super) enum Upload {
    Nothing,
    /// `Content-Length`: read before anything is sent.
    Whole(Bytes),
    /// Chunked: passed on as it comes.
    Streamed,
}

/// One request on its way through the proxy.
pub(super) struct Proxied<'a> {
    pub(super) client: &'a Client,
    pub(super) head: &'a RequestHead,
    pub(super) upload: &'a Upload,
    pub(super) has_content: bool,
    pub(super) expects: bool,
}

/// How a proxied request ended.
pub(super) enum Relayed {
    Answered(u16),
    Upgraded(Box<Connection>),
    ClientLeft,
}

/// Who ended a transfer early.
enum Broken {
    Client,
    Handler(BodyError),
}

impl Proxied<'_> {
    pub(super) async fn relay(
        &self,
        body: &mut Body<'_>,
        responder: &mut Responder,
    ) -> Result<Relayed, InvokeError> {
        if matches!(self.upload, Upload::Streamed) {
            return self.relay_both_ways(body, responder).await;
        }
        // The body is in; the client can only wait or leave.
        let (mut connection, answer) = tokio::select! {
            answer = self.answer() => answer?,
            () = body.peer_leaves() => return Ok(Relayed::ClientLeft),
        };
        if begin(&answer, responder).await?.is_err() {
            return Ok(Relayed::ClientLeft);
        }
        if answer.status == 101 {
            return Ok(Relayed::Upgraded(Box::new(connection)));
        }
        let framing = answer.framing(&self.head.method);
        let downloaded = tokio::select! {
            downloaded = download(&mut connection.reader, framing, responder) => downloaded,
            () = body.peer_leaves() => Err(Broken::Client),
        };
        match downloaded {
            Ok(()) => {
                if answer.keeps_alive() && framing != Framing::UntilClose {
                    self.client.keep(connection);
                }
                Ok(Relayed::Answered(answer.status))
            }
            Err(Broken::Client) => Ok(Relayed::ClientLeft),
            Err(Broken::Handler(error)) => Err(SendError::Body(error).into()),
        }
    }

    /// Sends and waits for the answer's head, again and again while the handler does not take the
    /// request or closes. A body is sent once; after that, attempts deliver nothing.
    async fn answer(&self) -> Result<(Connection, ResponseHead), SendError> {
        let (body, sends) = match self.upload {
            Upload::Whole(whole) => (Outgoing::Whole(whole.clone()), 1),
            _ if self.has_content => (Outgoing::Nothing, 1),
            _ => (Outgoing::Nothing, SENDS_WITHOUT_CONTENT),
        };
        let mut attempts = Attempts::new();
        loop {
            let error = match self.attempt(&body, sends).await {
                Ok(answered) => return Ok(answered),
                Err(error) => error,
            };
            let is_spent =
                matches!(body, Outgoing::Whole(_)) && !matches!(error, SendError::Connect(_));
            if is_spent {
                attempts.wait_out().await;
            }
            if !attempts.another().await {
                return Err(error);
            }
        }
    }

    async fn attempt(
        &self,
        body: &Outgoing,
        sends: u32,
    ) -> Result<(Connection, ResponseHead), SendError> {
        let mut left = sends;
        loop {
            let mut connection = self.client.connect().await?;
            left -= 1;
            match connection.converse(self.head, body).await {
                Ok((answer, _)) => return Ok((connection, answer)),
                Err(SendError::Closed) if left > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A chunked upload: both directions at once, for as long as either has something to say.
    async fn relay_both_ways(
        &self,
        body: &mut Body<'_>,
        responder: &mut Responder,
    ) -> Result<Relayed, InvokeError> {
        let mut attempts = Attempts::new();
        let mut connection = loop {
            match self.client.connect().await {
                Ok(connection) => break connection,
                Err(error) if !attempts.another().await => return Err(error.into()),
                Err(_) => {}
            }
        };
        if self.expects && responder.go_ahead().await.is_err() {
            return Ok(Relayed::ClientLeft);
        }
        let mut uploading = pin!(self.upload(&mut connection.writer, body));
        let mut uploaded = false;
        let answer = {
            let mut reading = pin!(ResponseHead::read(&mut connection.reader));
            loop {
                tokio::select! {
                    biased;
                    result = &mut uploading, if !uploaded => match result {
                        Err(Broken::Client) => return Ok(Relayed::ClientLeft),
                        // A handler may answer and close before it has read everything.
                        Ok(()) | Err(Broken::Handler(_)) => uploaded = true,
                    },
                    answer = &mut reading => break answer,
                }
            }
        };
        let answer = match answer {
            Ok(Some(answer)) => answer,
            refused => {
                attempts.wait_out().await;
                return Err(match refused {
                    Err(error @ (HeadError::Malformed(_) | HeadError::Truncated)) => {
                        SendError::Head(error)
                    }
                    _ => SendError::Closed,
                }
                .into());
            }
        };
        if begin(&answer, responder).await?.is_err() {
            return Ok(Relayed::ClientLeft);
        }
        let framing = answer.framing(&self.head.method);
        let mut downloading = pin!(download(&mut connection.reader, framing, responder));
        loop {
            tokio::select! {
                biased;
                result = &mut uploading, if !uploaded => match result {
                    Err(Broken::Client) => return Ok(Relayed::ClientLeft),
                    Ok(()) | Err(Broken::Handler(_)) => uploaded = true,
                },
                result = &mut downloading => return match result {
                    Ok(()) => Ok(Relayed::Answered(answer.status)),
                    Err(Broken::Client) => Ok(Relayed::ClientLeft),
                    Err(Broken::Handler(error)) => Err(SendError::Body(error).into()),
                },
            }
        }
    }

    async fn upload(&self, writer: &mut OwnedWriteHalf, body: &mut Body<'_>) -> Result<(), Broken> {
        let lost = |error: io::Error| Broken::Handler(BodyError::Io(error));
        write_request(writer, self.head, &Outgoing::Nothing)
            .await
            .map_err(lost)?;
        while let Some(piece) = body.next().await.map_err(|_| Broken::Client)? {
            writer.write_all(&chunk(&piece)).await.map_err(lost)?;
        }
        writer.write_all(LAST_CHUNK).await.map_err(lost)
    }
}

/// Starts the client's answer; the inner error is the client's.
async fn begin(
    answer: &ResponseHead,
    responder: &mut Responder,
) -> Result<io::Result<()>, SendError> {
    if answer.fields.iter().any(|(_, value)| !value.is_ascii()) {
        return Err(SendError::Head(HeadError::Malformed(
            "a field value is not ASCII",
        )));
    }
    let mut fields = passed_back(answer);
    if answer.status == 101 {
        fields.push("Connection", "Upgrade");
        for protocol in answer.fields.all("Upgrade") {
            fields.push("Upgrade", protocol);
        }
    }
    Ok(responder.start(answer.status, fields).await)
}

async fn download(
    reader: &mut Reader,
    framing: Framing,
    responder: &mut Responder,
) -> Result<(), Broken> {
    let mut body = Body::new(reader, framing);
    loop {
        let piece = match tokio::time::timeout(MAX_SILENCE, body.next()).await {
            Ok(piece) => piece.map_err(Broken::Handler)?,
            Err(_) => {
                return Err(Broken::Handler(BodyError::Io(
                    io::ErrorKind::TimedOut.into(),
                )));
            }
        };
        match piece {
            Some(piece) => responder.piece(&piece).await.map_err(|_| Broken::Client)?,
            None => return responder.finish().await.map_err(|_| Broken::Client),
        }
    }
}
