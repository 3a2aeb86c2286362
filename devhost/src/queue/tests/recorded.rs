//! Recorded messages, and what the host made of them.

use super::super::*;
use crate::encode::envelope;
use crate::newtonsoft::{Date, DateKind, Token};
use crate::outputs::DataType;
use crate::testing::recorded;

/// The recorded invocations of a queue trigger, each with the message that caused it.
fn messages(recording: &str, encoding: Encoding) -> Vec<(serde_json::Value, Listener, Message)> {
    let message = |case: serde_json::Value| {
        let text = case["handlerReceived"]["text"].as_str().unwrap();
        let body: serde_json::Value = serde_json::from_str(text).unwrap();
        let trigger = &case["bindings"][0];
        let data_type = trigger["dataType"]
            .as_str()
            .map_or(DataType::Undefined, |w| DataType::parse(w).unwrap());
        let data = body["Data"][trigger["name"].as_str().unwrap()]
            .as_str()
            .unwrap();
        let bytes = match data_type {
            DataType::Binary => crate::outputs::from_base64(data).unwrap(),
            _ => serde_json::from_str::<String>(data).unwrap().into_bytes(),
        };
        let now = Date::now(DateKind::Local);
        let message = Message {
            id: "3dd3ef98-b416-46d4-8562-8c9a06a950e7".to_owned(),
            pop_receipt: "receipt".to_owned(),
            text: encoding.encode(&bytes),
            // Forged counts are recorded as strings of strings.
            dequeue_count: body["Metadata"]["DequeueCount"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap_or(1),
            inserted: now,
            expires: now,
            next_visible: now,
        };
        let listener = Listener {
            function: case["function"].as_str().unwrap().to_owned(),
            binding: trigger["name"].as_str().unwrap().to_owned(),
            queue: trigger["queueName"].as_str().unwrap().to_owned(),
            data_type,
        };
        (case, listener, message)
    };
    recorded(recording).into_iter().map(message).collect()
}

/// The body with everything that differs from run to run made the same, members in order.
fn comparable(body: &str, data: &str) -> String {
    let body = Token::parse_response(body).unwrap();
    let value = body.get("Data").and_then(|d| d.get(data)).unwrap();
    let Some(Token::Object(metadata)) = body.get("Metadata") else {
        panic!("Metadata is an object");
    };
    let metadata = metadata.iter().map(|(name, value)| {
        let value = match (name.as_str(), value) {
            ("Id", Token::String(id)) if id.len() == 38 => Token::text("<id>"),
            ("PopReceipt", _) => Token::text("<receipt>"),
            ("ExpirationTime" | "InsertionTime" | "NextVisibleTime", Token::Date(date)) => {
                assert!(date.to_iso().ends_with("+00:00") && date.to_iso().len() == 25);
                Token::text("<time>")
            }
            ("sys", sys) if sys.get("UtcNow").is_some() => {
                assert!(matches!(sys.get("UtcNow"), Some(Token::Date(date)) if date.to_iso().ends_with('Z')));
                Token::object([
                    ("MethodName", sys.get("MethodName").unwrap().clone()),
                    ("UtcNow", Token::text("<time>")),
                    ("RandGuid", Token::text("<id>")),
                ])
            }
            _ => value.clone(),
        };
        (name.clone(), value)
    });
    Token::object([
        ("Data", value.clone()),
        ("Metadata", Token::object(metadata)),
    ])
    .to_indented()
}

fn assert_as_recorded(recording: &str, encoding: Encoding, cases: usize) {
    let settings = Settings {
        encoding,
        ..Settings::default()
    };
    let messages = messages(recording, encoding);
    assert_eq!(messages.len(), cases);
    for (case, listener, message) in messages {
        let call = listener.call(&message, &settings).unwrap();

        let ours = envelope(&[call.data()], &call.metadata()).to_compact();

        let theirs = case["handlerReceived"]["text"].as_str().unwrap();
        assert_eq!(
            comparable(&ours, &listener.binding),
            comparable(theirs, &listener.binding),
            "{}",
            case["case"]
        );
    }
}

#[test]
fn every_recorded_message_is_handed_on_as_the_host_did() {
    assert_as_recorded("queue", Encoding::Base64, 47);
}

#[test]
fn every_recorded_message_without_encoding_is_handed_on_as_the_host_did() {
    assert_as_recorded("queue-encoding-none", Encoding::None, 48);
}
