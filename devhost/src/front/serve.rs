//! Accepts connections and takes requests off them, one after another.

use super::{Front, Next};
use crate::http1::{Body, Connection, Reader, RequestHead, Responder, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

/// How long what is left of a body is read away before the connection is given up
/// (.NET 8, `Http1MessageBody`).
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, front: Arc<Front>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, Arc::clone(&front)));
            }
            // Out of file descriptors, or a client that left before it was accepted.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn converse(stream: TcpStream, front: Arc<Front>) {
    // A connection that refuses the option is served all the same.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let mut reader = Reader::new(read);
    let mut responder = Responder::new(write);
    loop {
        let head = match RequestHead::read(&mut reader).await {
            Ok(Some(head)) => head,
            Ok(None) => return,
            Err(error) => {
                if let Some(status) = error.status() {
                    responder.close_after();
                    let _ = responder.send(Response::status(status)).await;
                }
                return;
            }
        };
        responder.turn_to(&head.method, head.version, head.keeps_alive());
        let mut body = Body::new(&mut reader, head.framing());
        match front.handle(&head, &mut body, &mut responder).await {
            Ok(Next::Done) => {}
            Ok(Next::Tunnel(handler)) => return tunnel(reader, responder, *handler).await,
            Err(_) => return responder.close(),
        }
        // A client that waits for 100 Continue may send its body or not; there is no telling.
        if body.is_untouched() && head.fields.lists("Expect", "100-continue") {
            return;
        }
        let drained = async { while let Ok(Some(_)) = body.next().await {} };
        if tokio::time::timeout(DRAIN, drained).await.is_err()
            || !body.is_finished()
            || !responder.keeps_alive()
        {
            return;
        }
    }
}

/// Carries bytes both ways until both sides are done.
async fn tunnel(reader: Reader, responder: Responder, handler: Connection) {
    let (mut from_client, early) = reader.into_raw();
    let mut to_client = responder.into_writer();
    let (mut from_handler, answered) = handler.reader.into_raw();
    let mut to_handler = handler.writer;
    let up = async {
        to_handler.write_all(&early).await?;
        tokio::io::copy(&mut from_client, &mut to_handler).await?;
        to_handler.shutdown().await
    };
    let down = async {
        to_client.write_all(&answered).await?;
        tokio::io::copy(&mut from_handler, &mut to_client).await?;
        to_client.shutdown().await
    };
    // Either side may end first; what the other still says is carried to it.
    let _ = tokio::join!(up, down);
}
