//! MQTT messages: a connection for each, so that a broker that was away is no matter.

use super::{ActionError, Broker};
use rumqttc::{AsyncClient, Event, MqttOptions, Outgoing, Packet, QoS};
use std::time::Duration;

/// Longer than any action takes: no ping is ever due.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Publishes, and waits until the broker has it as surely as `qos` asks for.
pub(super) async fn publish(
    broker: &Broker,
    (topic, payload, qos, retain): (&str, &str, u8, bool),
    id: u128,
) -> Result<(), ActionError> {
    let unreachable = |why: String| {
        let to = format!("the broker {}", broker.host);
        ActionError::Unreachable { to, why }
    };
    let mut options = MqttOptions::new(format!("causeway-{id:032x}"), &broker.host, broker.port);
    options.set_keep_alive(KEEP_ALIVE);
    if let Some(user) = &broker.user {
        options.set_credentials(user, password(broker)?);
    }
    let qos = match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    };
    let (client, mut events) = AsyncClient::new(options, 2);
    let sent = client.publish(topic, qos, retain, payload).await;
    sent.map_err(|error| unreachable(error.to_string()))?;
    loop {
        let event = events.poll().await.map_err(|error| unreachable(error.to_string()))?;
        if is_done(&event, qos) {
            break;
        }
    }
    // A goodbye, so that the broker does not take it for a loss; what matters is done.
    if client.disconnect().await.is_ok() {
        while let Ok(event) = events.poll().await {
            if event == Event::Outgoing(Outgoing::Disconnect) {
                break;
            }
        }
    }
    Ok(())
}

/// Whether a message of `qos` is there, as far as can be known.
fn is_done(event: &Event, qos: QoS) -> bool {
    match qos {
        QoS::AtMostOnce => matches!(event, Event::Outgoing(Outgoing::Publish(_))),
        QoS::AtLeastOnce => matches!(event, Event::Incoming(Packet::PubAck(_))),
        QoS::ExactlyOnce => matches!(event, Event::Incoming(Packet::PubComp(_))),
    }
}

fn password(broker: &Broker) -> Result<String, ActionError> {
    let Some(path) = &broker.password else { return Ok(String::new()) };
    let read = std::fs::read_to_string(path);
    let why = |error: std::io::Error| ActionError::Password {
        path: path.clone(),
        why: error.to_string(),
    };
    Ok(read.map_err(why)?.trim_end().to_owned())
}
